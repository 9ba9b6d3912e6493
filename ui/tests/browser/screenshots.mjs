/// Pictures of what the real window cannot be on a test's display: dark and narrow. `cargo xtask screenshots` takes the others.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openDemo, withDemo } from "./browser.mjs";

const OUT = fileURLToPath(new URL("../../../docs/images/", import.meta.url));
const DESK = { width: 1280, height: 832 };
const HAND = { width: 360, height: 740 };
const SHOTS = [
  { name: "now-dark", page: "now", theme: "dark", viewport: DESK },
  { name: "energy", page: "energy", theme: "light", viewport: DESK },
  { name: "now-narrow", page: "now", theme: "light", viewport: HAND },
];

mkdirSync(OUT, { recursive: true });
await withDemo(async ({ browser, url }) => {
  for (const { name, viewport, ...query } of SHOTS) {
    const context = await browser.newContext({ viewport, deviceScaleFactor: 2, locale: "en-GB" });
    const tab = await openDemo(context, url, query);
    await tab.screenshot({ path: `${OUT}${name}.png` });
    await context.close();
  }
});
