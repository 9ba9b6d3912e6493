/// Earnings: this month so far and past months, down to slots and trades.
import { commands, type EarningsDayView, type EarningsView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface EarningsRoom {
  /** `2026-06`, or null for the month that runs. */
  earnings(month: string | null): Promise<Answer<EarningsView>>;
  /** `2026-06-01`, a day of the home's zone. */
  earningsDay(day: string): Promise<Answer<EarningsDayView>>;
}

export const earningsRoom: EarningsRoom = {
  earnings: (month) => ask(() => commands.earnings(month)),
  earningsDay: (day) => ask(() => commands.earningsDay(day)),
};
