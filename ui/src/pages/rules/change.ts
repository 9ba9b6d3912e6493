/// Whether a price is worse than the owner's own contract: then it is asked twice.
import type { RulesView, SideView } from "../../lib/api/bindings";

type Contract = Pick<RulesView, "feed_in_micros_per_kwh" | "retail_micros_per_kwh">;

/** The code with which the program asks the same. */
export const NEEDS_CONFIRMATION = "worse_than_contract";

/** The contract's price that is better than the limit, or null if the limit is no loss. */
export function betterContractPrice(
  side: SideView,
  limit: number,
  contract: Contract,
): number | null {
  const { feed_in_micros_per_kwh: feedIn, retail_micros_per_kwh: retail } = contract;
  if (side === "sell") return feedIn !== null && limit < feedIn ? feedIn : null;
  return retail !== null && limit > retail ? retail : null;
}
