/// A rule as a sentence; the place of its price is left for an input.
import type { RuleView } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { parts, t } from "../../lib/i18n/index.svelte";
import type { Part } from "../../lib/i18n/message";

/** The sentence in pieces; the piece named `price` is the limit. */
export function ruleSentence(rule: RuleView, formats: Formats): Part[] {
  return parts(`rule.${rule.side}`, {
    price: limitText(rule, formats),
    when: whenText(rule, formats),
    cap:
      rule.cap_wh_per_day === null
        ? ""
        : t("rule.cap", { cap: formats.energyWh(rule.cap_wh_per_day) }),
  });
}

export function limitText({ limit }: RuleView, formats: Formats): string {
  switch (limit.kind) {
    case "at":
      return formats.price(limit.micros_per_kwh);
    case "above_feed_in":
      return t("rule.limit.above_feed_in", { price: formats.price(limit.micros_per_kwh) });
    case "share_of_spread":
      return t("rule.limit.share_of_spread", { share: formats.percent(limit.thousandths / 1000) });
  }
}

function whenText({ hours, days }: RuleView, formats: Formats): string {
  const [from, to] = hours?.split("-") ?? [];
  const time = from && to ? t("rule.hours", { from, to }) : t("rule.all_day");
  if (days.length === 0) return time;
  return t("rule.days", { time, days: formats.list(days.map((day) => formats.weekday(day))) });
}
