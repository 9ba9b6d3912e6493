/// Market: offers slot by slot, trades, direct deals, and how a quarter hour was cleared.
import { commands, type BookView, type DealProposal, type MarketView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface MarketRoom {
  market(): Promise<Answer<MarketView>>;
  /** The book of a settled quarter hour, `2026-06-18T11:15:00Z`, asked from the exchange and checked. */
  marketBook(slot: string): Promise<Answer<BookView>>;
  proposeDeal(proposal: DealProposal): Promise<Answer<MarketView>>;
  acceptDeal(deal: string): Promise<Answer<MarketView>>;
  /** Withdraws, declines or ends. */
  endDeal(deal: string): Promise<Answer<MarketView>>;
  withdrawOrder(order: string): Promise<Answer<MarketView>>;
}

export const marketRoom: MarketRoom = {
  market: () => ask(commands.market),
  marketBook: (slot) => ask(() => commands.marketBook(slot)),
  proposeDeal: (proposal) => ask(() => commands.proposeDeal(proposal)),
  acceptDeal: (deal) => ask(() => commands.acceptDeal(deal)),
  endDeal: (deal) => ask(() => commands.endDeal(deal)),
  withdrawOrder: (order) => ask(() => commands.withdrawOrder(order)),
};
