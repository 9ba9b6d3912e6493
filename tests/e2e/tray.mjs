/// The tray's menu, read and clicked over the bus as a desktop's panel does.
import { ask, connectionsOf } from "./bus.mjs";
import { until } from "./processes.mjs";

const ROOT = "/org/ayatana/NotificationItem";
const MENU = "com.canonical.dbusmenu";

/** Finds the tray of a program: one of its connections has it, and some of the others never answer. */
export async function findTray(pid) {
  const asked = (await connectionsOf(pid)).map(async (name) => {
    const node = await ask(
      name,
      ROOT,
      "org.freedesktop.DBus.Introspectable.Introspect",
    );
    const [, item] = /<node name="(\w+)"/.exec(node);
    return new Tray(name, `${ROOT}/${item}/Menu`);
  });
  return Promise.any(asked);
}

class Tray {
  #name;
  #path;
  constructor(name, path) {
    this.#name = name;
    this.#path = path;
  }

  /** Returns the entries of the menu: their words, and the number by which each is clicked. */
  async entries() {
    const layout = [
      `${MENU}.GetLayout`,
      "int32:0",
      "int32:-1",
      "array:string:label",
    ];
    const entries = new Map();
    let id = null;
    let isLabel = false;
    for (const line of (await ask(this.#name, this.#path, ...layout)).split(
      "\n",
    )) {
      id = /^ +int32 (\d+)$/.exec(line)?.[1] ?? id;
      if (isLabel) entries.set(/string "(.*)"$/.exec(line)?.[1], id);
      isLabel = line.endsWith('string "label"');
    }
    return entries;
  }

  /** Waits until an entry reads so. */
  reads(pattern) {
    return until(`the tray says ${pattern}`, async () =>
      [...(await this.entries()).keys()].find((label) => pattern.test(label)),
    );
  }

  async click(label) {
    await this.reads(new RegExp(`^${label}$`));
    const id = (await this.entries()).get(label);
    const clicked = [
      `${MENU}.Event`,
      `int32:${id}`,
      "string:clicked",
      "variant:int32:0",
      "uint32:0",
    ];
    await ask(this.#name, this.#path, ...clicked);
  }
}
