/// The way of a kilowatt-hour through the real window, against the books of a real exchange.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { endAll, until } from "./processes.mjs";
import { secretsOf } from "./secrets.mjs";
import { startStreet } from "./street.mjs";
import { EMPTY, ENTER } from "./webdriver.mjs";
import { findTray } from "./tray.mjs";
import { openWindow, startAgain } from "./window.mjs";

const FOLDER = process.env.WATTLE_E2E_FOLDER;
const MEMBER = "home-01";
/** A slot of a quarter hour passes in five seconds, on a bright forenoon. */
const STREET = [
  "--speed",
  "180",
  "--start",
  "2026-06-16T09:00:00Z",
  "--past-days",
  "2",
];
/** Above feed-in and below what the neighbours pay, and no house of the street asks it by itself. */
const NEW_PRICE = { text: "9.3", micros: 93_000 };

let street, window;
const picture = (name) =>
  window.session.screenshot(join(process.env.WATTLE_PICTURES, `${name}.png`));
const orders = () => street.books.orders(MEMBER);

before(async () => {
  street = await startStreet(
    join(FOLDER, "street"),
    join(FOLDER, "street.log"),
    STREET,
  );
});

after(async () => {
  await window?.abandon();
  await endAll();
});

describe("the window of a house in a street", () => {
  it("opens, and keeps its key in the system's keyring", async () => {
    window = await openWindow(street.home, join(FOLDER, "window"));
    await window.reads(/The roof makes .* the house uses/);
    assert.equal(await secretsOf(street.home), 1);
    assert.ok(
      !existsSync(join(street.home, "key.sealed")),
      "no key lies in a file",
    );
  });

  it("shows watts that change", async () => {
    const roof = async () =>
      (await window.reads(/The roof makes ([\d.,]+ k?W)/))[1];
    const seen = new Set();
    await until(
      "three different powers of the roof were seen",
      async () => seen.add(await roof()).size >= 3,
    );
    await window.reads(/Meter\s*fresh/);
    await window.reads(/Exchange\s*connected/);
    await picture("now");
  });

  it("sends the rule's new price with the next offer", async () => {
    await window.open("rules", "Prices & rules");
    const price = 'input[role=spinbutton][aria-label^="Lowest selling price"]';
    await until("the rule can be edited", () =>
      window.session.run(
        (price) => document.querySelector(price) !== null,
        price,
      ),
    );
    await window.session.click(price);
    await window.session.type(price, EMPTY + NEW_PRICE.text + ENTER);
    await window.reads(/Saved\. The next offers carry 9\.3/);
    await until(
      "every open offer at the exchange carries the new price",
      async () => {
        const open = (await orders()).filter(
          (order) => order.side === "sell" && order.open,
        );
        return (
          open.length > 0 &&
          open.every(({ limit }) => limit === NEW_PRICE.micros)
        );
      },
    );
    await picture("rules");
  });

  it("shows a trade as a row of earnings, to the watt-hour", async () => {
    const sold = await until(
      "a slot of this forenoon was sold and settled",
      async () =>
        (await street.books.sales(MEMBER)).find(
          ({ start }) => start >= new Date("2026-06-16T09:00:00Z"),
        ),
    );
    await window.open("earnings", "Earnings");
    await window.session.click("tbody tr:first-child button.day");
    const time = new Intl.DateTimeFormat("en-GB", {
      timeZone: "Europe/Berlin",
      hour: "2-digit",
      minute: "2-digit",
    }).format(sold.start);
    const row = await until(`the slot of ${time} has its row`, () =>
      window.row("table table", time),
    );
    assert.match(
      row,
      new RegExp(`Sold ${(sold.soldWh / 1000).toFixed(3)} kWh × `),
    );
    await picture("earnings");
  });

  it("stops trading: open offers leave the exchange, and none comes", async () => {
    await until("an offer can be stopped", async () =>
      (await orders()).some(({ open }) => open),
    );
    await window.press("Stop trading");
    await window.reads(/Trading is stopped/);
    await until(
      "no open order is left",
      async () => !(await orders()).some(({ open }) => open),
    );
    await picture("stopped");
    const [last] = await orders();
    // Two slots' time, in which a house that trades would have offered twice.
    await until("the street goes on", () => streetHasMovedBy(2 * 900_000));
    assert.equal(
      (await orders())[0].accepted,
      last.accepted,
      "nothing was offered while stopped",
    );
  });

  it("resumes from the tray, which is in step with the window", async () => {
    const [last] = await orders();
    const tray = await findTray(window.pid);
    await tray.reads(
      /^Trading is stopped\. -?\d+\.\d\d EUR earned and saved today$/,
    );
    await tray.click("Resume trading");
    await window.reads(/Trading\s*on/);
    await tray.reads(/^Trading is on\./);
    await until(
      "an offer comes again",
      async () => (await orders())[0].accepted > last.accepted,
    );
  });

  it("runs only its own script and asks only its own questions", async () => {
    const outcome = await window.session.run(async () => {
      const script = document.createElement("script");
      script.textContent = "window.intruded = true";
      document.head.append(script);
      const tauri = window.__TAURI_INTERNALS__;
      const tried = [
        "plugin:window|create",
        "plugin:event|emit",
        "plugin:window|close",
        "no_such_command",
      ];
      const refused = tried.map((command) =>
        tauri.invoke(command).then(
          () => command,
          () => null,
        ),
      );
      return {
        intruded: window.intruded ?? false,
        allowed: (await Promise.all(refused)).filter(Boolean),
      };
    });
    assert.deepEqual(outcome, { intruded: false, allowed: [] });
    // What was refused stands on the console, so an error that nobody meant would stand there, too.
    const refused = (line) => line.includes("Refused to execute a script");
    await until("the refusal is told", () => window.complaints().some(refused));
    assert.deepEqual(
      window.complaints().filter((line) => !refused(line)),
      [],
    );
  });

  it("keeps trading when its window is closed, without a web view", async () => {
    await window.close();
    const [last] = await orders();
    await until(
      "an offer comes without a window",
      async () => (await orders())[0].accepted > last.accepted,
    );
    assert.ok(window.isAlive());
    assert.ok(!window.hasWebView());
  });

  it("comes back when it is started once more, in the program that runs", async () => {
    assert.deepEqual(await startAgain(street.home), { code: 0, signal: null });
    await until("the window is on the display again", () => window.isShown());
    await until("it has a web view again", () => window.hasWebView());
  });

  it("ends in order when it is told to, and keeps its place", async () => {
    assert.deepEqual(await window.end(), { code: 0, signal: null });
    window = null;
    const kept = join(
      process.env.XDG_CONFIG_HOME,
      "energy.wattle.app/.window-state.json",
    );
    const { main } = JSON.parse(readFileSync(kept, "utf8"));
    assert.deepEqual([main.width, main.height], [1180, 800]);
  });
});

describe("a window that cannot trade says why", () => {
  const shows = async (name, home, ...patterns) => {
    window = await openWindow(home, join(FOLDER, name));
    for (const pattern of patterns) await window.reads(pattern);
    await picture(name);
    assert.deepEqual(window.complaints(), []);
    assert.deepEqual(await window.end(), { code: 0, signal: null });
    window = null;
  };
  const copied = (name) => {
    const home = join(FOLDER, name);
    cpSync(street.home, home, { recursive: true });
    return home;
  };

  it("another program trades: it names who, and looks on", async () => {
    const held = join(FOLDER, "street/home-02");
    const holder = new RegExp(
      `wattle-street \\(process ${street.pid}\\) trades for this home`,
    );
    await shows(
      "looking-on",
      held,
      /Another program trades for this home/,
      holder,
      /house uses/,
    );
  });

  it("the history belongs to a newer version", async () => {
    const home = copied("newer");
    const newer =
      "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('pragma user_version = 999')";
    execFileSync("python3", ["-c", newer, join(home, "history.sqlite")]);
    await shows("newer", home, /newer version/);
  });

  it("the history is damaged and there is no copy", async () => {
    const home = copied("damaged");
    rmSync(join(home, "snapshots"), { recursive: true });
    writeFileSync(
      join(home, "history.sqlite"),
      "this is no database, whatever it is called".repeat(200),
    );
    await shows("damaged", home, /Put a backup in its place/);
  });
});

describe("the street", () => {
  it("adds up at the end", async () => {
    const { code } = await street.end();
    assert.equal(
      code,
      0,
      "energy and money are conserved, and nobody is worse off",
    );
  });
});

/** Waits in steps of a look until market time has gone on by so much, by the street's own books. */
let movedFrom = null;
async function streetHasMovedBy(ms) {
  const newest = (await street.books.orders("home-02"))[0]?.accepted ?? 0;
  movedFrom ??= newest;
  return newest - movedFrom >= ms;
}
