/// The frame around every page: status line, banner, stop button.
import { commands, type FrameView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface FrameRoom {
  frame(): Promise<Answer<FrameView>>;
  stopTrading(): Promise<Answer<unknown>>;
  resumeTrading(): Promise<Answer<unknown>>;
}

export const frameRoom: FrameRoom = {
  frame: () => ask(commands.frame),
  stopTrading: () => ask(commands.stopTrading),
  resumeTrading: () => ask(commands.resumeTrading),
};
