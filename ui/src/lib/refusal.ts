/// Sentences for refusals: those that the window makes itself, and those of the program.
import type { Refusal } from "./api/bindings";
import { spokenLanguage, t } from "./i18n/index.svelte";
import { outside } from "./outside";
import { told, type Told } from "./program";

export type RefusalText = {
  message: Told;
  hint: Told;
  /** What the program said in full, where the sentence above is only of its kind. */
  detail: Told | null;
};

const own = (text: string): Told => ({ text, lang: undefined });

export function refusalText({ code, message, hint }: Refusal): RefusalText {
  switch (code) {
    case "ui_timeout":
      return ours("timeout");
    case "ui_broken":
      return ours("broken");
    default: {
      const said = told(`refusal.${code}`, message, 600);
      const translated = spokenLanguage() !== "en" && said.lang === undefined;
      return {
        message: said,
        hint: told(translated ? `refusal.${code}.todo` : "", hint, 600),
        detail: translated && message ? { text: outside(message, 600), lang: "en" } : null,
      };
    }
  }
}

const ours = (code: "timeout" | "broken"): RefusalText => ({
  message: own(t(`refusal.${code}.message`)),
  hint: own(t(`refusal.${code}.hint`)),
  detail: null,
});
