/// The rows of an opened day: slots with trades one by one, quiet stretches as one row.
import type { EarningsSlot } from "../../lib/api/bindings";
import { sumNanos } from "../../lib/format";

export type Run = {
  slots: [EarningsSlot, ...EarningsSlot[]];
  better: string;
  toGridWh: number;
  fromGridWh: number;
};

/** Puts neighbouring slots together where nothing was traded and nothing else sets them apart. */
export function runsOf(slots: readonly EarningsSlot[]): Run[] {
  const runs: Run[] = [];
  for (const slot of slots) {
    const last = runs.at(-1);
    if (last && joins(last.slots[0], slot) && follows(last, slot)) add(last, slot);
    else runs.push(add({ slots: [slot], better: "0", toGridWh: 0, fromGridWh: 0 }, slot));
  }
  return runs;
}

function joins(a: EarningsSlot, b: EarningsSlot): boolean {
  const plain = (slot: EarningsSlot) => slot.trades.length === 0 && slot.version <= 1;
  return plain(a) && plain(b) && a.certainty === b.certainty && a.quality === b.quality;
}

const follows = (run: Run, slot: EarningsSlot): boolean =>
  Date.parse(slot.slot) - Date.parse(run.slots.at(-1)?.slot ?? "") === 900_000;

function add(run: Run, slot: EarningsSlot): Run {
  if (run.slots[0] !== slot) run.slots.push(slot);
  run.better = sumNanos(run.better, slot.totals.earned, slot.totals.saved);
  run.toGridWh += slot.totals.to_grid_wh;
  run.fromGridWh += slot.totals.from_grid_wh;
  return run;
}
