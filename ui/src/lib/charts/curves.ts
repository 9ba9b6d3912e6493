/// Supply and demand as steps: what is offered at or below a price, what is wanted at or above it.
import { line } from "d3-shape";
import type { BookOrderView } from "../api/bindings";

/** One order on its curve. */
export type Step = {
  order: BookOrderView;
  /** Its place among all orders of the book. */
  index: number;
  fromWh: number;
  toWh: number;
  price: number;
};

export type Curves = {
  supply: Step[];
  demand: Step[];
  /** Where the longer of the two ends. */
  mostWh: number;
  low: number;
  high: number;
};

/** Lays the orders end to end as they come: supply from the cheapest, demand from the most willing. */
export function curvesOf(orders: readonly BookOrderView[], price: number | null): Curves {
  const steps = (side: BookOrderView["side"]): Step[] => {
    let sum = 0;
    return orders.flatMap((order, index) => {
      if (order.side !== side) return [];
      const fromWh = sum;
      sum += order.quantity_wh;
      return [{ order, index, fromWh, toWh: sum, price: order.here_micros_per_kwh }];
    });
  };
  const [supply, demand] = [steps("sell"), steps("buy")];
  const prices = [...supply, ...demand].map((step) => step.price);
  if (price !== null) prices.push(price);
  return {
    supply,
    demand,
    mostWh: Math.max(supply.at(-1)?.toWh ?? 0, demand.at(-1)?.toWh ?? 0),
    low: Math.min(...prices),
    high: Math.max(...prices),
  };
}

/** Draws a curve: along each order, and up or down to the next. */
export function pathOf(
  steps: readonly Step[],
  x: (wattHours: number) => number,
  y: (price: number) => number,
): string {
  const corners = steps.flatMap(({ fromWh, toWh, price }): [number, number][] => [
    [x(fromWh), y(price)],
    [x(toWh), y(price)],
  ]);
  return line()(corners) ?? "";
}
