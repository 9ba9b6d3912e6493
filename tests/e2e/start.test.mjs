/// A new home comes from its first run to its first trade in the real window, against the books of a real exchange;
/// then its data is backed up and restored.
///
/// The street leaves its first house alone: its meter and its invitation are what an installer and an operator hand
/// to an owner. Everything else is told in the window.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { endAll, until } from "./processes.mjs";
import { secretsOf } from "./secrets.mjs";
import { meterOf, startStreet } from "./street.mjs";
import { openWindow } from "./window.mjs";

const FOLDER = process.env.WATTLE_E2E_FOLDER;
const HOME = join(FOLDER, "first-home");
const MEMBER = "home-01";
/** A slot of a quarter hour passes in some seven seconds, on a bright forenoon; nobody has a past. */
const STREET = [
  "--speed",
  "120",
  "--start",
  "2026-06-16T09:00:00Z",
  "--past-days",
  "0",
];
/** Four slots until the first is settled, on a busy machine. */
const PATIENCE_MS = 120_000;

let street, window, invitation, address, backup;
const picture = (name) =>
  window.session.screenshot(join(process.env.WATTLE_PICTURES, `${name}.png`));

before(async () => {
  const data = join(FOLDER, "start-street");
  street = await startStreet(data, join(FOLDER, "start-street.log"), STREET);
  invitation = readFileSync(
    join(data, MEMBER, "invitation.txt"),
    "utf8",
  ).trim();
  address = meterOf(
    readFileSync(join(data, MEMBER, "home.toml"), "utf8"),
    "grid",
  );
  mkdirSync(HOME);
});

after(async () => {
  await window?.abandon();
  await endAll();
});

describe("a new home", () => {
  it("is greeted, and asked where it is", async () => {
    window = await openWindow(HOME, join(FOLDER, "start-window"));
    await window.reads(/Where is your home\?/);
    await window.reads(/Look around on a simulated street/);
    await window.choose("Time zone", "Europe/Berlin");
    await window.write("Name", "Acacia Street 9");
    await window.write("Amperes of each", "25");
    await window.reads(/Lets through 17\.3 kW/);
    await picture("start-home");
    await window.press("Go on");
    await window.reads(/Which meter shall be read\?/);
    const told = settings();
    for (const line of [
      /zone = "Europe\/Berlin"/,
      /fuse_w = 17250/,
      /name = "Acacia Street 9"/,
    ])
      assert.match(told, line);
  });

  it("gets the meters of the grid and the roof", async () => {
    await add("The grid");
    await window.reads(/Is read from now on\s+The grid/);
    await picture("start-meter");
    await add("The roof");
    // The street measures its roofs with a meter that usually hangs at the grid.
    await window.press("I have checked: do it all the same");
    await window.reads(/Is read from now on\s+The grid and The roof/);
    await window.press("Go on");
  });

  it("sees what a market asks before it agrees", async () => {
    await window.reads(/With whom do you want to trade\?/);
    await window.write("Invitation", invitation);
    await window.press("Show me the market");
    await window.reads(/This is a simulated street/);
    await window.write("A kWh from the grid costs, in ct", "32");
    await window.write("A kWh to the grid earns, in ct", "8.1");
    await window.reads(/Offer my surplus to neighbours at 10\.5/);
    await picture("start-market");
    await window.press("Agree and join");
    await window.reads(/Nothing is traded before you agree\./);
    assert.ok(
      !existsSync(join(HOME, "invitation.txt")),
      "nothing is kept without consent",
    );
  });

  it("joins, and is shown what its roof does", async () => {
    await window.session.run(() =>
      [...document.querySelectorAll("input[type=checkbox]")].at(-1).click(),
    );
    await window.press("Agree and join");
    await window.reads(/Acacia Street 9/, "nav");
    await window.reads(/Exchange\s*connected/);
    await window.reads(/Meter\s*fresh/);
    assert.doesNotMatch(settings(), /first_run/);
    assert.equal(await secretsOf(HOME), 1);
    await picture("start-now");
  });

  it("sells its first kilowatt-hours to a neighbour", async () => {
    const sold = await until(
      "a slot was sold and settled",
      async () => (await street.books.sales(MEMBER))[0],
      PATIENCE_MS,
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
    await picture("start-trade");
  });
});

describe("its data", () => {
  it("is backed up", async () => {
    await window.open("settings", "Settings");
    await window.press("Back up now");
    [, backup] = await window.reads(/Backed up to (\/\S+\.sqlite)/);
    assert.ok(existsSync(backup), "the file is there");
    await picture("settings-data");
  });

  it("comes back from the backup, and what was there is kept", async () => {
    await window.write("Or a backup elsewhere", backup);
    await window.pressLast("Restore");
    await window.reads(/Go back to this copy\?/);
    await window.pressLast("Restore");
    const [, kept] = await window.reads(
      /Restored\. What was there is kept as (\/\S+)/,
    );
    assert.ok(existsSync(kept), "what was there is kept");
    await window.reads(/Exchange\s*connected/);
    await window.open("earnings", "Earnings");
    await window.reads(/so far/);
  });

  it("stays where it is when the file is no history", async () => {
    const other = join(FOLDER, "no-history.sqlite");
    writeFileSync(other, "a shopping list ".repeat(400));
    await window.open("settings", "Settings");
    await window.write("Or a backup elsewhere", other);
    await window.pressLast("Restore");
    await window.reads(/Go back to this copy\?/);
    await window.pressLast("Restore");
    await window.reads(/That could not be done/);
    await window.press("Leave it as it is");
    await window.reads(/Exchange\s*connected/);
  });
});

describe("a home that could not be opened", () => {
  it("opens when it is tried again, once the reason is gone", async () => {
    assert.deepEqual(window.complaints(), []);
    assert.deepEqual(await window.end(), { code: 0, signal: null });
    const whole = settings();
    writeFileSync(join(HOME, "home.toml"), "name = ");
    window = await openWindow(HOME, join(FOLDER, "start-again"));
    await window.reads(/This home cannot be opened/);
    writeFileSync(join(HOME, "home.toml"), whole);
    await window.press("Try again");
    await window.reads(/Acacia Street 9/, "nav");
    await window.reads(/Exchange\s*connected/);
    assert.deepEqual(await window.end(), { code: 0, signal: null });
    window = null;
  });
});

/** Takes the first meter at the address that is not read yet; nothing but the address is typed. */
async function add(role) {
  await window.press("Add a meter");
  await window.write("Or its address in the network", address);
  await window.press("Search");
  await window.reads(/\bmeters? found/);
  await until("a meter is found that is not read yet", () =>
    window.session.run(() => {
      const free = "main ul.finds li button:not([aria-disabled])";
      const button = document.querySelector(free);
      button?.click();
      return button !== null;
    }),
  );
  await window.reads(/Does your meter’s display say the same\?/);
  await window.press("Yes, it says the same");
  await window.press("Go on without proof");
  await window.reads(/What does it measure\?/);
  await window.session.run((role) => {
    const words = [...document.querySelectorAll("main label")];
    words.find((label) => label.innerText.trim().startsWith(role)).click();
  }, role);
  await window.press("Add this meter");
}

const settings = () => readFileSync(join(HOME, "home.toml"), "utf8");
