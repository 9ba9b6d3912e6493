/// The house behind the app's window. Nothing outside this folder imports `@tauri-apps`.
import { contractsRoom } from "./contracts";
import { earningsRoom } from "./earnings";
import { energyRoom } from "./energy";
import { events } from "./bindings";
import { frameRoom } from "./frame";
import { marketRoom } from "./market";
import { metersRoom } from "./meters";
import { notificationsRoom } from "./notifications";
import { nowRoom } from "./now";
import { rulesRoom } from "./rules";
import { settingsRoom } from "./settings";
import { startRoom } from "./start";
import { statementRoom } from "./statement";
import type { Changes, House } from "./house";

const onChanged: Changes = (listener) => {
  const listening = events.changed.listen((event) => listener(event.payload.views));
  // Without the event the pages would show old figures as if they were new: the frame is asked,
  // finds no program behind it, and says so.
  listening.catch(() => listener(["frame"]));
  return () => void listening.then((stop) => stop()).catch(() => {});
};

export const house: House = {
  ...frameRoom,
  ...nowRoom,
  ...energyRoom,
  ...rulesRoom,
  ...marketRoom,
  ...earningsRoom,
  ...statementRoom,
  ...metersRoom,
  ...contractsRoom,
  ...notificationsRoom,
  ...settingsRoom,
  ...startRoom,
  onChanged,
};
