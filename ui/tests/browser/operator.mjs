/// The operator's page of the real exchange, in a real browser, on a small market whose names are hostile.
///
/// `WATTLE_BINARIES` names the folder of `wattle-exchange` and of the example `operator_market`.
/// `node tests/browser/operator.mjs DIR` also leaves pictures of the page in DIR, to be looked at.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch } from "./browser.mjs";
import { fitsItsWidth, isAccessible } from "./checks.mjs";
import { CATALOGUES } from "../../../crates/exchange/src/http/operator/page/words.mjs";

const BINARIES = process.env.WATTLE_BINARIES;
assert.ok(BINARIES, "WATTLE_BINARIES names the folder of the programs");
const EXCHANGE = join(BINARIES, "wattle-exchange");
const pictures = process.argv[2];
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 740 };
const folder = mkdtempSync(join(tmpdir(), "wattle-operator-"));
const data = join(folder, "exchange");
const failures = [];
let checks = 0;

const exchange = (...words) =>
  execFileSync(EXCHANGE, [...words, "--data", data, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
const link = (role = "operator") => JSON.parse(exchange("operator-link", "--role", role)).link;

/** Serves the market until it is told to stop. */
async function serve(listen = "127.0.0.1:0") {
  const server = spawn(EXCHANGE, ["serve", "--data", data, "--listen", listen, "--json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(createInterface(server.stdout), "line");
  const { listening } = JSON.parse(line);
  const stop = async () => {
    if (server.exitCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    await ended;
  };
  return { url: listening, stop };
}

/** Opens the page in a context of its own, signed in by a link. */
async function signIn(browser, { role, lang = "en", ...options } = {}) {
  const context = await browser.newContext({
    viewport: WIDE,
    locale: lang === "de" ? "de-DE" : "en-US",
    ...options,
  });
  const tab = await context.newPage();
  tab.complaints = [];
  tab.setDefaultTimeout(10_000);
  tab.on("pageerror", (error) => tab.complaints.push(error.message));
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) tab.complaints.push(message.text());
  });
  await tab.goto(link(role));
  await tab.getByRole("heading", { level: 2 }).nth(4).waitFor();
  return tab;
}

/** Asks for news at once, as a tab does that is looked at again. */
const lookAgain = (tab) =>
  tab.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

async function isHarmless(tab) {
  assert.equal(await tab.evaluate(() => window.broken), undefined, "hostile text ran");
  const strange = await tab.evaluate(
    () => document.querySelectorAll("img, script:not([src]), main a, [onclick], [onload]").length,
  );
  assert.equal(strange, 0, "hostile text became an element");
  assert.deepEqual(tab.complaints, []);
}

async function check(name, work) {
  checks += 1;
  try {
    await work();
  } catch (error) {
    failures.push(`${name}: ${error.message}`);
  }
}

async function picture(tab, name) {
  if (!pictures) return;
  await tab.evaluate(() => scrollTo(0, 0));
  await tab.screenshot({ path: join(pictures, `operator-${name}.png`), fullPage: true });
}

await check("neither language lacks a word, nor a place for what is put in", () => {
  const places = (catalogue) =>
    Object.entries(catalogue)
      .map(([key, words]) => `${key} ${(words.match(/\{\w+\}/g) ?? []).sort().join(" ")}`)
      .sort();
  assert.deepEqual(places(CATALOGUES.de), places(CATALOGUES.en));
});

execFileSync(join(BINARIES, "examples", "operator_market"), [data], { stdio: "inherit" });
let served = await serve();
const browser = await launch();
try {
  for (const colorScheme of ["light", "dark"]) {
    for (const lang of ["en", "de"]) {
      await check(`the page, ${colorScheme} ${lang}`, async () => {
        const tab = await signIn(browser, { lang, colorScheme });
        assert.equal(await tab.getAttribute("html", "lang"), lang);
        assert.equal(new URL(tab.url()).pathname + new URL(tab.url()).hash, "/operator");
        await tab
          .getByText(lang === "de" ? "meldet sich nicht" : "silent")
          .first()
          .waitFor();
        await tab.locator("summary").first().click();
        await isAccessible(tab);
        await fitsItsWidth(tab);
        await picture(tab, `${colorScheme}-${lang}-wide`);
        await tab.setViewportSize(NARROW);
        await fitsItsWidth(tab);
        await isAccessible(tab);
        await picture(tab, `${colorScheme}-${lang}-narrow`);
        await isHarmless(tab);
        await tab.context().close();
      });
    }
  }

  await check("the page at 200 %, in high contrast, without motion", async () => {
    const tab = await signIn(browser, {
      viewport: { width: 640, height: 450 },
      deviceScaleFactor: 2,
      forcedColors: "active",
      contrast: "more",
      reducedMotion: "reduce",
    });
    await fitsItsWidth(tab);
    await isAccessible(tab);
    await tab.context().close();
  });

  await check("a link opens the page once and is no part of the history", async () => {
    const used = link();
    const context = await browser.newContext({ locale: "en-US", viewport: NARROW });
    const tab = await context.newPage();
    await tab.goto(used);
    await tab.getByRole("heading", { level: 2 }).first().waitFor();
    await tab.getByRole("button", { name: "Sign out" }).click();
    await tab.getByRole("heading", { name: "The operator's page" }).waitFor();
    await tab.goto(used);
    await tab.getByRole("alert").getByText("used before").waitFor();
    await isAccessible(tab);
    await fitsItsWidth(tab);
    await picture(tab, "login");
    assert.ok(!tab.url().includes("#"), tab.url());
    // By hand, as from another screen.
    await tab.getByLabel("Or enter the part").fill(` ${link("auditor").split("#")[1]} `);
    await tab.keyboard.press("Enter");
    await tab.getByText("Auditor: reads everything").waitFor();
    assert.equal(await tab.getByText("wattle-exchange revoke").count(), 0);
    await context.close();
  });

  await check("the keyboard alone reads a day, an area and a member", async () => {
    const tab = await signIn(browser);
    await tab.keyboard.press("Tab");
    assert.equal(await tab.evaluate(() => document.activeElement.textContent), "To the content");
    await tab.keyboard.press("Enter");
    await tabTo(tab, (it) => it.dataset.action === "area");
    const rows = tab.locator(".slots tbody tr");
    const few = await rows.count();
    assert.ok(few <= 13, `${few} rows`);
    await tab.keyboard.press("ArrowDown");
    await tab.getByRole("region", { name: "Quarter hours, substation" }).waitFor();
    assert.equal(await tab.evaluate(() => document.activeElement.tagName), "SELECT");
    await tabTo(tab, (it) => it.dataset.action === "whole");
    await tab.keyboard.press("Enter");
    await tab.waitForFunction(() => document.querySelectorAll(".slots tbody tr").length > 60);
    await tabTo(tab, (it) => it.id === "find");
    await tab.keyboard.type("home-11");
    await tab.getByText("1 of 13 members").waitFor();
    await tabTo(tab, (it) => it.tagName === "SUMMARY");
    await tab.keyboard.press("Enter");
    await tab.getByText("Metering point", { exact: true }).waitFor();
    await isAccessible(tab);
    // News keep the focus where it is, and open what is open.
    await lookAgain(tab);
    await tab.waitForResponse((response) => response.url().endsWith("/operator/data"));
    assert.equal(await tab.evaluate(() => document.activeElement.tagName), "SUMMARY");
    assert.equal(await tab.locator("details[open]").count(), 1);
    await isHarmless(tab);
    await tab.context().close();
  });

  await check("only those who need a look, and the day before", async () => {
    const tab = await signIn(browser);
    await tab.getByLabel("Show").selectOption("ill");
    await tab.getByText("4 of 13 members").waitFor();
    await tab.getByRole("button", { name: "Day before" }).click();
    await tab.getByText("No quarter hours on this day").waitFor();
    await isAccessible(tab);
    await tab.getByRole("button", { name: "Today" }).click();
    await tab.getByRole("region", { name: /Quarter hours/ }).waitFor();
    await tab.context().close();
  });

  await check("what a command does beside it shows without loading the page anew", async () => {
    const tab = await signIn(browser);
    const point = ["--metering-point", "DE-NEW", "--address", served.url];
    exchange("invite", "--member", "home-99", "--area", "feeder-1", ...point);
    await lookAgain(tab);
    await tab.getByText("home-99 has not used the invitation").waitFor();
    await tab.context().close();
  });

  await check("an exchange that stops is told, and the next one wants a new link", async () => {
    const tab = await signIn(browser, { colorScheme: "dark" });
    await served.stop();
    await lookAgain(tab);
    await tab.getByRole("status").getByText("No answer from the exchange").waitFor();
    await isAccessible(tab);
    await fitsItsWidth(tab);
    await picture(tab, "lost");
    served = await serve(new URL(served.url).host);
    await lookAgain(tab);
    await tab.getByRole("heading", { name: "The operator's page" }).waitFor();
    await tab.context().close();
  });
} finally {
  await browser.close();
  await served.stop();
  rmSync(folder, { recursive: true });
}

/** Presses Tab until what has the focus fits. */
async function tabTo(tab, fits) {
  for (let steps = 0; steps < 200; steps += 1) {
    await tab.keyboard.press("Tab");
    if (await tab.evaluate(`(${fits})(document.activeElement)`)) return;
  }
  assert.fail(`Tab does not reach ${fits}`);
}

for (const failure of failures) console.error(`✗ ${failure}`);
console.log(`The operator's page: ${checks - failures.length} of ${checks} checks passed`);
process.exitCode = failures.length ? 1 : 0;
