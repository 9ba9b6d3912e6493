/// The shapes of the charts.
import { describe, expect, it } from "vitest";
import type { EarningsDay, SlotBar } from "../api/bindings";
import { once } from "./bars";
import { Columns } from "./columns";
import { DayShapes } from "./day";
import { amountScale, daysOf } from "./month";
import { priceLine, priceScale } from "./price";

const SIZE = { top: 110, bottom: 300 };

function bar(index: number, change: Partial<SlotBar> = {}): SlotBar {
  return {
    slot: new Date(Date.parse("2026-06-17T22:00:00Z") + index * 900_000).toISOString(),
    certainty: "settled",
    quality: "measured",
    import_milliwatt_hours: 0,
    export_milliwatt_hours: 0,
    sun_milliwatt_hours: 0,
    sold_wh: 0,
    bought_wh: 0,
    price_micros_per_kwh: null,
    retail_micros_per_kwh: 320_000,
    feed_in_micros_per_kwh: 81_000,
    ...change,
  };
}

describe("columns", () => {
  it.each([92, 96, 100, 12])("%i of them fill the width", (count) => {
    const columns = new Columns(count, 40, 1000);
    expect(columns.x(0)).toBe(40);
    expect(columns.x(count)).toBe(1000);
    expect(columns.indexAt(columns.x(count - 1) + 1)).toBe(count - 1);
    expect(columns.indexAt(1001)).toBeNull();
    expect(columns.indexAt(39)).toBeNull();
    expect(columns.barX(0)).toBeGreaterThanOrEqual(40);
    expect(columns.barX(0) + columns.barWidth).toBeLessThanOrEqual(columns.x(1));
  });

  it("have a width even where there are none", () => {
    const none = new Columns(0, 40, 1000);
    expect(none.barWidth).toBeGreaterThan(0);
    expect(none.indexAt(100)).toBeNull();
  });
});

it("an hour that comes twice has one label on the axis", () => {
  const label = (index: number, text: string) => ({ index, text, at: "edge" }) as const;
  expect(once([label(0, "00:00"), label(12, "03:00"), label(16, "03:00")])).toHaveLength(2);
});

describe("a day", () => {
  it("stacks what was sold and what the grid got, up to what went out", () => {
    const shapes = new DayShapes([bar(0, { export_milliwatt_hours: 400_000, sold_wh: 300 })], SIZE);
    const [sold, grid] = shapes.columns[0]!.blocks;
    expect([sold?.role, grid?.role]).toEqual(["neighbour", "export"]);
    const height = (wh: number) => shapes.energy(0) - shapes.energy(wh * 1000);
    expect(sold!.height).toBeCloseTo(height(300));
    expect(grid!.height).toBeCloseTo(height(100));
    expect(grid!.y + grid!.height).toBeCloseTo(sold!.y);
  });

  it("does not split what is not settled", () => {
    const open = bar(0, {
      certainty: "provisional",
      export_milliwatt_hours: 400_000,
      sold_wh: null,
    });
    expect(new DayShapes([open], SIZE).columns[0]!.blocks.map((block) => block.role)).toEqual([
      "open",
    ]);
  });

  it("hatches what was recovered or estimated", () => {
    const hatched = (quality: SlotBar["quality"]) =>
      new DayShapes([bar(0, { quality })], SIZE).columns[0]!.hatched;
    expect(hatched("recovered")).toBe(true);
    expect(hatched("estimated")).toBe(true);
    expect(hatched("measured")).toBe(false);
  });

  it("breaks the price line where there was no price", () => {
    const bars = [140_000, null, 150_000].map((price, i) =>
      bar(i, { price_micros_per_kwh: price }),
    );
    const prices = bars.map((each) => each.price_micros_per_kwh);
    const line = priceLine(prices, new Columns(3, 0, 300), priceScale(bars, [90, 10]));
    expect(line.match(/M/g)).toHaveLength(2);
    expect(line).not.toContain("NaN");
  });

  it("draws nothing out of nothing", () => {
    const [shapes, none] = [new DayShapes([], SIZE), new Columns(0, 0, 300)];
    expect(shapes.columns).toEqual([]);
    const drawn = [shapes.sunArea(none), shapes.sunLine(none)];
    expect([...drawn, priceLine([], none, priceScale([], [90, 10]))].join("")).toBe("");
    expect(shapes.energy.ticks(5).every((tick) => Number.isFinite(shapes.energy(tick)))).toBe(true);
  });
});

describe("a month", () => {
  it.each([
    ["2026-02", 28],
    ["2028-02", 29],
    ["2026-06", 30],
    ["2026-12", 31],
  ])("%s has %i days", (month, count) => expect(daysOf(month, [])).toHaveLength(count));

  it("keeps days without figures apart from days of nothing", () => {
    const day = { day: "2026-06-02", totals: { earned: "5", saved: "0" } } as EarningsDay;
    const days = daysOf("2026-06", [day]);
    expect(days[0]?.settled).toBeNull();
    expect(days[1]?.settled).toBe(day);
  });

  it("has room for a day that was worse", () => {
    const day = { day: "2026-06-02", totals: { earned: "-500", saved: "0" } } as EarningsDay;
    const scale = amountScale(daysOf("2026-06", [day]), 200, 0);
    expect(scale(-500)).toBeGreaterThan(scale(0));
  });
});
