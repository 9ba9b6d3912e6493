/// Sentences in pieces: words, and figures with a role.
import { parts, type Key } from "./i18n/index.svelte";

export type Role = "sun" | "self" | "neighbour" | "import" | "export" | "battery" | "plain";
export type Phrase = { text: string; role: Role | null };
export type Figure = { text: string; role: Role };

/** Fills a message of the catalogue; its figures keep their roles. */
export function say(key: Key, figures: Record<string, Figure> = {}): Phrase[] {
  const values = Object.fromEntries(Object.entries(figures).map(([name, f]) => [name, f.text]));
  return parts(key, values).map(({ text, name }) => ({
    text,
    role: name === null ? null : (figures[name]?.role ?? null),
  }));
}

/** Sets sentences one after the other. */
export function join(...sentences: Phrase[][]): Phrase[] {
  const said = sentences.filter((sentence) => sentence.length > 0);
  return said.flatMap((sentence, i) =>
    i === 0 ? sentence : [{ text: " ", role: null }, ...sentence],
  );
}

export const plainText = (phrases: readonly Phrase[]): string =>
  phrases.map((phrase) => phrase.text).join("");
