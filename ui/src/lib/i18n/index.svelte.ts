/// The words of the window, from catalogues: English and German.
import de from "./de.json";
import en from "./en.json";
import { fill, placesOf, type Part, type Values } from "./message";

export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];
export type Key = keyof typeof en;

const CATALOGUES: Record<Language, Record<string, string>> = { en, de };

let language = $state<Language>("en");
let locale = $state("en");

export const isLanguage = (text: string): text is Language =>
  LANGUAGES.some((each) => each === text);

/** Follows the first wish that there is a catalogue for; the wish's region decides about numbers. */
export function speak(wishes: readonly string[]): void {
  const wish = wishes.find((tag) => tag.slice(0, 2) in CATALOGUES) ?? "en";
  language = wish.slice(0, 2) as Language;
  locale = wish;
}

export const spokenLanguage = (): Language => language;
export const spokenLocale = (): string => locale;

export function t(key: Key, values: Values = {}): string {
  return parts(key, values)
    .map((part) => part.text)
    .join("");
}

/** The message in pieces, so that a page can set the values apart. */
export function parts(key: Key, values: Values = {}): Part[] {
  return fill(CATALOGUES[language][key] ?? key, values, locale);
}

/** The places that a message has, in the language spoken. */
export const placesIn = (key: Key): string[] => placesOf(CATALOGUES[language][key] ?? "");

/** The key if the catalogues have it: for codes that the program makes and the window may not know. */
export function known(key: string): Key | null {
  return key in en ? (key as Key) : null;
}
