/// The pages as the window loads them: the one that is asked for at once, the others while nobody waits.
import type { Component } from "svelte";
import type { Refusal } from "../lib/api/bindings";
import { PAGES, type Page } from "../lib/router.svelte";

type Loaded = { default: Component };

const LOADERS: Record<Page | "start", () => Promise<Loaded>> = {
  now: () => import("./now/Now.svelte"),
  energy: () => import("./energy/Energy.svelte"),
  rules: () => import("./rules/Rules.svelte"),
  market: () => import("./market/Market.svelte"),
  earnings: () => import("./earnings/Earnings.svelte"),
  meters: () => import("./meters/Meters.svelte"),
  settings: () => import("./settings/Settings.svelte"),
  start: () => import("./start/Start.svelte"),
};

/** Long enough for the first figures to be on show. */
const IDLE_MS = 800;

export class Pages {
  /** The page whose content is on show. */
  shown = $state<Page>("now");
  Page = $state.raw<Component | null>(null);
  Start = $state.raw<Component | null>(null);
  /** Why the page that was asked for could not be loaded. */
  failed = $state.raw<Refusal | null>(null);
  #asked: Page;
  #loaded = new Map<Page | "start", Promise<Loaded>>();

  constructor(first: Page) {
    this.#asked = first;
    this.shown = first;
  }

  /** Shows a page once it is there; one that was asked for later goes first. */
  async show(page: Page): Promise<void> {
    this.#asked = page;
    const loaded = await this.#load(page);
    if (this.#asked !== page) return;
    this.shown = page;
    if (loaded) [this.Page, this.failed] = [loaded, null];
    this.#loadRest();
  }

  async start(): Promise<void> {
    this.Start ??= await this.#load("start");
  }

  async #load(name: Page | "start"): Promise<Component | null> {
    const loading = this.#loaded.get(name) ?? LOADERS[name]();
    this.#loaded.set(name, loading);
    try {
      return (await loading).default;
    } catch (cause) {
      // It lies beside the page that runs: who tries again asks the disk again.
      this.#loaded.delete(name);
      const message = cause instanceof Error ? cause.message : String(cause);
      this.failed = { code: "ui_broken", message, hint: "" };
      return null;
    }
  }

  /** So that the next page is there before it is asked for. */
  #loadRest(): void {
    if (this.#loaded.size >= PAGES.length) return;
    setTimeout(() => {
      for (const page of PAGES)
        if (!this.#loaded.has(page)) {
          const loading = LOADERS[page]();
          this.#loaded.set(page, loading);
          // Whoever asks for it hears why.
          loading.catch(() => this.#loaded.delete(page));
        }
    }, IDLE_MS);
  }
}
