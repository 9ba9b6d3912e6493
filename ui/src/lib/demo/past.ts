/// The demo's last month, tried with other limits: what `rules::Past` does for a real house.
import type { RulePastView, RuleTrialView, RuleView } from "../api/bindings";
import { FEED_IN, hourOf, QUARTER_MS, RETAIL, type Street } from "./street";

const DAYS = 30;
const STEP = 5_000;
const NEARLY = 0.99;

/** Evening is when the demo's buying rule speaks; a house without a roof buys all day. */
export const isEvening = (start: number, sun: boolean): boolean => hourOf(start) >= 16 || !sun;

export function rulePast(
  street: Street,
  rules: readonly RuleView[],
  name: string,
  now: number,
  buys: (start: number) => boolean,
): RulePastView {
  const first = now - DAYS * 96 * QUARTER_MS;
  const slots = Array.from({ length: DAYS * 96 }, (_, i) => street.slot(first + i * QUARTER_MS));
  const tradable = slots.flatMap(({ start, price, exportMwh, importMwh }) => {
    if (price === null) return [];
    const net = Math.floor((exportMwh - importMwh) / 1000);
    const gain = net > 0 ? net * (price - FEED_IN) : -net * (RETAIL - price);
    return [{ start, price, net, gain }];
  });
  const limitOf = (side: string, tried: RuleView | undefined, limit: number): number | null => {
    const rule = rules.find((each) => each.side === side && each.enabled);
    if (rule === undefined) return null;
    return rule.name === tried?.name ? limit : rule.limit_micros_per_kwh;
  };
  const outcome = (tried: RuleView | undefined, limit: number): RuleTrialView["outcome"] => {
    const [sell, buy] = [limitOf("sell", tried, limit), limitOf("buy", tried, limit)];
    const sum = { sold_wh: 0, bought_wh: 0, earned: 0n, saved: 0n };
    for (const { start, price, net, gain } of tradable) {
      if (net > 0 && sell !== null && price >= sell) {
        sum.sold_wh += net;
        sum.earned += BigInt(gain);
      } else if (net < 0 && buy !== null && price <= buy && buys(start)) {
        sum.bought_wh -= net;
        sum.saved += BigInt(gain);
      }
    }
    return { ...sum, earned: String(sum.earned), saved: String(sum.saved) };
  };
  const found = rules.find((rule) => rule.name === name);
  const limits = Array.from(
    { length: Math.floor((RETAIL - FEED_IN) / STEP) + 1 },
    (_, i) => FEED_IN + i * STEP,
  );
  const curve = limits.map((limit) => ({
    limit_micros_per_kwh: limit,
    outcome: outcome(found, limit),
  }));
  const gain = (trial: RuleTrialView) => Number(trial.outcome.earned) + Number(trial.outcome.saved);
  const most = Math.max(...curve.map(gain));
  const nearly = curve.filter((trial) => gain(trial) > 0 && gain(trial) >= most * NEARLY);
  const suggested = found?.side === "sell" ? nearly.at(-1) : nearly[0];
  const total = (nanos: number[]) => String(nanos.reduce((all, each) => all + BigInt(each), 0n));
  return {
    days: DAYS,
    in_force: outcome(undefined, 0),
    feed_in_only: total(slots.map(({ exportMwh }) => Math.floor(exportMwh / 1000) * FEED_IN)),
    best_possible: total(tradable.map(({ gain }) => Math.max(0, gain))),
    curve,
    suggested_micros_per_kwh: suggested?.limit_micros_per_kwh ?? null,
  };
}
