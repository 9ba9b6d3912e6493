/// Sentences for refusals that the window makes itself; those of the program come whole.
import type { Refusal } from "./api/bindings";
import { t } from "./i18n/index.svelte";
import { outside } from "./outside";

export function refusalText(refusal: Refusal): { message: string; hint: string } {
  switch (refusal.code) {
    case "ui_timeout":
      return { message: t("refusal.timeout.message"), hint: t("refusal.timeout.hint") };
    case "ui_broken":
      return { message: t("refusal.broken.message"), hint: t("refusal.broken.hint") };
    default:
      return { message: outside(refusal.message, 600), hint: outside(refusal.hint, 600) };
  }
}
