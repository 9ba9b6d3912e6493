/// Runs a script on the real window in a desktop of its own: `run.mjs journey.test.mjs` or `run.mjs screenshots.mjs`.
///
/// `cargo xtask test` and `cargo xtask screenshots` call it with a display without a screen and a bus of its own.
/// Here come a real secret service, folders that are no user's, and a place for pictures.
import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endAll, ended, own, until } from "./processes.mjs";
import { hasSecretService } from "./secrets.mjs";

for (const name of [
  "DISPLAY",
  "DBUS_SESSION_BUS_ADDRESS",
  "WATTLE_BINARIES",
  "TAURI_DRIVER",
]) {
  if (!process.env[name]) {
    console.error(
      `${name} is not set. Start this by: cargo xtask test --only window`,
    );
    process.exit(2);
  }
}

const script = process.argv[2] ?? "journey.test.mjs";
const folder = mkdtempSync(join(tmpdir(), "wattle-window-"));
const pictures = process.env.WATTLE_PICTURES ?? join(folder, "pictures");
let status = 1;
try {
  makeUser();
  const keyring = await unlockedKeyring();
  const script_ = own(
    spawn(
      process.execPath,
      [
        ...(script.includes(".test.") ? ["--test-reporter=spec"] : []),
        join(import.meta.dirname, script),
      ],
      {
        stdio: "inherit",
      },
    ),
  );
  const { code } = await script_.exited;
  status = code ?? 1;
  await ended(keyring, "SIGTERM");
} finally {
  await endAll();
  if (status === 0) rmSync(folder, { recursive: true, force: true });
  else console.error(`What the programs wrote is kept in ${folder}`);
}
process.exit(status);

/** Nothing of the person who runs this is read or written: neither their keys nor their windows' places. */
function makeUser() {
  for (const name of ["DATA", "CONFIG", "CACHE", "STATE"]) {
    process.env[`XDG_${name}_HOME`] = join(folder, "user", name.toLowerCase());
    mkdirSync(process.env[`XDG_${name}_HOME`], { recursive: true });
  }
  const downloads = join(folder, "user/downloads");
  writeFileSync(
    join(process.env.XDG_CONFIG_HOME, "user-dirs.dirs"),
    `XDG_DOWNLOAD_DIR="${downloads}"\n`,
  );
  process.env.XDG_RUNTIME_DIR = join(folder, "runtime");
  mkdirSync(process.env.XDG_RUNTIME_DIR, { mode: 0o700 });
  mkdirSync(pictures, { recursive: true });
  Object.assign(process.env, {
    WATTLE_E2E_FOLDER: folder,
    WATTLE_PICTURES: pictures,
    LANG: "C.UTF-8",
    LC_ALL: "C.UTF-8",
    LANGUAGE: "en",
    // Whatever theme the person likes: the pictures are light.
    GTK_THEME: "Adwaita",
  });
}

/** Starts the keyring of GNOME, unlocked as by a login. */
async function unlockedKeyring() {
  const log = openSync(join(folder, "keyring.log"), "a");
  const keyring = own(
    spawn(
      "gnome-keyring-daemon",
      ["--unlock", "--components=secrets", "--foreground"],
      {
        stdio: ["pipe", log, log],
      },
    ),
  );
  keyring.stdin.end("a login's password");
  await until("the keyring answers", hasSecretService);
  return keyring;
}
