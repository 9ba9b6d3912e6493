/// The demo's energy: periods and slots of the street that never was, summed slot by slot.
import type {
  Certainty,
  EnergyBar,
  EnergyFigures,
  EnergySlotView,
  EnergyView,
  GapView,
  MeterRoleView,
  MeterSlotView,
  PeriodView,
  QualityCounts,
  StepView,
} from "../api/bindings";
import {
  BEGINNING,
  DAY_MS,
  dayOf,
  FEED_IN,
  isSettled,
  QUARTER_MS,
  RETAIL,
  startOfDay,
  type Street,
} from "./street";

/** The demo's whole past is summer time. */
const OFFSET = "+02:00";
const OFFSET_MS = 2 * 3_600_000;
const SAMPLE_MS = 10_000;
/** What the meters had counted when the demo's past begins. */
const REGISTER_MWH = { import: 4_211_507_000, export: 9_834_220_000 };

type Setting = { sun: boolean; now: () => number; certainty: (start: number) => Certainty };
type Span = { key: string; from: number; to: number };

/** One night the meter was away, and what it had counted meanwhile was never told. */
const AWAY = startOfDay("2026-06-09") + 13 * QUARTER_MS;
export const notMeasured = (start: number): boolean =>
  start >= AWAY && start < AWAY + 6 * QUARTER_MS;
/** Once a day the meter was away for a moment, so that the demo shows it. */
export const isRecovered = (start: number): boolean => (start / QUARTER_MS) % 96 === 38;

export class DemoEnergy {
  readonly #days = new Map<string, { import: number; export: number }>();

  constructor(
    private readonly street: Street,
    private readonly setting: Setting,
  ) {}

  period(period: PeriodView, asked: string | null): EnergyView {
    const today = dayOf(this.setting.now());
    const first = dayOf(BEGINNING);
    const [from, to] = boundsOf(period, asked ?? today, first, today);
    const step: StepView =
      period === "day" ? "slot" : period === "year" || period === "all" ? "month" : "day";
    const bars = spansOf(from, to, step).map((span) => this.#bar(span, step));
    const gaps = this.#gaps(startOfDay(from), startOfDay(to));
    return {
      period,
      step,
      from,
      to,
      previous: period !== "all" && from > first ? dayOf(startOfDay(from) - DAY_MS) : null,
      next: period !== "all" && to <= today ? to : null,
      today,
      first_day: first,
      bars,
      totals: sum(bars.map((bar) => bar.figures)),
      quality: count(bars.map((bar) => bar.quality)),
      gaps: gaps.slice(0, 5),
      more_gaps: Math.max(0, gaps.length - 5),
      has_sun: this.setting.sun,
      has_battery: this.setting.sun,
    };
  }

  slot(slot: string): EnergySlotView {
    const start = Date.parse(slot);
    const bar = this.#bar({ key: iso(start), from: start, to: start + QUARTER_MS }, "slot");
    const next = start + QUARTER_MS;
    const facts = this.street.slot(start);
    const settled = isSettled(bar.certainty);
    const roles: MeterRoleView[] = this.setting.sun ? ["grid", "solar", "battery"] : ["grid"];
    return {
      day: dayOf(start),
      bar,
      previous: start > BEGINNING ? iso(start - QUARTER_MS) : null,
      next: next <= this.setting.now() ? iso(next) : null,
      meters: roles.map((role) => this.#meter(role, start)),
      settled:
        settled && !notMeasured(start)
          ? {
              measured: true,
              version: 1,
              import_wh: facts.importMwh / 1000,
              export_wh: facts.exportMwh / 1000,
              sold_wh: facts.soldWh,
              bought_wh: facts.boughtWh,
              to_grid_wh: facts.toGridWh,
              from_grid_wh: facts.fromGridWh,
            }
          : null,
    };
  }

  #bar({ key, from, to }: Span, step: StepView): EnergyBar {
    const starts = slotsOf(from, to);
    const [bar] = starts;
    const certainty = step === "slot" && bar !== undefined ? this.setting.certainty(bar) : null;
    const settled = isSettled(certainty);
    return {
      key,
      starts: local(from),
      ends: local(to),
      figures: sum(starts.map((start) => this.#figures(start))),
      quality: this.#quality(starts),
      certainty,
      price_micros_per_kwh: settled ? this.street.slot(from).price : null,
      retail_micros_per_kwh: step === "slot" ? RETAIL : null,
      feed_in_micros_per_kwh: step === "slot" ? FEED_IN : null,
    };
  }

  #known = (start: number): boolean =>
    start >= BEGINNING && start + QUARTER_MS <= this.setting.now() && !notMeasured(start);

  #figures(start: number): EnergyFigures {
    if (!this.#known(start)) return NOTHING;
    const facts = this.street.slot(start);
    const roof = this.setting.sun;
    const kept = facts.sun - Math.min(facts.sun, facts.exportMwh);
    const used = facts.importMwh + facts.sun + facts.discharge - facts.exportMwh - facts.charge;
    const certainty = this.setting.certainty(start);
    const settled = isSettled(certainty);
    return {
      sun_milliwatt_hours: roof ? facts.sun : null,
      house_milliwatt_hours: Math.max(0, used),
      self_milliwatt_hours: roof ? kept - Math.min(kept, facts.charge) : null,
      to_battery_milliwatt_hours: roof ? facts.charge : null,
      to_neighbours_milliwatt_hours: settled ? facts.soldWh * 1000 : null,
      to_grid_milliwatt_hours: settled ? facts.toGridWh * 1000 : null,
      open_out_milliwatt_hours: settled ? null : facts.exportMwh,
      from_battery_milliwatt_hours: roof ? facts.discharge : null,
      from_neighbours_milliwatt_hours: settled ? facts.boughtWh * 1000 : null,
      from_grid_milliwatt_hours: settled ? facts.fromGridWh * 1000 : null,
      open_in_milliwatt_hours: settled ? null : facts.importMwh,
    };
  }

  #quality(starts: readonly number[]): QualityCounts {
    const counts = { ...NONE };
    for (const start of starts) {
      if (start < BEGINNING || start + QUARTER_MS > this.setting.now()) counts.outside += 1;
      else if (notMeasured(start)) counts.missing += 1;
      else if (isRecovered(start)) counts.recovered += 1;
      else counts.measured += 1;
    }
    return counts;
  }

  /** The longest first. */
  #gaps(from: number, to: number): GapView[] {
    const until = Math.min(to, this.setting.now());
    const gap = (start: number, slots: number, quality: GapView["quality"]): GapView => ({
      from: iso(start),
      to: iso(start + slots * QUARTER_MS),
      slots,
      quality,
    });
    const away = AWAY >= from && AWAY < until ? [gap(AWAY, 6, "missing")] : [];
    const recovered = slotsOf(Math.max(from, BEGINNING), until)
      .filter((start) => isRecovered(start) && start + QUARTER_MS <= until)
      .map((start) => gap(start, 1, "recovered"));
    return [...away, ...recovered];
  }

  #meter(role: MeterRoleView, start: number): MeterSlotView {
    const known = this.#known(start);
    const energy = this.#energy(role, start);
    const before = known ? this.counted(role, start) : null;
    const at = (side: "import" | "export", end: boolean) =>
      before === null || (role === "solar" && side === "export")
        ? null
        : before[side] + (end ? energy[side] : 0);
    return {
      role,
      id: role,
      quality: known ? (isRecovered(start) ? "recovered" : "measured") : "missing",
      from_counter: true,
      import_milliwatt_hours: known ? energy.import : null,
      export_milliwatt_hours: known && role !== "solar" ? energy.export : null,
      import_start_milliwatt_hours: at("import", false),
      import_end_milliwatt_hours: at("import", true),
      export_start_milliwatt_hours: at("export", false),
      export_end_milliwatt_hours: at("export", true),
      recorded_at: known ? iso(start + QUARTER_MS + 12_000) : null,
      revisions: isRecovered(start) ? 1 : 0,
      samples: known && !isRecovered(start) ? this.#samples(role, start) : [],
      more_samples: 0,
      events: [],
    };
  }

  /** Import is what comes from the grid, out of the sun, out of the battery. */
  #energy(role: MeterRoleView, start: number): { import: number; export: number } {
    const facts = this.street.slot(start);
    switch (role) {
      case "grid":
        return { import: facts.importMwh, export: facts.exportMwh };
      case "solar":
        return { import: facts.sun, export: 0 };
      case "battery":
        return { import: facts.discharge, export: facts.charge };
    }
  }

  /** What a meter's counters show at an instant, in milliwatt-hours. */
  counted(role: MeterRoleView, until: number): { import: number; export: number } {
    const day = startOfDay(dayOf(until));
    const counted = { ...(day > BEGINNING ? this.#countedByDay(role, day) : REGISTER_MWH) };
    for (let start = Math.max(day, BEGINNING); start < until; start += QUARTER_MS) {
      const energy = this.#energy(role, start);
      // Of the slot that runs, the part that is over.
      const part = Math.min(1, (until - start) / QUARTER_MS);
      counted.import += Math.round(energy.import * part);
      counted.export += Math.round(energy.export * part);
    }
    return counted;
  }

  /** Remembered, or each view would add up the whole past. */
  #countedByDay(role: MeterRoleView, day: number): { import: number; export: number } {
    const key = `${role}-${day}`;
    let counted = this.#days.get(key);
    if (!counted) {
      const before = this.counted(role, day - 1);
      const last = this.#energy(role, day - QUARTER_MS);
      const part = (QUARTER_MS - 1) / QUARTER_MS;
      counted = {
        import: before.import - Math.round(last.import * part) + last.import,
        export: before.export - Math.round(last.export * part) + last.export,
      };
      this.#days.set(key, counted);
    }
    return counted;
  }

  #samples(role: MeterRoleView, start: number): MeterSlotView["samples"] {
    const energy = this.#energy(role, start);
    const before = this.counted(role, start);
    const count = QUARTER_MS / SAMPLE_MS;
    return Array.from({ length: count + 1 }, (_, index) => {
      const at = start + index * SAMPLE_MS;
      const { grid, sun, battery } = this.street.flows(at);
      const part = index / count;
      return {
        at: iso(at),
        power_milliwatts: { grid, solar: sun, battery }[role],
        import_milliwatt_hours: before.import + Math.round(energy.import * part),
        export_milliwatt_hours:
          role === "solar" ? null : before.export + Math.round(energy.export * part),
      };
    });
  }
}

export const NOTHING: EnergyFigures = {
  sun_milliwatt_hours: null,
  house_milliwatt_hours: null,
  self_milliwatt_hours: null,
  to_battery_milliwatt_hours: null,
  to_neighbours_milliwatt_hours: null,
  to_grid_milliwatt_hours: null,
  open_out_milliwatt_hours: null,
  from_battery_milliwatt_hours: null,
  from_neighbours_milliwatt_hours: null,
  from_grid_milliwatt_hours: null,
  open_in_milliwatt_hours: null,
};
const NONE: QualityCounts = {
  measured: 0,
  recovered: 0,
  estimated: 0,
  partial: 0,
  missing: 0,
  outside: 0,
};

function sum(all: readonly EnergyFigures[]): EnergyFigures {
  const total = { ...NOTHING };
  for (const figures of all) {
    for (const name of Object.keys(total) as (keyof EnergyFigures)[]) {
      const figure = figures[name];
      if (figure !== null) total[name] = (total[name] ?? 0) + figure;
    }
  }
  return total;
}

function count(all: readonly QualityCounts[]): QualityCounts {
  const total = { ...NONE };
  for (const counts of all) {
    for (const name of Object.keys(total) as (keyof QualityCounts)[]) total[name] += counts[name];
  }
  return total;
}

function boundsOf(period: PeriodView, day: string, first: string, today: string): [string, string] {
  const at = startOfDay(day);
  const month = (text: string, by: number) => {
    const [year = 1970, number = 1] = text.split("-").map(Number);
    return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 10);
  };
  switch (period) {
    case "day":
      return [day, dayOf(at + DAY_MS)];
    case "week": {
      const monday = at - ((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7) * DAY_MS;
      return [dayOf(monday), dayOf(monday + 7 * DAY_MS)];
    }
    case "month":
      return [month(day, 0), month(day, 1)];
    case "year":
      return [`${day.slice(0, 4)}-01-01`, `${Number(day.slice(0, 4)) + 1}-01-01`];
    case "all":
      return [month(first, 0), month(today, 1)];
  }
}

function spansOf(from: string, to: string, step: StepView): Span[] {
  const [begin, end] = [startOfDay(from), startOfDay(to)];
  if (step === "slot") {
    return slotsOf(begin, end).map((start) => ({
      key: iso(start),
      from: start,
      to: start + QUARTER_MS,
    }));
  }
  const spans: Span[] = [];
  for (let day = begin; day < end; day += DAY_MS) {
    const key = step === "month" ? dayOf(day).slice(0, 7) : dayOf(day);
    const last = spans.at(-1);
    if (last?.key === key) last.to = day + DAY_MS;
    else spans.push({ key, from: day, to: day + DAY_MS });
  }
  return spans;
}

function slotsOf(from: number, to: number): number[] {
  const count = Math.max(0, Math.ceil((to - from) / QUARTER_MS));
  return Array.from({ length: count }, (_, index) => from + index * QUARTER_MS);
}

const iso = (time: number): string => new Date(time).toISOString().replace(".000Z", "Z");
const local = (time: number): string =>
  `${new Date(time + OFFSET_MS).toISOString().slice(0, 19)}${OFFSET}`;
