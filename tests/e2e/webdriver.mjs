/// Drives the real window by the W3C WebDriver protocol, through tauri-driver and WebKitWebDriver.
///
/// The dozen calls that are needed are plain HTTP with JSON; each client library that runs on Node 20 is many
/// times the size of this whole test.
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { ended, own, until } from "./processes.mjs";

/** WebDriver's name of an element in JSON. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
/** A driver that does not answer for so long has hung. */
const CALL_MS = 30_000;

/** Keys as WebDriver spells them. */
export const ENTER = "\uE007";
/** Goes to the end and deletes ten characters. WebKitWebDriver does not press Control and A together. */
export const EMPTY = "\uE010" + "\uE003".repeat(10);

/** Starts the driver of one window. */
export async function startDriver() {
  const [port, nativePort] = [await freePort(), await freePort()];
  const driver = own(
    spawn(
      process.env.TAURI_DRIVER,
      ["--port", `${port}`, "--native-port", `${nativePort}`],
      {
        stdio: ["ignore", "ignore", "inherit"],
      },
    ),
  );
  const call = caller(`http://127.0.0.1:${port}`);
  await until(
    "the driver answers",
    async () => (await call("GET", "/status").catch(() => null))?.ready,
  );
  return {
    /** Opens an app's window. */
    open: async (application, args) => {
      const options = { "tauri:options": { application, args } };
      const { sessionId } = await call("POST", "/session", {
        capabilities: { alwaysMatch: options },
      });
      return new Session((method, path, body) =>
        call(method, `/session/${sessionId}${path}`, body),
      );
    },
    end: () => ended(driver, "SIGTERM"),
  };
}

class Session {
  #call;
  constructor(call) {
    this.#call = call;
  }

  /** Runs a function in the page. */
  run(inPage, ...args) {
    const script = `return (${inPage}).apply(null, arguments)`;
    return this.#call("POST", "/execute/sync", { script, args });
  }

  async find(selector) {
    const found = await this.#call("POST", "/elements", {
      using: "css selector",
      value: selector,
    });
    if (found.length !== 1)
      throw new Error(
        `${found.length} elements match ${selector}, one is needed`,
      );
    return found[0][ELEMENT];
  }

  async click(selector) {
    await this.#call("POST", `/element/${await this.find(selector)}/click`, {});
  }

  async type(selector, text) {
    await this.#call("POST", `/element/${await this.find(selector)}/value`, {
      text,
    });
  }

  async screenshot(path) {
    // What can be read is in the document; a picture needs it on the screen, in its own type.
    await this.#call("POST", "/execute/async", {
      script: `const done = arguments[0];
        document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(() => done(null))));`,
      args: [],
    });
    await writeFile(
      path,
      Buffer.from(await this.#call("GET", "/screenshot"), "base64"),
    );
  }

  /** Ends the session; the driver then ends whatever it started. */
  end() {
    return this.#call("DELETE", "");
  }
}

function caller(base) {
  return async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      body: body && JSON.stringify(body),
      headers: body && { "content-type": "application/json" },
      signal: AbortSignal.timeout(CALL_MS),
    });
    const { value } = await response.json();
    if (!response.ok)
      throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
