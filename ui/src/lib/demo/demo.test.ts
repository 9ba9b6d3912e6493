/// The demo keeps the promises of the real house: what it shows adds up.
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { TotalsView } from "../api/bindings";
import type { Answer } from "../api/house";
import { DemoHouse } from "./house";

beforeEach(() => void vi.useFakeTimers());

async function of<T>(answer: Promise<Answer<T>>): Promise<T> {
  const given = await answer;
  if (given.status === "error") throw new Error(given.error.code);
  return given.data;
}

const nanos = (totals: TotalsView) => ({
  net: BigInt(totals.net),
  lines: [totals.sold, totals.to_grid, totals.bought, totals.from_grid, totals.fees].map(BigInt),
  gain: BigInt(totals.earned) + BigInt(totals.saved),
  utility: BigInt(totals.utility_only),
});
const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

describe("the demo", () => {
  it("has a month whose days, slots and trades add up to it, to the nano", async () => {
    const house = new DemoHouse();
    const month = await of(house.earnings(null));
    const { net, lines, gain, utility } = nanos(month.totals);
    expect(sum(lines)).toBe(net);
    expect(net - utility).toBe(gain);
    expect(sum(month.days.map((day) => BigInt(day.totals.net)))).toBe(net);
    const day = await of(house.earningsDay(month.days[0]!.day));
    expect(sum(day.slots.map((slot) => BigInt(slot.totals.net)))).toBe(BigInt(day.totals.net));
    for (const trade of day.slots.flatMap((slot) => slot.trades)) {
      const amount = BigInt(trade.energy_wh * trade.price_micros_per_kwh);
      expect(BigInt(trade.amount)).toBe(trade.side === "sell" ? amount : -amount);
    }
    expect(day.slots.some((slot) => slot.trades.length > 0)).toBe(true);
  });

  it("carries a new price in the next offers", async () => {
    const house = new DemoHouse();
    await of(house.setLimit({ rule: "Surplus", micros_per_kwh: 155_000, confirmed: false }));
    const rules = await of(house.rules());
    expect(
      rules.ahead.filter((o) => o.side === "sell").map((o) => o.limit_micros_per_kwh),
    ).toContain(155_000);
    expect(rules.log[0]?.changes).toMatchObject([{ rule: "Surplus", micros_per_kwh: 155_000 }]);
  });

  it("asks twice before a price below feed-in", async () => {
    const house = new DemoHouse();
    const change = { rule: "Surplus", micros_per_kwh: 50_000, confirmed: false };
    expect(await house.setLimit(change)).toMatchObject({ error: { code: "worse_than_contract" } });
    await of(house.setLimit({ ...change, confirmed: true }));
  });

  it("is the same for everyone", async () => {
    const [one, two] = [new DemoHouse(), new DemoHouse()];
    expect(await one.earnings("2026-05")).toEqual(await two.earnings("2026-05"));
  });

  it("stops and says what was bound", async () => {
    const house = new DemoHouse();
    await of(house.stopTrading());
    expect((await of(house.frame())).trading).toMatchObject({
      state: "stopped",
      bound_slots: [expect.any(String)],
    });
    await of(house.resumeTrading());
    expect((await of(house.frame())).trading.state).toBe("running");
  });
});
