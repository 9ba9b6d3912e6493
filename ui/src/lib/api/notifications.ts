/// Notifications: what the owner is told while no window is open, and whether Wattle starts with the desktop.
import { commands, type NotificationsView } from "./bindings";
import { ask } from "./ask";
import type { Answer } from "./house";

export interface NotificationsRoom {
  notifications(): Promise<Answer<NotificationsView>>;
  setNotifications(wanted: NotificationsView): Promise<Answer<NotificationsView>>;
  autostart(): Promise<Answer<boolean>>;
  setAutostart(on: boolean): Promise<Answer<boolean>>;
}

export const notificationsRoom: NotificationsRoom = {
  notifications: () => ask(commands.notifications),
  setNotifications: (wanted) => ask(() => commands.setNotifications(wanted)),
  autostart: () => ask(commands.autostart),
  setAutostart: (on) => ask(() => commands.setAutostart(on)),
};
