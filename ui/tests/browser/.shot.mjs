// node shot.mjs OUT page,query... : a quick look
import { withDemo, openDemo } from "/tmp/w/kit/ui/tests/browser/browser.mjs";
const [, , out, ...shots] = process.argv;
process.chdir("/tmp/w/kit/ui");
await withDemo(async ({ browser, url }) => {
  for (const shot of shots) {
    const [name, page, q = "", w = "1280", h = "832", act] = shot.split("|");
    const context = await browser.newContext({
      viewport: { width: +w, height: +h },
      locale: "en-GB",
    });
    const tab = await openDemo(
      context,
      url,
      { page, ...Object.fromEntries(new URLSearchParams(q)) },
      (c) => console.log(name, c),
    );
    if (act)
      for (const step of act.split(";")) {
        const [kind, ...rest] = step.split(":");
        const arg = rest.join(":");
        try {
          if (kind === "click") await tab.getByRole("button", { name: arg }).first().click();
          if (kind === "link") await tab.getByRole("link", { name: arg }).first().click();
          if (kind === "menu") await tab.getByRole("menuitem", { name: arg }).first().click();
          if (kind === "radio") await tab.getByRole("radio", { name: arg }).first().check();
          if (kind === "tab") await tab.getByRole("tab", { name: arg }).first().click();
          if (kind === "fill") {
            const [l, v] = arg.split("=");
            await tab.getByLabel(l).first().fill(v);
          }
          if (kind === "run") await tab.clock.runFor(+arg);
          if (kind === "size") {
            const [a, b] = arg.split("x");
            await tab.setViewportSize({ width: +a, height: +b });
          }
        } catch (e) {
          console.log(name, step, e.message.split("\n")[0]);
        }
        await tab.clock.runFor(600);
      }
    await tab.screenshot({ path: `${out}/${name}.png`, fullPage: process.env.FULL === "1" });
    await context.close();
  }
});
