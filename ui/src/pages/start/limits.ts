/// The prices with which a home begins to trade: a tenth of the way between feed-in and retail.
import type { ContractPricesView } from "../../lib/api/bindings";

/**
 * Near enough to the own contract that neighbours agree often, far enough that each trade pays; all sellers of a
 * quarter hour get the same price, so that a modest limit gives nothing away. In steps of a tenth
 * of the currency's minor unit, as the page of the rules has them, and never beyond the contract.
 */
export function firstLimits(
  contract: ContractPricesView,
  microsPerUnit: number,
): { sell: number; buy: number } {
  const { retail_micros_per_kwh: retail, feed_in_micros_per_kwh: feedIn } = contract;
  const step = Math.max(1, Math.round(microsPerUnit / 10));
  const tenth = (retail - feedIn) / 10;
  return {
    sell: Math.min(retail, Math.ceil((feedIn + tenth) / step) * step),
    buy: Math.max(feedIn, Math.floor((retail - tenth) / step) * step),
  };
}
