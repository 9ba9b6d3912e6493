/// Serves the demo's build under the app's CSP and opens Chromium on it.
import { chromium } from "playwright-core";
import { preview } from "vite";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () => chromium.launch({ executablePath: CHROMIUM, args: FLAGS });

/** Runs a piece of work with a served demo and a browser, and ends both. */
export const withDemo = (work) => withServed("demo", work);

/** As with the demo, for what was built in the mode. */
export async function withServed(mode, work) {
  const server = await preview({
    mode,
    build: { outDir: `dist-${mode}` },
    preview: { port: 0 },
  });
  const browser = await launch();
  try {
    const { port } = server.httpServer.address();
    return await work({ browser, url: `http://127.0.0.1:${port}` });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Opens a page of the demo whose clock stands still once it has loaded. */
export async function openDemo(context, url, { page, ...query }, complain = () => {}) {
  const tab = await context.newPage();
  tab.setDefaultTimeout(10_000);
  tab.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complain(message.text());
  });
  tab.on("pageerror", (error) => complain(error.message));
  tab.on("requestfailed", (request) => complain(`${request.url()} failed`));
  await tab.clock.install();
  await tab.goto(`${url}/?${new URLSearchParams(query)}#/${page}`);
  // The page is a file of its own; the clock must not stand still before it is there.
  await tab.waitForSelector("main:not([aria-busy]) h1");
  await tab.clock.runFor(1200);
  await tab.evaluate(() => document.fonts.ready);
  return tab;
}
