/// What the page says of slots, orders and deals, in the owner's words.
import type {
  BookView,
  DealView,
  MarketSlotView,
  OwnOrderView,
  SideView,
} from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { t, type Key } from "../../lib/i18n/index.svelte";
import { outside } from "../../lib/outside";
import { reasonSentence } from "../rules/reasons";

type Tone = "plain" | "open" | "good" | "warn" | "trouble";

export const lifeTone: Record<MarketSlotView["life"], Tone> = {
  open: "open",
  closed: "plain",
  running: "plain",
  delivered: "plain",
  cleared: "good",
  settled: "good",
  final: "good",
};

/** What a quarter hour came to, or what it waits for. */
export function slotSentence(slot: MarketSlotView, formats: Formats): string {
  const price = formats.price(slot.price_micros_per_kwh);
  switch (slot.life) {
    case "open":
      return slot.gate_closes === null
        ? t("market.why.open_unknown")
        : t("market.why.open", { time: formats.time(slot.gate_closes) });
    case "closed":
      return t("market.why.closed", { time: formats.time(slot.gate_closes) });
    case "running":
      return t("market.why.running", { time: formats.time(slot.ends) });
    case "delivered":
      return slot.readings_close === null
        ? t("market.why.delivered_unknown")
        : t("market.why.delivered", { time: formats.time(slot.readings_close) });
    case "cleared":
      return t("market.why.cleared");
    default: {
      if (slot.sold_wh)
        return t("market.why.sold", { energy: formats.energyWh(slot.sold_wh), price });
      if (slot.bought_wh)
        return t("market.why.bought", { energy: formats.energyWh(slot.bought_wh), price });
      return slot.price_micros_per_kwh === null
        ? t("market.why.no_price")
        : t("market.why.nothing", { price });
    }
  }
}

/** Why no order stands for a quarter hour. */
export function whyNone(slot: MarketSlotView, formats: Formats): string {
  const [first] = slot.reasons;
  return first ? reasonSentence(first, formats) : t("market.slot.no_order");
}

/** What one of the home's own orders got, and why. */
export function ownSentences(own: OwnOrderView, book: BookView, formats: Formats): string[] {
  const asked = t(`order.${own.side}`, {
    quantity: formats.energyWh(own.asked_wh),
    price: formats.price(own.limit_micros_per_kwh),
  });
  if (own.quantity_wh === null) return [`${asked}.`, t(`market.own.nothing_left.${own.side}`)];
  const got = t(`market.own.got.${own.side}`, {
    left: formats.energyWh(own.quantity_wh),
    filled: formats.energyWh(own.filled_wh),
    price: formats.price(book.price_micros_per_kwh),
  });
  return [`${asked}.`, got, t(`market.marginal.${own.marginal}`), ...otherLimits(own, formats)];
}

/** Says what another limit would have got, where that is something else. */
function otherLimits(own: OwnOrderView, formats: Formats): string[] {
  const other = own.would_fill.filter((would) => would.filled_wh !== own.filled_wh);
  if (other.length === 0) return [t("market.would.same")];
  // Next to each other the answers are alike: one for each amount is enough.
  const seen = new Map(other.map((would) => [would.filled_wh, would]));
  return [...seen.values()].map((would) =>
    t(`market.would.${own.side}`, {
      price: formats.priceExact(would.limit_micros_per_kwh),
      filled: formats.energyWh(would.filled_wh),
    }),
  );
}

export const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

type Terms = {
  side: SideView;
  partner: string;
  price_micros_per_kwh: number;
  cap_wh: number;
  cap_per_day_wh: number | null;
  days: readonly string[];
  hours: string | null;
};

/** A deal as a sentence. */
export function dealSentence(deal: Terms, formats: Formats): string {
  const gift = deal.price_micros_per_kwh === 0 ? "gift" : "price";
  return t(`market.deal.${deal.side}.${gift}`, {
    partner: outside(deal.partner, 40),
    price: formats.price(deal.price_micros_per_kwh),
    cap: formats.energyWh(deal.cap_wh),
    when: whenOf(deal, formats),
  });
}

function whenOf(deal: Terms, formats: Formats): string {
  const days =
    deal.days.length === 7 || deal.days.length === 0
      ? t("market.deal.every_day")
      : formats.list(deal.days.map((day) => formats.weekday(day)));
  const hours = deal.hours === null ? t("market.deal.all_day") : outside(deal.hours, 20);
  const most =
    deal.cap_per_day_wh === null
      ? ""
      : `, ${t("market.deal.per_day", { energy: formats.energyWh(deal.cap_per_day_wh) })}`;
  return `${days}, ${hours}${most}`;
}

/** Where a deal stands, and what it waits for. */
export function dealState(
  deal: DealView,
  formats: Formats,
): { key: Key; tone: Tone; text: string } {
  const said = (key: Key, tone: Tone, values: Record<string, string> = {}) => ({
    key,
    tone,
    text: t(key, values),
  });
  if (deal.errand !== null) return said(`market.deal.errand.${deal.errand}`, "open");
  switch (deal.state) {
    case "drafted":
      return said("market.deal.errand.propose", "open");
    case "proposed":
      return deal.mine
        ? said("market.deal.state.waits_for_them", "open")
        : said("market.deal.state.waits_for_you", "warn");
    case "agreed":
      return said("market.deal.state.agreed", "good", {
        from: formats.dayAndTime(deal.served_from),
      });
    case "ended":
      return said("market.deal.state.ended", "plain");
    case "refused":
      return said("market.deal.state.refused", "trouble");
  }
}
