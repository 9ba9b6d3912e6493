/// Every page, state, theme and width of the demo in a real browser, under the app's CSP.
///
/// Looks for what only a browser knows: accessibility by axe, errors on the console, a page wider
/// than its window, and whether the keyboard alone gets everywhere.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { openDemo, withDemo } from "./browser.mjs";
import { fitsItsWidth, isAccessible } from "./checks.mjs";

const PAGES = ["now", "energy", "rules", "market", "earnings", "meters", "settings"];
const STATES = [
  "full",
  "empty",
  "stale",
  "failed",
  "blocked",
  "loading",
  "stopped",
  "readonly",
  "notices",
  "hostile",
];
/** What has the focus; nothing while it is on the page as a whole. */
const focusName = (tab) =>
  tab.evaluate(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return "";
    return focused.getAttribute("aria-label") ?? focused.textContent?.trim() ?? "";
  });
/** `node tests/browser/run.mjs "meters hostile"` runs the checks whose names hold the words. */
const only = process.argv[2];
const failures = [];
let checks = 0;
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };

await withDemo(async ({ browser, url }) => {
  for (const theme of ["light", "dark"]) {
    await inContext({ viewport: WIDE }, async (open) => {
      // The pages side by side: most of the time is the browser's.
      const states = async (page) => {
        for (const state of STATES) {
          await check(`${page} ${state} ${theme}`, async () => {
            const tab = await open({ page, state, theme });
            await opened(tab, state);
            await isAccessible(tab);
            await tab.setViewportSize(NARROW);
            await fitsItsWidth(tab);
            await isAccessible(tab);
            assert.equal(await tab.evaluate(() => window.broken), undefined, "hostile text ran");
            await tab.context().close();
          });
        }
      };
      await Promise.all(PAGES.map(states));
    });
  }

  await inContext({ viewport: WIDE }, async (open) => {
    await check("a home that cannot be opened says so, and can be tried again", async () => {
      const tab = await open({ page: "rules", state: "blocked", lang: "de" });
      const alert = tab.getByRole("alert");
      await alert.getByText("Dieses Zuhause lässt sich nicht öffnen").waitFor();
      await alert.getByText("Die neuere Version starten").waitFor();
      await alert.getByRole("button", { name: "Erneut versuchen" }).click();
      assert.equal(await tab.title(), "Preise & Regeln · Wattle");
      await tab.context().close();
    });

    await check(
      "the words of the status line and the button beside them keep out of each other's way",
      async () => {
        for (const lang of ["en", "de"]) {
          const tab = await open({ page: "now", lang });
          for (const width of [320, 360, 420, 520, 720]) {
            await tab.setViewportSize({ width, height: 800 });
            const { right, left } = await tab.evaluate(() => ({
              right: Math.max(
                ...[...document.querySelectorAll(".statuses button")].map(
                  (each) => each.getBoundingClientRect().right,
                ),
              ),
              left: document.querySelector(".statuses").nextElementSibling.getBoundingClientRect()
                .left,
            }));
            assert.ok(right <= left, `${lang} at ${width} px: ${right} beside ${left}`);
          }
          await tab.context().close();
        }
      },
    );

    await check("a line of the statement stands on one line", async () => {
      for (const lang of ["en", "de"]) {
        const tab = await open({ page: "earnings", lang });
        for (let width = 500; width <= 1500; width += 80) {
          await tab.setViewportSize({ width, height: 800 });
          const heights = await tab
            .locator("main table")
            .first()
            .locator("tbody:first-of-type th")
            .evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().height));
          const [low, high] = [Math.min(...heights), Math.max(...heights)];
          assert.ok(high < low * 1.5, `${lang} at ${width} px: ${heights.join(", ")}`);
        }
        await tab.context().close();
      }
    });

    await check("a chart follows a window that shrinks and grows", async () => {
      for (const page of ["now", "energy", "earnings"]) {
        const tab = await open({ page });
        const chart = tab.locator("main svg[viewBox]:has(title)").last();
        for (const width of [1280, 700, 400, 1000, 360, 1280]) {
          await tab.setViewportSize({ width, height: 800 });
          await tab.clock.runFor(200);
          const drawn = await chart.evaluate((svg) => {
            const outer = svg.parentElement.getBoundingClientRect();
            const inner = svg.getBoundingClientRect();
            return { outer: outer.width, inner: inner.width, right: inner.right - outer.right };
          });
          assert.ok(
            Math.abs(drawn.inner - drawn.outer) < 2 && drawn.right < 1,
            `${page} at ${width} px: ${JSON.stringify(drawn)}`,
          );
          await fitsItsWidth(tab);
        }
        await tab.context().close();
      }
    });
  });

  // 200 % zoom of a window of 1280 is a window of 640 with twice the pixels.
  await inContext({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }, async (open) => {
    for (const page of PAGES) {
      for (const lang of ["en", "de"]) {
        await check(`${page} ${lang} at 200 %`, async () => {
          const tab = await open({ page, lang });
          await fitsItsWidth(tab);
          await tab.context().close();
        });
      }
    }
  });

  for (const lang of ["en", "de"]) {
    await inContext({ viewport: NARROW }, async (open) => {
      for (const page of PAGES) {
        await check(`${page} ${lang} 360 px`, async () => {
          const tab = await open({ page, lang });
          await fitsItsWidth(tab);
          assert.equal(await tab.getAttribute("html", "lang"), lang);
          await tab.context().close();
        });
      }
    });
  }

  await inContext({ viewport: WIDE }, async (open) => {
    for (const page of PAGES) {
      await check(`${page} of a house without a roof`, async () => {
        const tab = await open({ page, sun: "none" });
        await opened(tab, "full");
        await isAccessible(tab);
        await tab.context().close();
      });
    }
  });

  await inContext({ viewport: { width: 3840, height: 2160 } }, async (open) => {
    for (const page of PAGES) {
      await check(`${page} on 4K`, async () => {
        const tab = await open({ page });
        await fitsItsWidth(tab);
        await tab.context().close();
      });
    }
  });

  await inContext(
    {
      viewport: WIDE,
      reducedMotion: "reduce",
      forcedColors: "active",
      contrast: "more",
    },
    async (open) => {
      for (const page of PAGES) {
        await check(`${page} in high contrast without motion`, async () => {
          const tab = await open({ page });
          await isAccessible(tab);
          const moving = await tab.evaluate(
            () => document.getAnimations().filter((a) => a.playState === "running").length,
          );
          assert.equal(moving, 0, "something moves");
          await tab.context().close();
        });
      }
    },
  );

  await inContext({ viewport: WIDE }, async (open) => {
    await check("the keyboard walks a chart and opens its table", async () => {
      const tab = await open({ page: "now" });
      const chart = tab.getByRole("slider");
      await chart.focus();
      const summary = await chart.getAttribute("aria-valuetext");
      assert.match(summary, /^So far/);
      await tab.keyboard.press("ArrowLeft");
      await tab.keyboard.press("ArrowLeft");
      const spoken = await chart.getAttribute("aria-valuetext");
      assert.match(spoken, /^13:00–13:15: .* provisional\.$/);
      await tab.keyboard.press("t");
      await tab.getByRole("table").waitFor();
      await tab.waitForFunction(() => document.activeElement?.getAttribute("role") === "region");
      await tab.keyboard.press("t");
      await tab.waitForFunction(() => document.activeElement?.getAttribute("role") === "slider");
      await tab.context().close();
    });

    await check("the keyboard alone changes page, price and trading", async () => {
      const tab = await open({ page: "now" });
      await tabTo(tab, "Prices & rules");
      await tab.keyboard.press("Enter");
      await tab.waitForFunction(() => document.activeElement?.tagName === "H1");
      await tab.clock.runFor(300);
      assert.equal(await tab.title(), "Prices & rules · Wattle");
      const price = tab.getByRole("spinbutton").first();
      await price.focus();
      await tab.keyboard.press("ArrowUp");
      await tab.keyboard.press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText("Saved. The next offers carry 12.1").waitFor();
      await tab
        .getByRole("region", { name: "Next offers" })
        .getByText(/at 12\.1.ct or more/)
        .first()
        .waitFor();
      await tabTo(tab, "Stop trading");
      await tab.keyboard.press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText("Trading is stopped", { exact: true }).waitFor();
      assert.match(await focusName(tab), /Resume trading/);
      await tab.context().close();
    });

    await check("energy goes deeper to the readings, by Enter and by click", async () => {
      const tab = await open({ page: "energy" });
      const titled = (name) => tab.getByRole("heading", { level: 2, name }).waitFor();
      await tab.getByRole("button", { name: "Year", exact: true }).click();
      await tab.clock.runFor(300);
      await titled("2026");
      await isAccessible(tab);
      const enter = async (title) => {
        await tab.getByRole("slider").focus();
        await tab.keyboard.press("Enter");
        await tab.clock.runFor(600);
        await titled(title);
      };
      await enter("June 2026");
      await isAccessible(tab);
      await tab.keyboard.press("t");
      await tab.getByRole("table").waitFor();
      await isAccessible(tab);
      await tab.getByRole("button", { name: /Jun 9/ }).click();
      await tab.clock.runFor(600);
      await titled(/June 9, 2026/);
      await tab.getByText(/6 quarter hours not measured/).waitFor();
      await tab.getByRole("button", { name: "Chart" }).click();
      await tab
        .locator("main svg[viewBox]")
        .last()
        .click({ position: { x: 520, y: 180 } });
      await tab.clock.runFor(600);
      await titled(/Jun 9, \d\d:\d\d/);
      await tab.getByRole("region", { name: "Readings of meter grid" }).waitFor();
      await isAccessible(tab);
      await tab.setViewportSize(NARROW);
      await fitsItsWidth(tab);
      await isAccessible(tab);
      await tab.context().close();
    });

    await check(
      "energy is compared with another period: drawn, spoken, in the table, saved",
      async () => {
        const tab = await open({ page: "energy" });
        await tab.getByLabel("Compare with").selectOption("before");
        await tab.clock.runFor(600);
        await tab
          .getByText(
            /^Against Wednesday, June 17, 2026, as far as this one has come: the roof made/,
          )
          .waitFor();
        assert.match(
          await tab.locator("svg path.compared").first().getAttribute("d"),
          /^M[\d.]+ [\d.]+H.*V/,
          "the other day is drawn",
        );
        const chart = tab.getByRole("slider");
        await chart.focus();
        await tab.keyboard.press("Home");
        assert.match(
          await chart.getAttribute("aria-valuetext"),
          /in comparison 13:00–13:15: .* out, .* in/,
        );
        await tab.keyboard.press("t");
        await tab.getByRole("columnheader", { name: "Out, Wednesday, June 17, 2026" }).waitFor();
        await isAccessible(tab);
        const downloading = tab.waitForEvent("download");
        await tab.getByRole("button", { name: "Save as CSV" }).click();
        const text = readFileSync(await (await downloading).path(), "utf8");
        assert.match(text, /,Compared: from,Compared: /);
        assert.match(text, /,2026-06-17T00:00:00\+02:00,/);
        await tab.keyboard.press("t");
        await tab.getByRole("button", { name: "Month", exact: true }).click();
        await tab.clock.runFor(600);
        await tab.getByText(/^Against May 2026, as far as/).waitFor();
        await tab.getByLabel("Compare with").selectOption("other");
        await tab.getByLabel("A day of it").fill("2026-04-03");
        await tab.clock.runFor(600);
        await tab
          .getByText(/April 2026/)
          .first()
          .waitFor();
        await tab.setViewportSize(NARROW);
        await fitsItsWidth(tab);
        await isAccessible(tab);
        await tab.context().close();
      },
    );

    await check("energy is saved as a table that a spreadsheet reads", async () => {
      const tab = await open({ page: "energy", lang: "de" });
      const downloading = tab.waitForEvent("download");
      await tab.getByRole("button", { name: "Als CSV sichern" }).click();
      const download = await downloading;
      assert.equal(download.suggestedFilename(), "wattle-energy-2026-06-18.csv");
      const text = readFileSync(await download.path(), "utf8");
      assert.match(text, /^\ufeffVon;Bis;Sonne \(kWh\);/);
      assert.match(text, /\r\n2026-06-18T00:00:00\+02:00;2026-06-18T00:15:00\+02:00;0,000;/);
      await tab.context().close();
    });

    await check("a day opens to slots and trades, and a month to the one before", async () => {
      const tab = await open({ page: "earnings" });
      await tab.getByRole("button", { name: /Jun 17/ }).click();
      await tab.clock.runFor(300);
      await tab
        .getByText(/^Sold .*kWh × .*ct\/kWh = .*ct$/)
        .first()
        .waitFor();
      await isAccessible(tab);
      await tab.getByRole("button", { name: /Previous month/ }).click();
      await tab.clock.runFor(300);
      await tab.getByRole("heading", { name: "May 2026" }).waitFor();
      await isAccessible(tab);
      await tab.context().close();
    });

    await check(
      "the question before a bad price, reasons and status panels are accessible",
      async () => {
        const tab = await open({ page: "rules" });
        const price = tab.getByRole("spinbutton").first();
        await price.fill("5");
        await price.press("Enter");
        await tab.getByRole("alertdialog").waitFor();
        await tab.getByRole("button", { name: /^Why/ }).first().click();
        await tab.getByRole("button", { name: /^Exchange/ }).click();
        await tab.clock.runFor(300);
        await isAccessible(tab);
        await tab.context().close();
      },
    );

    await check("a meter is found, compared, proven and added, with nothing typed", async () => {
      const tab = await open({ page: "meters", sun: "none" });
      const press = async (name) => {
        await tab
          .getByRole("button", { name, exact: typeof name === "string" })
          .first()
          .focus();
        await tab.keyboard.press("Enter");
        await tab.clock.runFor(600);
      };
      await press("Add a meter");
      await isAccessible(tab);
      await tab.getByRole("checkbox", { name: /^My network/ }).focus();
      await tab.keyboard.press("Space");
      await press("Search");
      await tab.clock.runFor(4000);
      await tab.getByText("4 meters found").waitFor();
      await isAccessible(tab);
      await press(/^This one.*Shelly Pro 3EM/);
      await tab.getByText("Does your meter’s display say the same?", { exact: false }).waitFor();
      await isAccessible(tab);
      await press("No");
      await tab.getByText("Then it is another device").waitFor();
      await press("Yes, it says the same");
      await press("It is on now");
      await tab.getByText("It counts the right way round").waitFor();
      await isAccessible(tab);
      await press("Go on");
      await tab.getByRole("radio", { name: /The roof/ }).focus();
      await tab.keyboard.press("Space");
      await isAccessible(tab);
      await tab.setViewportSize(NARROW);
      await fitsItsWidth(tab);
      await isAccessible(tab);
      await press("Add this meter");
      await tab.getByText("The roof is read from now on.").waitFor();
      await tab.getByRole("heading", { name: "The roof" }).waitFor();
      await tab.context().close();
    });

    await check("a contract by the time of day is typed, tried on a day and saved", async () => {
      const tab = await open({ page: "settings" });
      await tab.getByRole("button", { name: "New contract" }).press("Enter");
      const dialog = tab.getByRole("dialog", { name: "Contract with the utility" });
      await dialog.waitFor();
      await isAccessible(tab);
      await tab.getByRole("radio", { name: /By the time of day/ }).focus();
      await tab.keyboard.press("Space");
      await dialog.getByLabel("Name", { exact: true }).fill("Night");
      await dialog.getByLabel("Price (ct/kWh)", { exact: true }).fill("24");
      await dialog.getByRole("button", { name: "Show", exact: true }).press("Enter");
      await tab.clock.runFor(300);
      await dialog.getByRole("table").waitFor();
      await isAccessible(tab);
      await tab.setViewportSize(NARROW);
      await fitsItsWidth(tab);
      await isAccessible(tab);
      await dialog.getByRole("button", { name: "Save contract" }).last().press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText("to come", { exact: true }).waitFor();
      await tab.context().close();
    });

    await check("a meter is opened, turned round, and what was done is undone", async () => {
      const tab = await open({ page: "meters" });
      await tab.getByRole("button", { name: "Change: The grid" }).press("Enter");
      await isAccessible(tab);
      await tab.keyboard.press("ArrowDown");
      await tab.keyboard.press("Enter");
      await tab.getByRole("dialog", { name: /other way round/ }).waitFor();
      await tab.getByRole("radio", { name: /Since a moment/ }).check();
      await tab.getByLabel("Since", { exact: true }).fill("2026-06-17T12:00");
      await isAccessible(tab);
      await tab.getByRole("button", { name: "Turn it round" }).press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText("read the other way round").first().waitFor();
      await tab.getByRole("button", { name: /^Values and events.*The grid/ }).press("Enter");
      await tab.clock.runFor(300);
      for (const name of ["Values", "As it was sent", "Events"]) {
        await tab.getByRole("tab", { name }).click();
        await tab.clock.runFor(600);
        await isAccessible(tab);
        await tab.setViewportSize(NARROW);
        await fitsItsWidth(tab);
        await isAccessible(tab);
        await tab.setViewportSize(WIDE);
      }
      await tab.getByRole("button", { name: /^Undo/ }).first().press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText("A change was undone").waitFor();
      await tab.context().close();
    });

    await check(
      "keys open pages and a sheet of all keys; a chart's figures are copied",
      async () => {
        const tab = await open({ page: "now" });
        await tab.keyboard.press("Alt+3");
        await tab.clock.runFor(300);
        await tab.getByRole("heading", { level: 1, name: "Prices & rules" }).waitFor();
        await tab.keyboard.press("?");
        await tab.getByRole("dialog", { name: "Keys of this window" }).waitFor();
        await isAccessible(tab);
        await tab.keyboard.press("Escape");
        await tab.keyboard.press("Alt+2");
        await tab.clock.runFor(300);
        const chart = tab.getByRole("slider");
        await chart.focus();
        await tab.keyboard.press("ArrowLeft");
        const copied = await chart.evaluate((element) => {
          const data = new DataTransfer();
          element.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true }));
          return data.getData("text/plain");
        });
        assert.equal(copied, await chart.getAttribute("aria-valuetext"));
        await tab.context().close();
      },
    );

    await check("a statement on paper shows its lines and nothing to press", async () => {
      const tab = await open({ page: "earnings", theme: "dark" });
      await tab.emulateMedia({ media: "print" });
      assert.equal(await tab.getByRole("navigation").isVisible(), false);
      assert.equal(await tab.getByRole("button", { name: "Print" }).isVisible(), false);
      await tab.locator("main table").first().waitFor();
      const ink = await tab.evaluate(() => getComputedStyle(document.querySelector("main")).color);
      assert.equal(ink, "rgb(0, 0, 0)", "dark on white");
      await fitsItsWidth(tab);
      await tab.context().close();
    });

    await check("the window looks and speaks as it was told, the next time too", async () => {
      const tab = await open({ page: "settings" });
      await tab.getByRole("radio", { name: "Dark", exact: true }).check();
      await tab.getByRole("radio", { name: /^Deutsch/ }).check();
      await tab.getByRole("heading", { level: 1, name: "Einstellungen" }).waitFor();
      // A typeface on its way when the page goes would count as one that is missing.
      await tab.evaluate(() => document.fonts.ready);
      await tab.reload();
      await tab.waitForSelector("main:not([aria-busy]) h1");
      await tab.locator("select").first().waitFor();
      await tab.evaluate(() => document.fonts.ready);
      assert.equal(await tab.getAttribute("html", "lang"), "de");
      assert.equal(await tab.getAttribute("html", "data-theme"), "dark");
      await tab.context().close();
    });

    await check("the first run leads to a market, by keyboard alone, with a way back", async () => {
      const tab = await open({ page: "now", state: "new" });
      const press = async (name) => {
        await tab.getByRole("button", { name, exact: true }).focus();
        await tab.keyboard.press("Enter");
        await tab.clock.runFor(600);
      };
      const at = (name) => tab.getByRole("heading", { level: 1, name }).waitFor();
      const looked = async () => {
        await isAccessible(tab);
        await tab.setViewportSize(NARROW);
        await fitsItsWidth(tab);
        await isAccessible(tab);
        await tab.setViewportSize(WIDE);
      };
      await at(/Where is your home/);
      await tab.getByLabel("Name").fill("");
      await press("Go on");
      await tab.getByText("Give your home a name.").waitFor();
      await looked();
      await tab.getByLabel("Name").fill("Acacia Street 9");
      await tab.getByLabel("Time zone").selectOption("Europe/Vienna");
      await tab.getByLabel("Amperes of each").fill("50");
      await tab.getByText("Lets through 34.5 kW").waitFor();
      await press("Go on");
      await at(/Which meter/);
      await press("Back");
      await at(/Where is your home/);
      assert.equal(await tab.getByLabel("Time zone").inputValue(), "Europe/Vienna");
      await press("Go on");
      await at(/Which meter/);
      await press("Add a meter");
      await tab.getByLabel(/address in the network/).waitFor();
      await looked();
      await press("Cancel");
      await looked();
      await press("Go on");
      await at(/With whom/);
      await tab.getByLabel("Invitation").fill("wattle2.nonsense");
      await press("Show me the market");
      await tab.getByText("This is no invitation.").waitFor();
      await tab.getByLabel("Invitation").fill("wattle1.example");
      await looked();
      await press("Show me the market");
      await tab.getByRole("heading", { name: "Acacia Street" }).waitFor();
      await press("Agree and join");
      await tab.getByText("Nothing is traded before you agree.").waitFor();
      await tab.getByLabel(/from the grid costs/).fill("32");
      await tab.getByLabel(/to the grid earns/).fill("8.1");
      await tab.getByRole("checkbox", { name: "Offer my surplus to neighbours at 10.5" }).waitFor();
      await tab.getByRole("checkbox", { name: /I have read the terms/ }).focus();
      await tab.keyboard.press("Space");
      await looked();
      await press("Agree and join");
      await tab.getByRole("navigation").waitFor();
      await tab.getByText("Acacia Street 9").first().waitFor();
      await tab.context().close();
    });

    await check("a look around on a simulated street has a way back", async () => {
      const tab = await open({ page: "now", state: "new" });
      await tab.getByRole("button", { name: "Look around on a simulated street" }).press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText(/The roof makes/).waitFor();
      await isAccessible(tab);
      await tab.getByRole("button", { name: "Back to your own home" }).press("Enter");
      await tab.clock.runFor(600);
      await tab.getByRole("heading", { level: 1, name: /Where is your home/ }).waitFor();
      await tab.context().close();
    });

    await check("a home is told another name, backed up and restored", async () => {
      const tab = await open({ page: "settings" });
      await tab.getByLabel("Name").fill("Acacia Street 5");
      await tab.getByRole("button", { name: "Save", exact: true }).first().press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText("Saved. It holds from now on.").waitFor();
      await tab.getByRole("navigation").getByText("Acacia Street 5").waitFor();
      await tab.getByRole("button", { name: "Back up now" }).press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText(/Backed up to .*wattle-backup-2026-06-18\.sqlite/).waitFor();
      await tab
        .getByRole("button", { name: /^Restore.*Jun/ })
        .first()
        .press("Enter");
      const dialog = tab.getByRole("dialog", { name: "Go back to this copy?" });
      await dialog.waitFor();
      await isAccessible(tab);
      await dialog.getByRole("button", { name: "Restore" }).press("Enter");
      await tab.clock.runFor(600);
      await tab.getByText(/Restored\. What was there is kept/).waitFor();
      await isAccessible(tab);
      await tab.context().close();
    });

    await check("watts change by themselves", async () => {
      const tab = await open({ page: "now" });
      const lead = () => tab.locator("main p").first().textContent();
      const before = await lead();
      for (let i = 0; i < 40 && (await lead()) === before; i++) await tab.clock.runFor(1000);
      assert.notEqual(await lead(), before);
      await tab.context().close();
    });
  });

  /** Gives work a way to open pages in a browser set up so. Whatever a page complains about is a failure. */
  async function inContext(options, work) {
    await work(async (query) => {
      // A context for each page: Playwright's clock belongs to the context.
      const context = await browser.newContext({
        locale: "en-US",
        // A colour on its way from one to another has no contrast to be judged.
        reducedMotion: "reduce",
        ...options,
      });
      return openDemo(context, url, query, (complaint) =>
        failures.push(`${JSON.stringify(query)}: ${complaint}`),
      );
    });
  }
});

async function check(name, work) {
  if (only && !name.includes(only)) return;
  checks += 1;
  try {
    await work();
  } catch (error) {
    failures.push(`${name}: ${error.message}`);
  }
}

/** The state must be on show, or the other checks looked at something else. */
async function opened(tab, state) {
  const skeleton = await tab.locator(".skeleton").count();
  assert.equal(skeleton > 0, state === "loading", "skeleton");
  const alerts = await tab.getByRole("alert").count();
  assert.equal(alerts > 0, state === "failed" || state === "blocked", "alert");
  assert.equal(await tab.getByRole("heading", { level: 1 }).count(), 1, "one h1");
  const text = await tab.locator("main").innerText();
  assert.doesNotMatch(text, /NaN|undefined|null|-0\b|−0[.,]?0* /, "a figure that is none");
}

async function tabTo(tab, name) {
  for (let i = 0; i < 60; i++) {
    await tab.keyboard.press("Tab");
    if ((await focusName(tab)).includes(name)) return;
  }
  assert.fail(`"${name}" is not reached by Tab`);
}

for (const failure of failures) console.error(`not ok  ${failure}`);
console.error(`${checks} checks, ${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
