/// The curve behind the price: what a limit would have earned in the last month.
import type { RulePastView, RuleTrialView } from "../../lib/api/bindings";
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

/** The curve as points from 0 to 1, rightwards the limit, upwards the gain. */
export function shape(view: RulePastView): { x: number; y: number; limit: number }[] {
  const limits = view.curve.map((trial) => trial.limit_micros_per_kwh);
  const gains = view.curve.map((trial) => Number(gainOf(trial.outcome)));
  const [low, high] = [Math.min(...limits), Math.max(...limits)];
  const most = Math.max(1, Number(view.best_possible), ...gains);
  return limits.map((limit, index) => ({
    x: high === low ? 0 : (limit - low) / (high - low),
    y: Math.max(0, gains[index] ?? 0) / most,
    limit,
  }));
}
