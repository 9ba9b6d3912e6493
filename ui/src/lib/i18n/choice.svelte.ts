/// The language as a choice: as the system speaks until the owner says otherwise.
import { remember, remembered } from "../memory";
import { isLanguage, speak, type Language } from "./index.svelte";

const KEY = "language";
let chosen = $state<Language | "system">("system");

export const languageChoice = (): Language | "system" => chosen;

export function startLanguage(): void {
  const last = remembered(KEY);
  chosen = last !== null && isLanguage(last) ? last : "system";
  follow();
}

export function chooseLanguage(wish: Language | "system"): void {
  chosen = wish;
  remember(KEY, wish === "system" ? null : wish);
  follow();
}

/** The region that numbers follow stays the system's, where it speaks the language too. */
function follow(): void {
  const wishes = navigator.languages;
  if (chosen === "system") return speak(wishes);
  const language = chosen;
  speak([...wishes.filter((tag) => tag.startsWith(language)), language]);
}
