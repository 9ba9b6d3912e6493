/// Starts the app as a process of its own and notes its pid and how it ended: `launch.mjs REPORT APP [ARGUMENT…]`.
///
/// WebKitWebDriver kills what it started as soon as the last window is gone. The household must outlive its
/// window, so this stands between the two and is what gets killed.
import { spawn } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";

const [report, app, ...args] = process.argv.slice(2);
const log = openSync(`${report}.log`, "a");
const child = spawn(app, args, { detached: true, stdio: ["ignore", log, log] });
writeFileSync(`${report}.pid`, `${child.pid}`);
child.on("exit", (code, signal) => {
  writeFileSync(`${report}.end`, JSON.stringify({ code, signal }));
  process.exit(code ?? 1);
});
