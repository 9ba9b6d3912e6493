/// The house as the window knows it: one interface, kept by the app and by the demo.
import type { ContractsRoom } from "./contracts";
import type { FrameRoom } from "./frame";
import type { EnergyRoom } from "./energy";
import type { MarketRoom } from "./market";
import type { MetersRoom } from "./meters";
import type { NotificationsRoom } from "./notifications";
import type { NowRoom } from "./now";
import type { RulesRoom } from "./rules";
import type { EarningsRoom } from "./earnings";
import type { SettingsRoom } from "./settings";
import type { StartRoom } from "./start";
import type { StatementRoom } from "./statement";
import type { Refusal, ViewName } from "./bindings";

export type Answer<T> = { status: "ok"; data: T } | { status: "error"; error: Refusal };

/** Tells which views have new facts, until the returned function is called. */
export type Changes = (listener: (views: ViewName[]) => void) => () => void;

export interface House
  extends
    FrameRoom,
    NowRoom,
    EnergyRoom,
    RulesRoom,
    MarketRoom,
    EarningsRoom,
    StatementRoom,
    MetersRoom,
    ContractsRoom,
    NotificationsRoom,
    SettingsRoom,
    StartRoom {
  onChanged: Changes;
}
