/// The first run: a market's terms, the consent, and a look around on a simulated street.
import { commands, type InvitationView, type JoinAsk, type StreetView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";
import { REOPENING_MS } from "./settings";

/** The exchange is given eight seconds, twice. */
const EXCHANGE_MS = 20_000;

export interface StartRoom {
  /** Asks the market of an invitation about itself; nothing is promised by it. */
  invitation(code: string): Promise<Answer<InvitationView>>;
  joinMarket(asked: JoinAsk): Promise<Answer<unknown>>;
  finishStart(): Promise<Answer<unknown>>;
  street(): Promise<Answer<StreetView>>;
  /** Shows a home of a street that is started for it, until it is left. */
  lookAround(): Promise<Answer<unknown>>;
  leaveStreet(): Promise<Answer<unknown>>;
}

export const startRoom: StartRoom = {
  invitation: (code) => ask(() => commands.invitation(code), EXCHANGE_MS),
  joinMarket: (asked) => ask(() => commands.joinMarket(asked), REOPENING_MS),
  finishStart: () => ask(commands.finishStart),
  street: () => ask(commands.street),
  lookAround: () => ask(commands.lookAround, REOPENING_MS),
  leaveStreet: () => ask(commands.leaveStreet, REOPENING_MS),
};
