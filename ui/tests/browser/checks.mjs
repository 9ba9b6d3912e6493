/// What must hold of any page in any browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** No violation by axe. */
export async function isAccessible(tab) {
  // axe waits with timers, and the demo's clock stands still.
  await tab.clock.resume();
  await tab.evaluate(AXE);
  const { violations } = await tab.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }),
  );
  const said = violations.map(
    ({ id, nodes }) =>
      `${id} at ${nodes.map((node) => `${node.target} (${node.failureSummary})`).join("; ")}`,
  );
  assert.deepEqual(said, []);
}

/** Nothing is cut off at the side, nor must the page be pushed to be read. */
export async function fitsItsWidth(tab) {
  const [wide, window] = await tab.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok(wide <= window, `the page is ${wide} px wide in a window of ${window}`);
}
