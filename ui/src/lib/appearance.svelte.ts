/// Light, dark or high contrast: as the system wishes until the owner chooses.
import { remembered, remember } from "./memory";

export const APPEARANCES = ["system", "light", "dark", "contrast"] as const;
export type Appearance = (typeof APPEARANCES)[number];
type Theme = Exclude<Appearance, "system">;

const KEY = "appearance";
let chosen = $state<Appearance>("system");

export const appearance = (): Appearance => chosen;

/** Takes up what was chosen last, and follows the system where nothing was. */
export function startAppearance(): void {
  const last = remembered(KEY);
  chosen = APPEARANCES.find((each) => each === last) ?? "system";
  for (const query of [DARK, MORE]) query?.addEventListener("change", show);
  show();
}

/** Shows the window so from now on. */
export function chooseAppearance(wish: Appearance): void {
  chosen = wish;
  remember(KEY, wish === "system" ? null : wish);
  show();
}

const media = (query: string): MediaQueryList | undefined => globalThis.matchMedia?.(query);
const DARK = media("(prefers-color-scheme: dark)");
const MORE = media("(prefers-contrast: more)");

function show(): void {
  document.documentElement.dataset.theme = themeOf(chosen, DARK?.matches, MORE?.matches);
}

/** The dark list is strong enough for who wants more contrast in the dark. */
export function themeOf(wish: Appearance, dark = false, more = false): Theme {
  if (wish !== "system") return wish;
  return dark ? "dark" : more ? "contrast" : "light";
}
