/// How periods, bars and stretches of time are called.
import type {
  EnergyBar,
  EnergyFigures,
  EnergyView,
  GapView,
  PeriodView,
  QualityCounts,
  StepView,
} from "../../lib/api/bindings";
import { IN, OUT, sumOf } from "../../lib/charts/energy";
import type { Formats } from "../../lib/format";
import { t } from "../../lib/i18n/index.svelte";
import { join, say, type Phrase } from "../../lib/phrase";

export type Crumb = { period: PeriodView; day: string | null; name: string };

/** The longer periods that one lies in, the longest first. */
export function crumbsOf(level: PeriodView | "slot", from: string, formats: Formats): Crumb[] {
  const crumbs: Crumb[] = [
    { period: "all", day: null, name: t("energy.all.title") },
    { period: "year", day: from, name: from.slice(0, 4) },
    { period: "month", day: from, name: formats.month(from.slice(0, 7)) },
    { period: "day", day: from, name: formats.day(from) },
  ];
  const above = { all: 0, year: 1, month: 2, week: 3, day: 3, slot: 4 }[level];
  return crumbs.slice(0, above);
}

export const PERIODS: readonly PeriodView[] = ["day", "week", "month", "year", "all"];

const QUARTERS_A_DAY = 96;

export function periodTitle(
  view: Pick<EnergyView, "period" | "from" | "to">,
  formats: Formats,
): string {
  switch (view.period) {
    case "day":
      return formats.day(view.from, "long");
    case "week":
      return formats.days(view.from, dayBefore(view.to));
    case "month":
      return formats.month(view.from.slice(0, 7));
    case "year":
      return view.from.slice(0, 4);
    case "all":
      return t("energy.all.title");
  }
}

/** A bar by its whole name. */
export function barName(bar: EnergyBar, step: StepView, formats: Formats): string {
  switch (step) {
    case "slot":
      return formats.quarter(bar.key);
    case "day":
      return formats.day(bar.key);
    case "month":
      return formats.month(bar.key);
    case "year":
      return bar.key;
  }
}

/** Which level a bar opens to, and on which day; null where there is nothing below. */
export function below(bar: EnergyBar, step: StepView): { period: PeriodView; day: string } | null {
  switch (step) {
    case "slot":
      return null;
    case "day":
      return { period: "day", day: bar.key };
    case "month":
      return { period: "month", day: `${bar.key}-01` };
    case "year":
      return { period: "year", day: `${bar.key}-01-01` };
  }
}

/** What the period came to, in sentences. */
export function leadOf(totals: EnergyFigures, formats: Formats): Phrase[] {
  const energy = (figure: number | null) => formats.energy(figure);
  const out = sumOf(totals, OUT);
  const into = sumOf(totals, IN);
  const sun = totals.sun_milliwatt_hours;
  const house = totals.house_milliwatt_hours;
  const figures = {
    sun: { text: energy(sun), role: "sun" },
    house: { text: energy(house), role: "plain" },
    out: { text: energy(out), role: "export" },
    sold: { text: energy(totals.to_neighbours_milliwatt_hours), role: "neighbour" },
    in: { text: energy(into), role: "import" },
    bought: { text: energy(totals.from_neighbours_milliwatt_hours), role: "neighbour" },
  } as const;
  const made =
    sun === null
      ? house === null
        ? []
        : say("energy.lead.house", { house: figures.house })
      : house === null
        ? say("energy.lead.sun", { sun: figures.sun })
        : say("energy.lead.sun_house", { sun: figures.sun, house: figures.house });
  const { sold, bought } = figures;
  const went =
    out === null || (out === 0 && sun === null)
      ? []
      : !totals.to_neighbours_milliwatt_hours
        ? say("energy.lead.out", { out: figures.out })
        : say("energy.lead.out_sold", { out: figures.out, sold });
  const came =
    into === null
      ? []
      : !totals.from_neighbours_milliwatt_hours
        ? say("energy.lead.in", { in: figures.in })
        : say("energy.lead.in_bought", { in: figures.in, bought });
  return join(made, went, came);
}

/** How the figures came about, in one sentence. */
export function qualityLine(quality: QualityCounts, formats: Formats): string {
  const { measured, recovered, estimated, partial, missing } = quality;
  const due = measured + recovered + estimated + partial + missing;
  if (due === 0) return t("energy.quality.none");
  if (measured === due) return t("energy.quality.all", { count: due });
  const parts = (["recovered", "estimated", "partial", "missing"] as const)
    .filter((kind) => quality[kind] > 0)
    .map((kind) =>
      t("energy.quality.part", {
        number: formats.number(quality[kind]),
        word: t(`quality.${kind}`),
      }),
    );
  return t("energy.quality.some", {
    measured: formats.number(measured),
    due: formats.number(due),
    rest: formats.list(parts),
  });
}

/** When a gap was, how long, and of what kind. */
export function gapLine(gap: GapView, formats: Formats): string {
  const word = t(`quality.${gap.quality}`);
  const span = gap.slots >= QUARTERS_A_DAY ? "energy.gap.days" : "energy.gap.quarters";
  return t(span, {
    from: formats.dayAndTime(gap.from),
    to: gap.slots >= QUARTERS_A_DAY ? formats.dayAndTime(gap.to) : formats.time(gap.to),
    count: gap.slots,
    word,
  });
}

export function dayBefore(day: string): string {
  const time = Date.parse(`${day}T00:00:00Z`) - 86_400_000;
  return Number.isFinite(time) ? new Date(time).toISOString().slice(0, 10) : day;
}
