/// Where prices stand across a rule's card: one scale for the ruler and for the curve under it.
import { scaleLinear, type ScaleLinear } from "d3-scale";

/** From a price to per cent of the width, with a margin beyond the outermost. */
export function priceScale(prices: readonly (number | null)[]): ScaleLinear<number, number> {
  const known = prices.filter((price) => price !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = Math.max(10_000, (high - low) * 0.06);
  return scaleLinear([low - room, high + room], [0, 100]);
}
