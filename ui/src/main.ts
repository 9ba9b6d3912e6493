/// Starts the window: the looks and the language, then the house behind it, then the pages.
import { mount } from "svelte";
import App from "./App.svelte";
import { startAppearance } from "./lib/appearance.svelte";
import { startLanguage } from "./lib/i18n/choice.svelte";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/print.css";

async function start(): Promise<void> {
  startAppearance();
  startLanguage();
  // The mode is known when the bundle is made: the app carries no demo, the demo no Tauri.
  const { house } =
    import.meta.env.MODE === "demo" ? await import("./lib/demo") : await import("./lib/api");
  const target = document.getElementById("app");
  if (target) mount(App, { target, props: { house } });
}

void start();
