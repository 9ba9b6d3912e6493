/// The household as the pages share it: the frame, the market's clock, the formats, the open views.
import { createContext } from "svelte";
import type { FrameView, ViewName } from "./api/bindings";
import type { House } from "./api/house";
import { Formats } from "./format";
import { spokenLocale } from "./i18n/index.svelte";
import { LiveView } from "./live.svelte";

export class Household {
  readonly house: House;
  readonly frame: LiveView<FrameView>;
  /** Market time in ms, moved on once a second of real time. */
  now = $state(0);
  formats = $derived.by(() => {
    const frame = this.frame.data;
    return new Formats(spokenLocale(), frame?.currency ?? "EUR", frame?.zone ?? "UTC");
  });

  readonly #open = new Map<ViewName, Set<() => void>>();
  #base = { market: 0, at: 0, speed: 1 };

  constructor(house: House) {
    this.house = house;
    this.frame = new LiveView(() => this.#askFrame());
    this.watch("frame", this.frame.refresh);
  }

  /** Listens to the house and lets the clock tick, until the returned function is called. */
  start(): () => void {
    const quiet = this.house.onChanged((views) => this.#changed(views));
    const ticking = setInterval(() => this.#tick(), 1000);
    const seen = () => document.hidden || this.#changed([...this.#open.keys()]);
    document.addEventListener("visibilitychange", seen);
    this.frame.refresh();
    return () => {
      quiet();
      clearInterval(ticking);
      document.removeEventListener("visibilitychange", seen);
    };
  }

  /** Calls back whenever the view has new facts and the window is seen. */
  watch(view: ViewName, refresh: () => void): () => void {
    const watchers = this.#open.get(view) ?? new Set();
    this.#open.set(view, watchers.add(refresh));
    return () => watchers.delete(refresh);
  }

  #changed(views: readonly ViewName[]): void {
    if (document.hidden) return;
    for (const view of views) for (const refresh of this.#open.get(view) ?? []) refresh();
  }

  async #askFrame(): ReturnType<House["frame"]> {
    const answer = await this.house.frame();
    if (answer.status === "ok") {
      const market = Date.parse(answer.data.market_time);
      this.#base = { market, at: performance.now(), speed: answer.data.speed ?? 1 };
      this.#tick();
    }
    return answer;
  }

  #tick(): void {
    const { market, at, speed } = this.#base;
    if (document.hidden || market === 0) return;
    this.now = market + (performance.now() - at) * speed;
  }
}

export const [useHousehold, provideHousehold] = createContext<Household>();
