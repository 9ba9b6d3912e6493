/// Meters: each device as it is read, and how one is found, checked, added, replaced and turned round.
import {
  commands,
  type AddMeterAsk,
  type InvertMeterAsk,
  type JournalAsk,
  type JournalView,
  type MetersView,
  type RegistersView,
  type ReplaceMeterAsk,
  type SearchAsk,
  type SetupView,
  type Told,
} from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface MetersRoom {
  meters(): Promise<Answer<MetersView>>;
  meterRegisters(meter: string): Promise<Answer<RegistersView>>;
  meterJournal(meter: string): Promise<Answer<JournalView>>;
  /** Where a meter can be looked for, and how far search and check have come. */
  meterSetup(): Promise<Answer<SetupView>>;
  startSearch(asked: SearchAsk): Promise<Answer<unknown>>;
  cancelSearch(): Promise<Answer<unknown>>;
  /** Reads a find again and again, until the check ends. */
  startCheck(find: number): Promise<Answer<unknown>>;
  tellCheck(told: Told): Promise<Answer<unknown>>;
  endCheck(): Promise<Answer<unknown>>;
  addMeter(asked: AddMeterAsk): Promise<Answer<unknown>>;
  replaceMeter(asked: ReplaceMeterAsk): Promise<Answer<unknown>>;
  invertMeter(asked: InvertMeterAsk): Promise<Answer<unknown>>;
  removeMeter(meter: string): Promise<Answer<unknown>>;
  reverseEntry(asked: JournalAsk): Promise<Answer<unknown>>;
}

export const metersRoom: MetersRoom = {
  meters: () => ask(commands.meters),
  meterRegisters: (meter) => ask(() => commands.meterRegisters(meter)),
  meterJournal: (meter) => ask(() => commands.meterJournal(meter)),
  meterSetup: () => ask(commands.meterSetup),
  startSearch: (asked) => ask(() => commands.startSearch(asked)),
  cancelSearch: () => ask(commands.cancelSearch),
  startCheck: (find) => ask(() => commands.startCheck(find)),
  tellCheck: (told) => ask(() => commands.tellCheck(told)),
  endCheck: () => ask(commands.endCheck),
  addMeter: (asked) => ask(() => commands.addMeter(asked)),
  replaceMeter: (asked) => ask(() => commands.replaceMeter(asked)),
  invertMeter: (asked) => ask(() => commands.invertMeter(asked)),
  removeMeter: (meter) => ask(() => commands.removeMeter(meter)),
  reverseEntry: (asked) => ask(() => commands.reverseEntry(asked)),
};
