/// A home that has nothing gets its meter in the real window: found, compared, added, and read.
///
/// The meter is a simulated one that speaks Modbus over TCP. Its address is all that is typed: no register, no unit,
/// no baud rate.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { endAll, until } from "./processes.mjs";
import { meterOf, startStreet } from "./street.mjs";
import { openWindow } from "./window.mjs";

const FOLDER = process.env.WATTLE_E2E_FOLDER;
const HOME = join(FOLDER, "new-home");
const STREET = [
  "--speed",
  "60",
  "--start",
  "2026-06-16T09:00:00Z",
  "--past-days",
  "1",
];

/** Its owner has been through the first run and left the meter for later. */
const TOLD =
  'name = "New"\nzone = "Europe/Berlin"\ncurrency = "EUR"\nfuse_w = 17250\n';

let street, window, address;
const picture = (name) =>
  window.session.screenshot(join(process.env.WATTLE_PICTURES, `${name}.png`));

before(async () => {
  const data = join(FOLDER, "meters-street");
  street = await startStreet(data, join(FOLDER, "meters-street.log"), STREET);
  address = meterOf(
    readFileSync(join(data, "home-02/home.toml"), "utf8"),
    "grid",
  );
  mkdirSync(HOME);
  writeFileSync(join(HOME, "home.toml"), TOLD);
});

after(async () => {
  await window?.abandon();
  await street?.end();
  await endAll();
});

describe("a home without a meter", () => {
  it("opens and says how a meter is added", async () => {
    window = await openWindow(HOME, join(FOLDER, "meters-window"));
    await window.reads(/Meter\s*not set up/);
    await window.open("meters", "Meters");
    await window.reads(/No meter is read yet/);
    assert.doesNotMatch(settings(), /\[\[meter\]\]/);
  });

  it("finds the meter at its address, and shows what it says", async () => {
    await window.press("Add a meter");
    await window.reads(/Or its address in the network/);
    await window.session.type("main input[type=text]", address);
    await window.press("Search");
    await window.reads(/One meter found/);
    const typed = await window.session.run(() =>
      [...document.querySelectorAll("main input:not([type=checkbox])")].map(
        (each) => each.value,
      ),
    );
    assert.deepEqual(typed, [address], "nothing but the address was asked for");
    await picture("meters-found");
  });

  it("reads it again and again while the owner compares", async () => {
    await window.session.click("main ul li button");
    await window.reads(/Does your meter’s display say the same\?/);
    const times = async () =>
      Number((await window.reads(/Read (\d+) times/))[1]);
    const first = await times();
    await until(
      "it was read three times more",
      async () => (await times()) >= first + 3,
    );
    await window.reads(/Import counter\s+[\d,]+\.\d{3} kWh/);
    await picture("meters-compare");
    await window.press("Yes, it says the same");
    await window.reads(/Which way round does it count\?/);
    await window.press("Go on without proof");
  });

  it("makes it the home's meter, which is read from then on", async () => {
    await window.reads(/What does it measure\?/);
    await window.press("Add this meter");
    await window.reads(/The grid is read from now on\./);
    await window.reads(/The grid\s+fresh/);
    await picture("meters");
    const meter = settings().split("[[meter]]")[1];
    assert.match(meter, /role = "grid"/);
    assert.ok(meter.includes(address), "the address is kept");
  });

  it("shows the registers with what they mean, and the line of the frame is fresh", async () => {
    await window.reads(/Meter\s*fresh/);
    await window.session.click("main section .foot button");
    await window.reads(/As it was sent/);
    await window.session.click("main [role=tab]:nth-of-type(2)");
    await window.reads(/Import counter\s+[34]:0x[\dA-F]{4}/);
    assert.deepEqual(window.complaints(), []);
    await picture("meters-registers");
  });
});

const settings = () => readFileSync(join(HOME, "home.toml"), "utf8");
