/// The shapes of a day's chart: one column a quarter hour, what went out above the line, what came in below it.
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { area, curveBasis, line } from "d3-shape";
import type { SlotBar } from "../api/bindings";
import type { Block, Column } from "./bars";
import type { Columns } from "./columns";

export class DayShapes {
  readonly energy: ScaleLinear<number, number>;
  readonly columns: Column[];

  constructor(
    readonly bars: readonly SlotBar[],
    { top, bottom }: { top: number; bottom: number },
  ) {
    const up = Math.max(
      ...bars.map((b) => Math.max(b.export_milliwatt_hours ?? 0, b.sun_milliwatt_hours ?? 0)),
      0,
    );
    const down = Math.max(...bars.map((b) => b.import_milliwatt_hours ?? 0), 0);
    const least = 100_000; // a night of standby shall not look like a storm
    this.energy = scaleLinear([-Math.max(down, least), Math.max(up, least)], [bottom, top]).nice(5);
    this.columns = bars.map((bar) => this.#column(bar));
  }

  sunArea(columns: Columns): string {
    return (
      area<SlotBar>()
        .defined((bar) => bar.sun_milliwatt_hours !== null)
        .x((_, index) => columns.x(index + 0.5))
        .y0(this.energy(0))
        .y1((bar) => this.energy(bar.sun_milliwatt_hours ?? 0))
        .curve(curveBasis)([...this.bars]) ?? ""
    );
  }

  /** The upper edge of the area: the area itself is too light to be seen by everyone. */
  sunLine(columns: Columns): string {
    return (
      line<SlotBar>()
        .defined((bar) => bar.sun_milliwatt_hours !== null)
        .x((_, index) => columns.x(index + 0.5))
        .y((bar) => this.energy(bar.sun_milliwatt_hours ?? 0))
        .curve(curveBasis)([...this.bars]) ?? ""
    );
  }

  #column(bar: SlotBar): Column {
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
    return { key: bar.slot, blocks: blocks.filter((b) => b.height > 0.2), hatched };
  }

  #block(from: number, to: number, role: Block["role"]): Block {
    const [a, b] = [this.energy(from), this.energy(to)];
    return { y: Math.min(a, b), height: Math.abs(a - b), role };
  }
}
