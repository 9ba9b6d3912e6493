/// Starts the window: the language, then the house behind it, then the pages.
import { mount } from "svelte";
import App from "./App.svelte";
import { speak } from "./lib/i18n/index.svelte";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";

async function start(): Promise<void> {
  speak(navigator.languages);
  // The mode is known when the bundle is made: the app carries no demo, the demo no Tauri.
  const { house } =
    import.meta.env.MODE === "demo" ? await import("./lib/demo") : await import("./lib/api");
  const target = document.getElementById("app");
  if (target) mount(App, { target, props: { house } });
}

void start();
