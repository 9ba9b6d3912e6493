/// The window as its owner uses it: opened on a home, read, clicked, closed and ended.
import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ended, isAlive, own, programsOf, until } from "./processes.mjs";
import { startDriver } from "./webdriver.mjs";

const HERE = import.meta.dirname;
const APP = join(process.env.WATTLE_BINARIES, "wattle-app");

/** Opens the window of a home; `report` is where its log goes. */
export async function openWindow(home, report) {
  const driver = await startDriver();
  const session = await driver.open(process.execPath, [
    join(HERE, "launch.mjs"),
    report,
    APP,
    "--data",
    home,
  ]);
  return new Window(driver, session, report);
}

/** Starts the app on a home once more, as an impatient owner does; tells how that start ends. */
export async function startAgain(home) {
  const again = own(
    spawn(APP, ["--data", home], { stdio: ["ignore", "ignore", "inherit"] }),
  );
  const late = setTimeout(() => void ended(again, "SIGKILL"), 20_000);
  const { code, signal } = await again.exited;
  clearTimeout(late);
  return { code, signal };
}

export class Window {
  #driver;
  #report;
  constructor(driver, session, report) {
    this.#driver = driver;
    this.session = session;
    this.#report = report;
    this.pid = Number(readFileSync(`${report}.pid`, "utf8"));
  }

  /** What can be read in the window, in lines, with plain spaces. */
  text(selector = "body") {
    return this.session.run(
      (selector) =>
        [...document.querySelectorAll(selector)]
          .map((each) => each.innerText.replace(/[^\S\n]+/g, " "))
          .join("\n"),
      selector,
    );
  }

  /** The row of a table that begins with a word, as one line. */
  row(table, first) {
    return this.session.run(
      (table, first) =>
        [...document.querySelectorAll(`${table} tr`)]
          .map((row) => row.innerText.trim().replace(/\s+/g, " "))
          .find((text) => text.startsWith(first)),
      table,
      first,
    );
  }

  /** Waits until the window says something, and returns the match. */
  async reads(pattern, selector) {
    try {
      return await until(`the window says ${pattern}`, async () =>
        pattern.exec(await this.text(selector)),
      );
    } catch (error) {
      throw new Error(`${error.message} It says:\n${await this.text()}`);
    }
  }

  async open(page, heading) {
    // Those behind "More" are not shown while the window is wide.
    await this.session.click(`nav > ul > li > a[href="#/${page}"]`);
    await until(
      `the page ${heading} is open`,
      async () => (await this.text("h1")) === heading,
    );
  }

  /** Presses the button that a person or a screen reader knows by this name. */
  press(name) {
    return this.#press(name, 0);
  }

  /** As above, where several have the name: the last one, such as that of the dialog in front. */
  pressLast(name) {
    return this.#press(name, -1);
  }

  async #press(name, at) {
    await until(`there is a button "${name}"`, () =>
      this.session.run(
        (name, at) => {
          document
            .querySelector("[data-asked-for]")
            ?.removeAttribute("data-asked-for");
          const named = (button) =>
            (button.ariaLabel ?? button.innerText).trim() === name;
          const button = [...document.querySelectorAll("button")]
            .filter(named)
            .at(at);
          button?.setAttribute("data-asked-for", "");
          return button !== undefined;
        },
        name,
        at,
      ),
    );
    await this.session.click("[data-asked-for]");
  }

  /** Writes into the input with this label, in place of what stands there. */
  async write(label, text) {
    await this.#labelled(label);
    await this.session.run(() =>
      document.querySelector("[data-asked-for]").select(),
    );
    await this.session.type("[data-asked-for]", text);
  }

  /** Chooses from the list with this label, as the platform's own list tells it to the page. */
  async choose(label, value) {
    await this.#labelled(label);
    await this.session.run((value) => {
      const list = document.querySelector("[data-asked-for]");
      list.value = value;
      list.dispatchEvent(new Event("change", { bubbles: true }));
    }, value);
  }

  #labelled(label) {
    return until(`there is an input "${label}"`, () =>
      this.session.run((label) => {
        document
          .querySelector("[data-asked-for]")
          ?.removeAttribute("data-asked-for");
        const words = [...document.querySelectorAll("label")];
        const input = words.find(
          (each) => each.innerText.trim() === label,
        )?.control;
        input?.setAttribute("data-asked-for", "");
        return Boolean(input);
      }, label),
    );
  }

  /** What the page wrote to its console that should not be there. */
  complaints() {
    return this.log().filter((line) => /\bCONSOLE .*(ERROR|WARN)/.test(line));
  }

  log() {
    return readFileSync(`${this.#report}.log`, "utf8").split("\n");
  }

  /** Closes the window by its cross; the program may run on. */
  async close() {
    const { stdout } = await promisify(execFile)("python3", [
      join(HERE, "close_window.py"),
      `${this.pid}`,
    ]);
    if (Number(stdout) !== 1)
      throw new Error(`${stdout.trim()} windows were there to be closed`);
    await until("no web view is left", () => !this.hasWebView());
  }

  /** Whether a window is on the display. */
  async isShown() {
    const script = join(HERE, "close_window.py");
    const { stdout } = await promisify(execFile)("python3", [
      script,
      "--count",
      `${this.pid}`,
    ]);
    return Number(stdout) > 0;
  }

  hasWebView() {
    return programsOf(this.pid).some((program) =>
      program.startsWith("WebKitWebProc"),
    );
  }

  isAlive() {
    return isAlive(this.pid);
  }

  /** Ends the program as the desktop does when its user logs out, and tells how it ended. */
  async end() {
    process.kill(this.pid, "SIGTERM");
    const end = `${this.#report}.end`;
    const seen = await until(
      "the program has ended",
      () => existsSync(end) && readFileSync(end, "utf8"),
    );
    await this.#farewell();
    return JSON.parse(seen);
  }

  /** Ends what may be left after a test that failed. */
  async abandon() {
    if (isAlive(this.pid)) process.kill(this.pid, "SIGKILL");
    await this.#farewell();
  }

  async #farewell() {
    // The window it belonged to is gone, and with it, as a rule, the session.
    await this.session.end().catch(() => {});
    await this.#driver.end();
  }
}
