/// The kit's gallery in a real browser: axe in each theme and width, and the kit by keyboard alone.
///
/// `node tests/browser/gallery.mjs DIR` also leaves pictures of it in DIR, to be looked at.
import assert from "node:assert/strict";
import { withServed } from "./browser.mjs";
import { fitsItsWidth, isAccessible } from "./checks.mjs";

const pictures = process.argv[2];
const THEMES = ["light", "dark", "contrast"];
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
const failures = [];

await withServed("gallery", async ({ browser, url }) => {
  const open = async (theme, options = {}) => {
    const context = await browser.newContext({ viewport: WIDE, locale: "en-US", ...options });
    const tab = await context.newPage();
    tab.setDefaultTimeout(10_000);
    tab.on("pageerror", (error) => failures.push(error.message));
    tab.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) failures.push(message.text());
    });
    await tab.clock.install();
    await tab.goto(`${url}/gallery/index.html?theme=${theme}`);
    await tab.waitForSelector("h1");
    await tab.evaluate(() => document.fonts.ready);
    return tab;
  };
  const focused = (tab) => tab.evaluate(() => document.activeElement?.textContent?.trim() ?? "");

  for (const theme of THEMES) {
    for (const [name, viewport] of Object.entries({ wide: WIDE, narrow: NARROW })) {
      await check(`the kit ${theme} ${name}`, async () => {
        const tab = await open(theme, { viewport });
        await isAccessible(tab);
        await fitsItsWidth(tab);
        assert.equal(await tab.evaluate(() => window.broken), undefined, "hostile text ran");
        if (pictures)
          await tab.screenshot({ path: `${pictures}/kit-${theme}-${name}.png`, fullPage: true });
        await tab.context().close();
      });
    }
    await check(`what opens, ${theme}`, async () => {
      const tab = await open(theme);
      await tab.getByRole("button", { name: "Things to do with the meter" }).click();
      await isAccessible(tab);
      await tab.keyboard.press("Escape");
      await tab.getByRole("button", { name: "Open a dialog" }).click();
      await isAccessible(tab);
      if (pictures) await tab.screenshot({ path: `${pictures}/kit-${theme}-dialog.png` });
      await tab.context().close();
    });
  }

  await check("with forced colours and without motion", async () => {
    const tab = await open("system", { forcedColors: "active", reducedMotion: "reduce" });
    await isAccessible(tab);
    const moving = await tab.evaluate(
      () => document.getAnimations().filter((each) => each.playState === "running").length,
    );
    assert.equal(moving, 0, "something moves");
    await tab.context().close();
  });

  await check("a menu by keyboard alone", async () => {
    const tab = await open("light");
    const button = tab.getByRole("button", { name: "Things to do with the meter" });
    await button.focus();
    await tab.keyboard.press("ArrowDown");
    assert.equal(await focused(tab), "Check it");
    await tab.keyboard.press("ArrowDown");
    assert.equal(await focused(tab), "Replace it");
    await tab.keyboard.press("End");
    assert.equal(await focused(tab), "Remove it");
    await tab.keyboard.press("ArrowDown");
    assert.equal(await focused(tab), "Check it");
    await tab.keyboard.press("r");
    assert.equal(await focused(tab), "Replace it");
    await tab.keyboard.press("Enter");
    await tab.getByText("Chosen: replace").waitFor();
    assert.equal(await tab.getByRole("menu").count(), 0);
    assert.ok(await button.evaluate((element) => element === document.activeElement));
    await tab.keyboard.press("ArrowUp");
    assert.equal(await focused(tab), "Remove it");
    await tab.keyboard.press("Escape");
    assert.ok(await button.evaluate((element) => element === document.activeElement));
    await tab.context().close();
  });

  await check("a dialog keeps the focus in and gives it back", async () => {
    const tab = await open("light");
    const button = tab.getByRole("button", { name: "Open a dialog" });
    await button.focus();
    await tab.keyboard.press("Enter");
    const dialog = tab.getByRole("dialog", { name: "Replace the meter?" });
    await dialog.waitFor();
    for (let i = 0; i < 12; i++) {
      await tab.keyboard.press("Tab");
      const outside = await tab.evaluate(() => {
        const at = document.activeElement;
        return at !== document.body && !at?.closest("dialog");
      });
      assert.ok(!outside, "the focus left the dialog");
    }
    await tab.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.ok(await button.evaluate((element) => element === document.activeElement));
    await tab.context().close();
  });

  await check("tabs and segments by keyboard alone", async () => {
    const tab = await open("light");
    await tab.getByRole("tab", { name: "Values" }).focus();
    await tab.keyboard.press("ArrowRight");
    await tab.getByText("The sheet “registers”.").waitFor();
    await tab.keyboard.press("End");
    await tab.getByText("The sheet “events”.").waitFor();
    await tab.keyboard.press("ArrowRight");
    await tab.getByText("The sheet “values”.").waitFor();
    await tab.getByRole("button", { name: "Month", exact: true }).focus();
    await tab.keyboard.press("Space");
    await tab.locator('[aria-pressed="true"]', { hasText: "Month" }).waitFor();
    await tab.context().close();
  });

  await check("a button that cannot be pressed keeps the focus and does nothing", async () => {
    const tab = await open("light");
    const button = tab.getByRole("button", { name: "Day after" });
    await button.focus();
    await tab.keyboard.press("Enter");
    await tab.getByRole("heading", { name: "June 18, 2026" }).waitFor();
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    await tab.context().close();
  });

  await check("an appearance that was chosen is there again", async () => {
    const tab = await open("system");
    await tab.getByRole("button", { name: "dark", exact: true }).click();
    await tab.goto(`${url}/gallery/index.html`);
    await tab.waitForSelector("h1");
    assert.equal(await tab.getAttribute("html", "data-theme"), "dark");
    await tab.context().close();
  });
});

async function check(name, work) {
  try {
    await work();
  } catch (error) {
    failures.push(`${name}: ${error.message}`);
  }
}

for (const failure of failures) console.error(`not ok  ${failure}`);
console.error(`gallery: ${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
