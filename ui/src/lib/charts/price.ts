/// The lines of prices above a day's bars.
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { Columns } from "./columns";

export type Priced = {
  price_micros_per_kwh: number | null;
  retail_micros_per_kwh: number | null;
  feed_in_micros_per_kwh: number | null;
};

/** From the lowest price to the highest, from the bottom to the top. */
export function priceScale(
  bars: readonly Priced[],
  [bottom, top]: [number, number],
): ScaleLinear<number, number> {
  const all = bars
    .flatMap((bar) => [
      bar.price_micros_per_kwh,
      bar.retail_micros_per_kwh,
      bar.feed_in_micros_per_kwh,
    ])
    .filter((price) => price !== null);
  const [low, high] = all.length === 0 ? [0, 1] : [Math.min(...all), Math.max(...all)];
  const room = low === high ? 10_000 : 0;
  return scaleLinear([low - room, high + room], [bottom, top]);
}

/** A line that holds through each column and breaks where there is no price. */
export function priceLine(
  prices: readonly (number | null)[],
  columns: Columns,
  scale: ScaleLinear<number, number>,
): string {
  const corners = prices.flatMap((price, index) => [
    { x: columns.x(index), price },
    { x: columns.x(index + 1), price },
  ]);
  return (
    line<(typeof corners)[number]>()
      .defined(({ price }) => price !== null)
      .x(({ x }) => x)
      .y(({ price }) => scale(price ?? 0))(corners) ?? ""
  );
}
