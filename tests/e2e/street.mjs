/// A simulated street that leaves its first house to the window, and a look into the books of its exchange.
import { execFile, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { own } from "./processes.mjs";

/** A street with half a month behind it is written and alive long before. */
const READY_MS = 60_000;
const SLOT_MS = 900_000;

export async function startStreet(data, log, options) {
  const errors = openSync(log, "a");
  const args = ["--app-house", "1", "--json", "--data", data, ...options];
  const street = own(
    spawn(join(process.env.WATTLE_BINARIES, "wattle-street"), args, {
      stdio: ["pipe", "pipe", errors],
    }),
  );
  closeSync(errors);
  const { home } = await ready(street);
  return {
    home,
    pid: street.pid,
    books: books(join(data, "exchange/exchange.sqlite")),
    /** A street ends with its input, and tells whether everything added up. */
    end: () => {
      street.stdin.end();
      return street.exited;
    },
  };
}

/** Where the meter of a role of a street's house listens, by its configuration. */
export function meterOf(config, role) {
  const meter = config
    .split("[[meter]]")
    .find((part) => part.includes(`role = "${role}"`));
  const found = /tcp = "([\d.:]+)"/.exec(meter ?? "");
  if (!found)
    throw new Error(`The house has no meter with an address for ${role}.`);
  return found[1];
}

/** Waits for the line that tells where things are; the lines after it are read and dropped. */
function ready(street) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error("The street was not ready in time.")),
      READY_MS,
    );
    createInterface({ input: street.stdout }).on("line", (line) => {
      const event = JSON.parse(line);
      if (event.event === "ready") resolve(event);
    });
    void street.exited.then(() =>
      reject(new Error("The street ended before it was ready.")),
    );
    void street.exited.then(() => clearTimeout(late));
    street.stdout.once("data", () => clearTimeout(late));
  });
}

/** What the exchange has written down of a member. Read from its file, since the window must not be believed. */
function books(file) {
  return {
    /** Orders that were accepted, newest first. */
    orders: async (member) => {
      const rows = await query(
        file,
        `select o.slot, side, limit_micros_per_kwh, accepted_at_ms, cancelled_at_ms, s.state
         from "order" o left join slot s on s.slot = o.slot
         where member = ? order by accepted_at_ms desc, o.slot desc limit 200`,
        member,
      );
      return rows.map(([slot, side, limit, accepted, cancelled, state]) => ({
        slot,
        side,
        limit,
        accepted,
        stands: cancelled === null,
        // Before its first step the exchange has no row of a slot yet.
        open: cancelled === null && (state === null || state === "open"),
      }));
    },
    /** Settled slots with energy sold to neighbours, newest first. */
    sales: async (member) => {
      const rows = await query(
        file,
        `select m.slot, sold_wh, price_micros_per_kwh from settled_member m
         join slot_area a on a.slot = m.slot and a.area = m.area
         where member = ? and sold_wh > 0 order by m.slot desc limit 20`,
        member,
      );
      return rows.map(([slot, soldWh, price]) => ({
        start: new Date(slot * SLOT_MS),
        soldWh,
        price,
      }));
    },
  };
}

const QUERY = `
import json, sqlite3, sys
books = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=10)
print(json.dumps(books.execute(sys.argv[2], sys.argv[3:]).fetchall()))
`;

async function query(file, sql, ...values) {
  const { stdout } = await promisify(execFile)("python3", [
    "-c",
    QUERY,
    file,
    sql,
    ...values,
  ]);
  return JSON.parse(stdout);
}
