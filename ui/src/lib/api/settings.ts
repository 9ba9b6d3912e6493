/// Settings: what the owner told of the home, and where its data lies.
import { commands, type DataView, type HomeSettingsAsk, type HomeSettingsView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

/** The household writes what it knows, is closed and opened: a large history is read as a whole. */
export const REOPENING_MS = 120_000;

export interface SettingsRoom {
  homeSettings(): Promise<Answer<HomeSettingsView>>;
  setHome(asked: HomeSettingsAsk): Promise<Answer<HomeSettingsView>>;
  /** Opens the home again, such as after what kept it from opening was mended. */
  reopenHome(): Promise<Answer<unknown>>;
  data(): Promise<Answer<DataView>>;
  /** Says where the file lies now. */
  backUp(): Promise<Answer<string>>;
  /** Says where what was there is kept. */
  restoreBackup(path: string): Promise<Answer<string | null>>;
  openDataFolder(): Promise<Answer<unknown>>;
}

export const settingsRoom: SettingsRoom = {
  homeSettings: () => ask(commands.homeSettings),
  setHome: (asked) => ask(() => commands.setHome(asked), REOPENING_MS),
  reopenHome: () => ask(commands.reopenHome, REOPENING_MS),
  data: () => ask(commands.data),
  backUp: () => ask(commands.backUp, REOPENING_MS),
  restoreBackup: (path) => ask(() => commands.restoreBackup(path), REOPENING_MS),
  openDataFolder: () => ask(commands.openDataFolder),
};
