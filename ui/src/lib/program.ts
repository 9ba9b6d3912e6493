/// Sentences that the program makes: in English as it says them, in other languages by their code.
import { spokenLanguage, type Language } from "./i18n/index.svelte";
import german from "./i18n/program.de.json";
import { outside } from "./outside";

/** The language is named where it is not the page's, so that it is not read out in the wrong one. */
export type Told = { text: string; lang: "en" | undefined };

const CATALOGUES: Partial<Record<Language, Record<string, string>>> = { de: german };

/** The program's sentence of the code, or its own English one where this language has none. */
export function told(code: string, english: string, most?: number): Told {
  const language = spokenLanguage();
  const own = CATALOGUES[language];
  const translated = own && Object.hasOwn(own, code) ? own[code] : undefined;
  if (translated !== undefined) return { text: translated, lang: undefined };
  return { text: outside(english, most), lang: language === "en" ? undefined : "en" };
}
