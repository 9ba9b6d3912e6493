/// Now: what the roof does, what it earns, whether anything needs a hand.
import { commands, type NowView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface NowRoom {
  now(): Promise<Answer<NowView>>;
}

export const nowRoom: NowRoom = { now: () => ask(commands.now) };
