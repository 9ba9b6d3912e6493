/// A period beside another one: which it is, which bars belong together, and how far the two are apart.
import type { EnergyBar, EnergyFigures, EnergyView } from "../../lib/api/bindings";
import { IN, isKnown, OUT, type PartName, sumOf } from "../../lib/charts/energy";
import type { Formats } from "../../lib/format";
import { t } from "../../lib/i18n/index.svelte";
import { dayBefore, periodTitle } from "./words";

/** Nothing, the period before, the same a year earlier, or the one that a chosen day lies in. */
export const COMPARED = ["none", "before", "year", "other"] as const;
export type Compared = (typeof COMPARED)[number];

/** What a period can be compared with: a year has no year of its own before, and all of it nothing at all. */
export const choicesOf = (period: EnergyView["period"]): readonly Compared[] =>
  period === "all" ? [] : COMPARED.filter((each) => period !== "year" || each !== "year");

export const nameOf = (how: Compared, period: EnergyView["period"]): string =>
  how === "before" && period !== "all"
    ? t(`energy.compare.before.${period}`)
    : t(`energy.compare.${how === "before" ? "none" : how}`);

/** A day of the other period; null where there is none to ask for. */
export function otherDay(shown: EnergyView, how: Compared, chosen: string): string | null {
  switch (how) {
    case "none":
      return null;
    case "before":
      return dayBefore(shown.from);
    case "year":
      return yearEarlier(shown);
    case "other":
      return /^\d{4}-\d\d-\d\d$/.test(chosen) ? chosen : null;
  }
}

/** A week is compared with the week of the same days, 52 weeks earlier; the 29th of February with the 28th. */
function yearEarlier({ period, from }: EnergyView): string {
  if (period === "week") {
    const earlier = Date.parse(`${from}T00:00:00Z`) - 364 * 86_400_000;
    return new Date(earlier).toISOString().slice(0, 10);
  }
  const year = String(Number(from.slice(0, 4)) - 1).padStart(4, "0");
  return from.endsWith("-02-29") ? `${year}-02-28` : `${year}${from.slice(4)}`;
}

/** For each bar the one of the other period that stands in its place, such as the same time of day. */
export function matched(shown: EnergyView, other: EnergyView): (EnergyBar | null)[] {
  const places = placesOf(other);
  const byPlace = new Map(other.bars.map((bar, index) => [places[index], bar]));
  return placesOf(shown).map((place) => byPlace.get(place) ?? null);
}

/** An hour that comes twice when the clock is set back has two places; a month of 31 days has one more. */
function placesOf({ period, step, bars }: EnergyView): string[] {
  const seen = new Map<string, number>();
  return bars.map((bar, index) => {
    const place =
      step === "slot"
        ? bar.starts.slice(11, 16)
        : step === "day"
          ? period === "week"
            ? String(index)
            : bar.key.slice(8)
          : step === "month"
            ? bar.key.slice(5)
            : bar.key;
    const times = seen.get(place) ?? 0;
    seen.set(place, times + 1);
    return times === 0 ? place : `${place} ${times}`;
  });
}

/** How far the totals are apart, in one sentence. */
export function comparedLine(shown: EnergyView, other: EnergyView, formats: Formats): string {
  const period = periodTitle(other, formats);
  if (!isKnown(other.totals)) return t("energy.compare.nothing", { period });
  const part = (what: "sun" | "house" | "out" | "in", now: number | null, then: number | null) => {
    if (now === null || then === null) return null;
    const by = now - then;
    const word = by > 0 ? "more" : by < 0 ? "less" : "same";
    return t(`energy.compare.${what}.${word}`, { by: formats.energy(Math.abs(by)) });
  };
  // A period that has not ended is held against as much of the other one.
  const runs = shown.from <= shown.today && shown.today < shown.to;
  const pairs = matched(shown, other)
    .map((then, index) => ({ now: shown.bars[index], then }))
    .filter(({ now, then }) => now && then && isKnown(now.figures) && isKnown(then.figures));
  const sum = (of: (figures: EnergyFigures) => number | null): [number | null, number | null] => {
    if (!runs) return [of(shown.totals), of(other.totals)];
    const both = pairs.map(({ now, then }) => [of(now!.figures), of(then!.figures)] as const);
    const known = both.filter(([now, then]) => now !== null && then !== null);
    if (known.length === 0) return [null, null];
    return [
      known.reduce((total, [now]) => total + now!, 0),
      known.reduce((total, [, then]) => total + then!, 0),
    ];
  };
  const flow = (names: readonly PartName[]) => (figures: EnergyFigures) => sumOf(figures, names);
  const parts = [
    part("sun", ...sum((figures) => figures.sun_milliwatt_hours)),
    part("house", ...sum((figures) => figures.house_milliwatt_hours)),
    part("out", ...sum(flow(OUT))),
    part("in", ...sum(flow(IN))),
  ].filter((each) => each !== null);
  return t(runs ? "energy.compare.said_so_far" : "energy.compare.said", {
    period,
    parts: formats.list(parts),
  });
}
