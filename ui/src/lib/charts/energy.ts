/// The shapes of a period's chart: what the roof made above the line, what came in below it, and under
/// both a lane that tells how the figures came about.
import { scaleLinear, type ScaleLinear } from "d3-scale";
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

export class EnergyShapes {
  readonly energy: ScaleLinear<number, number>;
  readonly columns: EnergyBlock[][];

  constructor(
    readonly bars: readonly EnergyBar[],
    { top, bottom }: { top: number; bottom: number },
    /** What each bar is compared with. */
    readonly others: readonly (EnergyBar | null)[] = [],
  ) {
    const all = [...bars, ...others.filter((bar) => bar !== null)];
    const most = (up: boolean) => Math.max(0, ...all.map(({ figures }) => heightOf(figures, up)));
    const least = 100_000; // a night of standby shall not look like a storm
    const [high, low] = [Math.max(most(true), least), Math.max(most(false), least)];
    this.energy = scaleLinear([-low, high], [bottom, top]).nice(5);
    this.columns = bars.map(({ figures }) => this.#column(figures));
  }

  /** From where to where the bar goes that the one at an index is compared with. */
  outline(index: number): { top: number; bottom: number } | null {
    const other = this.others[index];
    if (!other || !isKnown(other.figures)) return null;
    const [up, down] = [heightOf(other.figures, true), heightOf(other.figures, false)];
    return { top: this.energy(up), bottom: this.energy(-down) };
  }

  /** The line along the compared bars, above or below, in steps; broken where nothing is known. */
  silhouette(edge: "top" | "bottom", places: { x: (index: number) => number }): string {
    let path = "";
    let drawing = false;
    for (const index of this.others.keys()) {
      const at = this.outline(index)?.[edge];
      if (at !== undefined) {
        path += `${drawing ? "V" : `M${places.x(index)} `}${at}H${places.x(index + 1)}`;
      }
      drawing = at !== undefined;
    }
    return path;
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
