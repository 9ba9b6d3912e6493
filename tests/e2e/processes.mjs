/// Processes that end with the test, and waits that end at all.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Long enough for a busy machine; whatever is waited for takes a second or a few. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 100;
/** After this a process that was asked to end is killed. */
const FAREWELL_MS = 25_000;

const children = new Set();

/** Makes a process ours to end. */
export function own(child) {
  child.exited = new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  void child.exited.then(() => children.delete(child));
  children.add(child);
  return child;
}

/** Asks a process to end, kills it where it does not, and tells how it ended. */
export async function ended(child, signal) {
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), FAREWELL_MS);
  try {
    return await child.exited;
  } finally {
    clearTimeout(late);
  }
}

/** Ends what is still ours, whatever went wrong. */
export const endAll = () =>
  Promise.all([...children].map((child) => ended(child, "SIGTERM")));

/** Waits until something is so, and returns it; says what was waited for where it never is. */
export async function until(what, look, patience = PATIENCE_MS) {
  const start = performance.now();
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() - start > patience)
      throw new Error(`It never came that ${what}.`);
    await sleep(LOOK_MS);
  }
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Names the programs that a process has started and that still run. */
export function programsOf(pid) {
  const stat = (name) => {
    try {
      // The program's name stands in brackets and may hold anything but a closing one.
      const [, program, rest] = readFileSync(
        `/proc/${name}/stat`,
        "utf8",
      ).match(/\((.*)\) (.*)/s);
      const [state, parent] = rest.split(" ");
      return state === "Z" ? null : { program, parent: Number(parent) };
    } catch {
      return null;
    }
  };
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(stat);
  return all
    .filter((process) => process?.parent === pid)
    .map(({ program }) => program);
}
