/// How the states of an order are set apart.
import type { OrderStateView } from "./api/bindings";

const TONE: Record<OrderStateView, "plain" | "open" | "good" | "warn" | "trouble"> = {
  waiting: "open",
  open: "open",
  refused: "trouble",
  missed: "trouble",
  cancelling: "open",
  cancelled: "plain",
  bound: "plain",
  cleared: "good",
};

export const orderTone = (state: OrderStateView) => TONE[state] ?? "plain";
