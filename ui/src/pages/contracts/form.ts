/// A contract as it is typed: prices in the smaller unit, and back to the words of `home.toml`.
import type { ContractForm, PriceFormView, ZoneForm } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";

export type Kind = "fixed" | "clock" | "dynamic";
export type FeedInKind = "fixed" | "zero_below" | "spot";

export type ZoneDraft = { name: string; days: string[]; from: string; to: string; price: string };
export type ChargeDraft = { name: string; price: string; taxed: boolean };

/** What stands in the fields of the form. */
export type Draft = {
  kind: Kind;
  validFrom: string;
  name: string;
  retail: string;
  zones: ZoneDraft[];
  charges: ChargeDraft[];
  tax: string;
  byTheHour: boolean;
  tierUpTo: string;
  tierPrice: string;
  standing: string;
  feedInKind: FeedInKind;
  feedIn: string;
};

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"] as const;

const NO_PRICE: PriceFormView = {
  price: null,
  spot: null,
  surcharge: null,
  charges: [],
  at_most: null,
  at_least: null,
  tax: null,
  below_zero: null,
  zero_if_spot_negative: false,
};

export const NO_CONTRACT: ContractForm = {
  valid_from: "",
  name: null,
  retail: NO_PRICE,
  feed_in: NO_PRICE,
  standing: [],
  by_the_hour: false,
  holidays: [],
  year_starts: null,
  tiers: [],
  zones: [],
  correction: null,
};

/** `0.320 EUR/kWh` in micros; null where there is no such price. */
export function microsOf(text: string | null): number | null {
  const found = /^(-?\d+(?:\.\d+)?) /.exec(text?.trim() ?? "");
  return found ? Math.round(Number(found[1]) * 1e6) : null;
}

export const kindOf = (form: ContractForm): Kind =>
  form.retail.spot !== null ? "dynamic" : form.zones.length > 0 ? "clock" : "fixed";

export const feedInKindOf = (price: PriceFormView): FeedInKind =>
  price.spot !== null ? "spot" : price.zero_if_spot_negative ? "zero_below" : "fixed";

const typed = (text: string | null, formats: Formats): string => {
  const micros = microsOf(text);
  return micros === null ? "" : formats.priceNumber(micros);
};

/** The fields for a contract that is to be changed, or for one that continues it. */
export function draftOf(form: ContractForm, formats: Formats): Draft {
  const monthly = form.standing.find((each) => each.endsWith("/month"));
  const tier = form.tiers[0];
  return {
    kind: kindOf(form),
    validFrom: form.valid_from,
    name: form.name ?? "",
    retail: typed(form.retail.price, formats),
    zones: form.zones.map((zone) => {
      const [from, to] = (zone.hours[0] ?? "-").split("-");
      return {
        name: zone.name,
        days: zone.days.length === 0 ? [...DAYS] : [...zone.days],
        from: from ?? "",
        to: to === "24:00" ? "00:00" : (to ?? ""),
        price: typed(zone.retail?.price ?? null, formats),
      };
    }),
    charges: form.retail.charges.map(({ name, price, taxed }) => ({
      name,
      price: typed(price, formats),
      taxed,
    })),
    tax: form.retail.tax?.replace(/\s*%$/, "") ?? "",
    byTheHour: form.by_the_hour,
    tierUpTo: tier ? tier.up_to.replace(/ kWh\/year$/, "") : "",
    tierPrice: typed(tier?.retail.price ?? null, formats),
    standing: monthly?.split(" ")[0] ?? "",
    feedInKind: feedInKindOf(form.feed_in),
    feedIn: typed(form.feed_in.price, formats),
  };
}

const plain = (text: string): string => text.trim().replace(",", ".");
export const isAmount = (text: string): boolean => /^\d{1,5}([.]\d{1,4})?$/.test(plain(text));

/** Says which fields cannot be used, by their names. */
export function faultsOf(draft: Draft, formats: Formats, earliest: string): Set<string> {
  const faults = new Set<string>();
  const price = (name: string, text: string) => {
    if (formats.parsePrice(text) === null) faults.add(name);
  };
  if (draft.validFrom === "" || draft.validFrom < earliest) faults.add("validFrom");
  if (draft.kind !== "dynamic" || draft.retail.trim() !== "") price("retail", draft.retail);
  price("feedIn", draft.feedIn);
  if (draft.standing.trim() !== "" && !isAmount(draft.standing)) faults.add("standing");
  if (draft.kind === "clock") {
    if (draft.zones.length === 0) faults.add("zones");
    draft.zones.forEach((zone, index) => {
      price(`zone.${index}.price`, zone.price);
      if (zone.name.trim() === "") faults.add(`zone.${index}.name`);
      if (zone.days.length === 0) faults.add(`zone.${index}.days`);
      if ((zone.from === "") !== (zone.to === "") || (zone.from !== "" && zone.from === zone.to))
        faults.add(`zone.${index}.hours`);
    });
  }
  if (draft.kind === "dynamic") {
    if (draft.tax.trim() !== "" && !isAmount(draft.tax)) faults.add("tax");
    draft.charges.forEach((charge, index) => {
      price(`charge.${index}.price`, charge.price);
      if (charge.name.trim() === "") faults.add(`charge.${index}.name`);
    });
  }
  if (draft.tierUpTo.trim() !== "") {
    if (!/^\d{1,7}$/.test(draft.tierUpTo.trim())) faults.add("tierUpTo");
    price("tierPrice", draft.tierPrice);
  }
  return faults;
}

/** The contract of a form without faults. What `base` says beyond the fields stays. */
export function formOf(
  draft: Draft,
  base: ContractForm,
  formats: Formats,
  currency: string,
): ContractForm {
  const price = (text: string): string =>
    `${((formats.parsePrice(text) ?? 0) / 1e6).toFixed(6)} ${currency}/kWh`;
  const alone = (text: string): PriceFormView => ({ ...NO_PRICE, price: price(text) });
  const dynamic = draft.kind === "dynamic";
  const hadSpot = base.retail.spot !== null;
  const retail: PriceFormView = dynamic
    ? {
        ...(hadSpot ? base.retail : NO_PRICE),
        spot: hadSpot ? base.retail.spot : "100 %",
        price: draft.retail.trim() === "" ? null : price(draft.retail),
        charges: draft.charges.map(({ name, price: each, taxed }) => ({
          name: name.trim(),
          price: price(each),
          taxed,
        })),
        tax: draft.tax.trim() === "" ? null : `${plain(draft.tax)} %`,
      }
    : alone(draft.retail);
  const others = base.standing.filter((each) => !each.endsWith("/month"));
  const monthly =
    draft.standing.trim() === "" ? [] : [`${plain(draft.standing)} ${currency}/month`];
  return {
    ...base,
    valid_from: draft.validFrom,
    name: draft.name.trim() === "" ? null : draft.name.trim(),
    retail,
    feed_in: {
      ...alone(draft.feedIn),
      spot: draft.feedInKind === "spot" ? "100 %" : null,
      zero_if_spot_negative: draft.feedInKind === "zero_below",
    },
    zones: draft.kind === "clock" ? draft.zones.map((zone, i) => zoneOf(zone, base.zones[i])) : [],
    by_the_hour: dynamic && draft.byTheHour,
    tiers:
      draft.tierUpTo.trim() === ""
        ? []
        : [
            { up_to: `${draft.tierUpTo.trim()} kWh/year`, retail: alone(draft.tierPrice) },
            ...base.tiers.slice(1),
          ],
    standing: [...monthly, ...others],
    correction: null,
  };

  function zoneOf(zone: ZoneDraft, before: ZoneForm | undefined): ZoneForm {
    const hours =
      zone.from === "" ? [] : [`${zone.from}-${zone.to === "00:00" ? "24:00" : zone.to}`];
    return {
      name: zone.name.trim(),
      hours: [...hours, ...(before?.hours.slice(1) ?? [])],
      days: zone.days.length === DAYS.length ? [] : DAYS.filter((day) => zone.days.includes(day)),
      months: before?.months ?? [],
      retail: alone(zone.price),
      feed_in: before?.feed_in ?? null,
    };
  }
}
