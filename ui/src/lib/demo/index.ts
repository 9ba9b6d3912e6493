/// Opens the demo as its address asks: `?state=stale&lang=de&theme=dark&speed=60&sun=none`.
import { speak } from "../i18n/index.svelte";
import { APPEARANCES } from "../appearance.svelte";
import { DEMO, DemoHouse } from "./house";
import { STATES } from "./states";

const query = new URLSearchParams(location.search);

const language = query.get("lang");
if (language) speak([language]);

const theme = query.get("theme");
if (theme !== "system" && APPEARANCES.some((each) => each === theme))
  document.documentElement.dataset.theme = theme ?? "";

export const house = new DemoHouse({
  state: STATES.find((state) => state === query.get("state")) ?? DEMO.state,
  speed: Number(query.get("speed")) || DEMO.speed,
  sun: query.get("sun") !== "none",
  seed: Number(query.get("seed")) || DEMO.seed,
});
