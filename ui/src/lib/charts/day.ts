/// The shapes of a day's chart: prices above, energy below, one column a quarter hour.
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { area, line, curveBasis } from "d3-shape";
import type { SlotBar } from "../api/bindings";

export type Block = { y: number; height: number; role: "neighbour" | "export" | "import" | "open" };
export type Column = { index: number; blocks: Block[]; hatched: boolean; open: boolean };
export type Tick = { at: number; value: number };

export class DayShapes {
  readonly energy: ScaleLinear<number, number>;
  readonly price: ScaleLinear<number, number>;
  readonly columns: Column[];
  readonly energyTicks: Tick[];

  constructor(
    readonly bars: readonly SlotBar[],
    readonly size: {
      left: number;
      right: number;
      priceTop: number;
      priceBottom: number;
      top: number;
      bottom: number;
    },
  ) {
    const { top, bottom, priceTop, priceBottom } = size;
    const up = Math.max(
      ...bars.map((b) => Math.max(b.export_milliwatt_hours ?? 0, b.sun_milliwatt_hours ?? 0)),
      0,
    );
    const down = Math.max(...bars.map((b) => b.import_milliwatt_hours ?? 0), 0);
    const least = 100_000; // a night of standby shall not look like a storm
    this.energy = scaleLinear([-Math.max(down, least), Math.max(up, least)], [bottom, top]).nice(5);
    this.price = scaleLinear(pricesOf(bars), [priceBottom, priceTop]);
    this.columns = bars.map((bar, index) => this.#column(bar, index));
    this.energyTicks = this.energy.ticks(5).map((value) => ({ value, at: this.energy(value) }));
  }

  /** The left edge of a column; one past the last is the right edge of the day. */
  x(index: number): number {
    const { left, right } = this.size;
    return left + (index / Math.max(1, this.bars.length)) * (right - left);
  }

  get columnWidth(): number {
    return this.x(1) - this.x(0);
  }

  /** The column under a place, or null beside the day. */
  indexAt(x: number): number | null {
    const { left, right } = this.size;
    const index = Math.floor(((x - left) / (right - left)) * this.bars.length);
    return index >= 0 && index < this.bars.length ? index : null;
  }

  priceLine(of: (bar: SlotBar) => number | null): string {
    const corners = this.bars.flatMap((bar, index) => [
      { x: this.x(index), value: of(bar) },
      { x: this.x(index + 1), value: of(bar) },
    ]);
    return (
      line<{ x: number; value: number | null }>()
        .defined((corner) => corner.value !== null)
        .x((corner) => corner.x)
        .y((corner) => this.price(corner.value ?? 0))(corners) ?? ""
    );
  }

  sunArea(): string {
    return (
      area<SlotBar>()
        .defined((bar) => bar.sun_milliwatt_hours !== null)
        .x((_, index) => this.x(index + 0.5))
        .y0(this.energy(0))
        .y1((bar) => this.energy(bar.sun_milliwatt_hours ?? 0))
        .curve(curveBasis)([...this.bars]) ?? ""
    );
  }

  #column(bar: SlotBar, index: number): Column {
    const settled = bar.certainty === "settled" || bar.certainty === "final";
    const out = bar.export_milliwatt_hours ?? 0;
    const into = bar.import_milliwatt_hours ?? 0;
    const sold = settled ? Math.min((bar.sold_wh ?? 0) * 1000, out) : 0;
    const bought = settled ? Math.min((bar.bought_wh ?? 0) * 1000, into) : 0;
    const blocks = [
      this.#block(0, sold, "neighbour"),
      this.#block(sold, out, settled ? "export" : "open"),
      this.#block(0, -bought, "neighbour"),
      this.#block(-bought, -into, settled ? "import" : "open"),
    ];
    const hatched = bar.quality === "recovered" || bar.quality === "estimated";
    return { index, blocks: blocks.filter((b) => b.height > 0.2), hatched, open: !settled };
  }

  #block(from: number, to: number, role: Block["role"]): Block {
    const [a, b] = [this.energy(from), this.energy(to)];
    return { y: Math.min(a, b), height: Math.abs(a - b), role };
  }
}

function pricesOf(bars: readonly SlotBar[]): [number, number] {
  const all = bars
    .flatMap((b) => [b.price_micros_per_kwh, b.retail_micros_per_kwh, b.feed_in_micros_per_kwh])
    .filter((price): price is number => price !== null);
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return low === high ? [low - 10_000, high + 10_000] : [low, high];
}
