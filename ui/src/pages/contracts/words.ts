/// A contract in the owner's words.
import type { ContractForm, PriceFormView } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { t } from "../../lib/i18n/index.svelte";
import { outside } from "../../lib/outside";
import { feedInKindOf, kindOf, microsOf } from "./form";

const money = (text: string | null, formats: Formats): string => {
  const micros = microsOf(text);
  return micros === null ? "–" : formats.price(micros);
};

/** What it charges and pays, one sentence each. */
export function sentencesOf(form: ContractForm, formats: Formats): string[] {
  const lines: string[] = [];
  const kind = kindOf(form);
  if (kind === "dynamic") {
    const parts = form.retail.charges.map(
      ({ name, price }) => `${outside(name, 40)} ${money(price, formats)}`,
    );
    if (form.retail.price !== null) parts.unshift(money(form.retail.price, formats));
    lines.push(
      parts.length === 0
        ? t("contracts.says.dynamic_bare")
        : t("contracts.says.dynamic", { parts: formats.list(parts) }),
    );
    if (form.retail.tax !== null) lines.push(t("contracts.says.tax", { tax: form.retail.tax }));
    if (form.by_the_hour) lines.push(t("contracts.says.hourly"));
  } else {
    lines.push(t(`contracts.says.${kind}`, { price: money(form.retail.price, formats) }));
  }
  for (const zone of form.zones) {
    const hours = zone.hours.length === 0 ? t("contracts.all_day") : zone.hours.join(", ");
    const days = zone.days.map((day) =>
      day === "holiday" ? t("contracts.holiday") : formats.weekday(day),
    );
    lines.push(
      t("contracts.says.zone", {
        name: outside(zone.name, 40),
        when: days.length === 0 ? hours : `${formats.list(days)}, ${hours}`,
        price: money(zone.retail?.price ?? zone.feed_in?.price ?? null, formats),
      }),
    );
  }
  for (const tier of form.tiers) {
    lines.push(
      t("contracts.says.tier", { up_to: tier.up_to, price: money(tier.retail.price, formats) }),
    );
  }
  lines.push(feedInSentence(form.feed_in, formats));
  if (form.standing.length > 0) {
    lines.push(t("contracts.says.standing", { amount: formats.list(form.standing) }));
  }
  return lines;
}

const feedInSentence = (price: PriceFormView, formats: Formats): string =>
  t(`contracts.says.feed_in.${feedInKindOf(price)}`, { price: money(price.price, formats) });
