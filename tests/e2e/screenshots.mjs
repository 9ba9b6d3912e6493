/// Pictures of the README: a street on a bright noon, with a month behind it, in the real window.
import { join } from "node:path";
import { endAll, until } from "./processes.mjs";
import { startStreet } from "./street.mjs";
import { openWindow } from "./window.mjs";

const FOLDER = process.env.WATTLE_E2E_FOLDER;
/** Slow enough that the figures of a picture belong together; a quarter hour passes in ten seconds. */
const STREET = [
  "--speed",
  "90",
  "--start",
  "2026-06-24T10:15:00Z",
  "--past-days",
  "23",
];

let window;
try {
  const street = await startStreet(
    join(FOLDER, "street"),
    join(FOLDER, "street.log"),
    STREET,
  );
  window = await openWindow(street.home, join(FOLDER, "window"));
  const take = (name) =>
    window.session.screenshot(join(process.env.WATTLE_PICTURES, `${name}.png`));

  // A quarter hour of the window must have been settled, or nobody knows who gets the surplus; an offer stands
  // for the one that runs, and that one is well under way.
  const noon = [
    /goes out: about .* to neighbours at about/,
    /Sell up to .* or more\s+stands/,
    /Time left\s+[3-9]:\d\d/,
  ];
  await until(
    "some of the surplus is expected to go to neighbours",
    async () => {
      const page = await window.text("main");
      return noon.every((sentence) => sentence.test(page));
    },
    120_000,
  );
  await take("now");
  await window.open("rules", "Prices & rules");
  await window.reads(/Next offers[^]*open/);
  await take("rules");
  await window.open("earnings", "Earnings");
  await window.reads(/so far/);
  await take("earnings");
  await window.end();
  window = null;
  await street.end();
} finally {
  await window?.abandon();
  await endAll();
}
