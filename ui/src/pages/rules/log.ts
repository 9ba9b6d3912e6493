/// What was changed about the rules, as sentences.
import type { RuleChangeView } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { known, t } from "../../lib/i18n/index.svelte";

export function changeSentence(change: RuleChangeView, formats: Formats): string {
  const { rule, what, micros_per_kwh } = change;
  if (what === "limit" && micros_per_kwh !== null) {
    return t("change.price", { rule, price: formats.price(micros_per_kwh) });
  }
  return t(`change.${what}`, { rule });
}

/** Who it was: the owner in this window, the file that was edited, or a name. */
export function changedBy(who: string): string {
  const key = known(`change.by.${who}`);
  return key ? t(key) : who;
}
