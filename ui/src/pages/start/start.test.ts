/// The first run: what it proposes is never beyond the owner's own contract.
import { expect, it } from "vitest";
import { ampsOf, fuseWatts, phasesOf } from "../settings/home";
import { firstLimits } from "./limits";

const contract = (retail: number, feedIn: number) => ({
  retail_micros_per_kwh: retail,
  feed_in_micros_per_kwh: feedIn,
});

it("proposes prices between feed-in and retail, in steps that an owner reads", () => {
  expect(firstLimits(contract(320_000, 81_000), 10_000)).toEqual({ sell: 105_000, buy: 296_000 });
  for (const [retail, feedIn] of [
    [320_000, 320_000],
    [320_000, 319_500],
    [100_000, 0],
    [1, 0],
  ] as const) {
    const { sell, buy } = firstLimits(contract(retail, feedIn), 10_000);
    expect(sell).toBeGreaterThanOrEqual(feedIn);
    expect(sell).toBeLessThanOrEqual(retail);
    expect(buy).toBeGreaterThanOrEqual(feedIn);
    expect(buy).toBeLessThanOrEqual(retail);
  }
});

it("reads a fuse as it is labelled, and back", () => {
  expect(fuseWatts("3", "35")).toBe(24_150);
  expect(fuseWatts("1", " 63 ")).toBe(14_490);
  for (const wrong of ["", "0", "-5", "3,5", "1001", "1e3"])
    expect(fuseWatts("3", wrong)).toBe(null);
  for (const [phases, amps] of [
    ["3", 16],
    ["3", 63],
    ["1", 25],
    ["1", 63],
  ] as const) {
    const watts = fuseWatts(phases, String(amps))!;
    expect([phasesOf(watts), ampsOf(watts)]).toEqual([phases, amps]);
  }
});
