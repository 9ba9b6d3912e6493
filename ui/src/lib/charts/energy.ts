/// The shapes of a period's chart: what the roof made above the line, what came in below it, and under
/// both a lane that tells how the figures came about.
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { EnergyBar, EnergyFigures, QualityCounts } from "../api/bindings";

export type EnergyRole = "self" | "battery" | "neighbour" | "export" | "import" | "open";
export type Part = { name: PartName; role: EnergyRole; up: boolean };
export type PartName = (typeof PARTS)[number]["name"];
export type EnergyBlock = { name: PartName; role: EnergyRole; y: number; height: number };
/** A stretch of the lane, in shares of its bar from the left. */
export type LanePiece = { kind: "measured" | "hatched" | "missing"; from: number; to: number };

/** From the line outwards. The same role has the same colour everywhere. */
export const PARTS = [
  { name: "self", role: "self", up: true },
  { name: "to_battery", role: "battery", up: true },
  { name: "to_neighbours", role: "neighbour", up: true },
  { name: "to_grid", role: "export", up: true },
  { name: "open_out", role: "open", up: true },
  { name: "from_battery", role: "battery", up: false },
  { name: "from_neighbours", role: "neighbour", up: false },
  { name: "from_grid", role: "import", up: false },
  { name: "open_in", role: "open", up: false },
] as const;

export const partOf = (figures: EnergyFigures, name: PartName): number | null =>
  figures[`${name}_milliwatt_hours`];

/** The sum of what is known; null where nothing is. */
export function sumOf(figures: EnergyFigures, names: readonly PartName[]): number | null {
  const known = names.map((name) => partOf(figures, name)).filter((figure) => figure !== null);
  return known.length === 0 ? null : known.reduce((sum, figure) => sum + figure, 0);
}

export const OUT = ["to_neighbours", "to_grid", "open_out"] as const;
export const IN = ["from_neighbours", "from_grid", "open_in"] as const;

export const isKnown = (figures: EnergyFigures): boolean =>
  Object.values(figures).some((figure) => figure !== null);

export type EnergySize = {
  left: number;
  right: number;
  top: number;
  bottom: number;
  priceTop: number;
  priceBottom: number;
};

export class EnergyShapes {
  readonly energy: ScaleLinear<number, number>;
  readonly price: ScaleLinear<number, number>;
  readonly columns: EnergyBlock[][];

  constructor(
    readonly bars: readonly EnergyBar[],
    readonly size: EnergySize,
  ) {
    const most = (up: boolean) => Math.max(0, ...bars.map(({ figures }) => heightOf(figures, up)));
    const least = 100_000; // a night of standby shall not look like a storm
    const [high, low] = [Math.max(most(true), least), Math.max(most(false), least)];
    this.energy = scaleLinear([-low, high], [size.bottom, size.top]).nice(5);
    this.price = scaleLinear(pricesOf(bars), [size.priceBottom, size.priceTop]);
    this.columns = bars.map(({ figures }) => this.#column(figures));
  }

  /** The left edge of a column; one past the last is the right edge. */
  x(index: number): number {
    const { left, right } = this.size;
    return left + (index / Math.max(1, this.bars.length)) * (right - left);
  }

  get columnWidth(): number {
    return this.x(1) - this.x(0);
  }

  /** How wide a bar is in its column: slots stand close, years do not fill the window. */
  get barWidth(): number {
    const width = this.columnWidth;
    return Math.max(1, Math.min(width < 14 ? width - 1 : width * 0.72, 72));
  }

  barX(index: number): number {
    return this.x(index) + (this.columnWidth - this.barWidth) / 2;
  }

  indexAt(x: number): number | null {
    const { left, right } = this.size;
    const index = Math.floor(((x - left) / (right - left)) * this.bars.length);
    return index >= 0 && index < this.bars.length ? index : null;
  }

  priceLine(of: (bar: EnergyBar) => number | null): string {
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

  #column(figures: EnergyFigures): EnergyBlock[] {
    const reached = { up: 0, down: 0 };
    return PARTS.map(({ name, role, up }) => {
      const energy = Math.max(0, partOf(figures, name) ?? 0);
      const from = up ? reached.up : -reached.down;
      reached[up ? "up" : "down"] += energy;
      const [a, b] = [this.energy(from), this.energy(from + (up ? energy : -energy))];
      return { name, role, y: Math.min(a, b), height: Math.abs(a - b) };
    }).filter((block) => block.height > 0.2);
  }
}

/** What the lane shows of a bar: measured, filled in somehow, missing; nothing where nothing was due. */
export function laneOf(quality: QualityCounts): LanePiece[] {
  const filled = quality.recovered + quality.estimated + quality.partial;
  const counts = [
    { kind: "measured", count: quality.measured },
    { kind: "hatched", count: filled },
    { kind: "missing", count: quality.missing },
  ] as const;
  const all = quality.measured + filled + quality.missing + quality.outside;
  let from = 0;
  return counts
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => {
      const piece = { kind, from, to: from + count / all };
      from = piece.to;
      return piece;
    });
}

function heightOf(figures: EnergyFigures, up: boolean): number {
  return PARTS.filter((part) => part.up === up).reduce(
    (sum, part) => sum + Math.max(0, partOf(figures, part.name) ?? 0),
    0,
  );
}

function pricesOf(bars: readonly EnergyBar[]): [number, number] {
  const all = bars
    .flatMap((b) => [b.price_micros_per_kwh, b.retail_micros_per_kwh, b.feed_in_micros_per_kwh])
    .filter((price): price is number => price !== null);
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return low === high ? [low - 10_000, high + 10_000] : [low, high];
}
