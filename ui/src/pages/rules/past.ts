/// The curve behind the price: what a limit would have earned in the last month.
import type { RulePastView, RuleTrialView, RuleView } from "../../lib/api/bindings";
import { sumNanos } from "../../lib/format";

/** What a limit comes to, earned above feed-in and saved below retail, in nanos. */
export const gainOf = (trial: RuleTrialView["outcome"]): string =>
  sumNanos(trial.earned, trial.saved);

/** The trial that stands closest to a limit; between two of them the one that promises less. */
export function nearest(curve: readonly RuleTrialView[], limit: number): RuleTrialView | null {
  let best: RuleTrialView | null = null;
  for (const trial of curve) {
    const distance = Math.abs(trial.limit_micros_per_kwh - limit);
    const known = best === null ? Infinity : Math.abs(best.limit_micros_per_kwh - limit);
    const less = best !== null && BigInt(gainOf(trial.outcome)) < BigInt(gainOf(best.outcome));
    if (distance < known || (distance === known && less)) best = trial;
  }
  return best;
}

/** The curve as limits with their gain from 0 to 1, where 1 is the most possible. */
export function shape(view: RulePastView): { limit: number; gain: number }[] {
  const gains = view.curve.map((trial) => Number(gainOf(trial.outcome)));
  const most = Math.max(1, Number(view.best_possible), ...gains);
  return view.curve.map((trial, index) => ({
    limit: trial.limit_micros_per_kwh,
    gain: Math.max(0, gains[index] ?? 0) / most,
  }));
}

/** What the past depends on in the rules: as long as it is the same text, so is the answer. */
export const asked = (rules: readonly RuleView[], name: string): string =>
  JSON.stringify([
    name,
    rules.map((rule) => [
      rule.name,
      rule.enabled,
      rule.limit,
      rule.hours,
      rule.days,
      rule.cap_wh_per_day,
    ]),
  ]);
