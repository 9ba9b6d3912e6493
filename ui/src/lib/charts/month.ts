/// The shapes of a month's chart: what each day was better by.
import { scaleLinear, type ScaleLinear } from "d3-scale";
import type { EarningsDay } from "../api/bindings";

export type MonthDay = {
  /** `2026-06-01`; a day without settled slots has no amounts. */
  day: string;
  earned: number;
  saved: number;
  settled: EarningsDay | null;
};

/** Every day of the month, whether it has figures or not. */
export function daysOf(month: string, days: readonly EarningsDay[]): MonthDay[] {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const byDay = new Map(days.map((day) => [day.day, day]));
  return Array.from({ length: count }, (_, index) => {
    const day = `${month}-${String(index + 1).padStart(2, "0")}`;
    const settled = byDay.get(day) ?? null;
    // A picture needs no nanos: a double is exact enough for the height of a bar.
    const earned = settled ? Number(settled.totals.earned) : 0;
    const saved = settled ? Number(settled.totals.saved) : 0;
    return { day, earned, saved, settled };
  });
}

/** Four lines of a cent each: below that every line would say the same. */
const LEAST = 40_000_000;

export function amountScale(
  days: readonly MonthDay[],
  bottom: number,
  top: number,
): ScaleLinear<number, number> {
  const sums = days.map((day) => day.earned + day.saved);
  const high = Math.max(LEAST, ...sums);
  const low = Math.min(0, ...sums);
  return scaleLinear([low, high], [bottom, top]).nice(4);
}
