/// Energy: a period by role, a slot with its readings, and the table that the owner takes away.
import { commands, type EnergyAsk, type EnergySlotView, type EnergyView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface EnergyRoom {
  energy(asked: EnergyAsk): Promise<Answer<EnergyView>>;
  /** A slot by its instant. */
  energySlot(slot: string): Promise<Answer<EnergySlotView>>;
  /** Saves a table and tells where. */
  saveCsv(name: string, text: string): Promise<Answer<string>>;
}

export const energyRoom: EnergyRoom = {
  energy: (asked) => ask(() => commands.energy(asked)),
  energySlot: (slot) => ask(() => commands.energySlot(slot)),
  saveCsv: (name, text) => ask(() => commands.saveCsv(name, text)),
};
