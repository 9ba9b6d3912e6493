/// What the system's keyring holds, asked over the bus by a program that is not ours.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const ask = (destination, path, method, ...args) =>
  promisify(execFile)("dbus-send", [
    "--session",
    "--print-reply",
    `--dest=${destination}`,
    path,
    method,
    ...args,
  ]).then(({ stdout }) => stdout);

export async function hasSecretService() {
  const answer = await ask(
    "org.freedesktop.DBus",
    "/",
    "org.freedesktop.DBus.NameHasOwner",
    "string:org.freedesktop.secrets",
  );
  return answer.includes("boolean true");
}

/** Returns how many secrets the keyring keeps for a home, by the folder's path. */
export async function secretsOf(home) {
  const answer = await ask(
    "org.freedesktop.secrets",
    "/org/freedesktop/secrets",
    "org.freedesktop.Secret.Service.SearchItems",
    `dict:string:string:service,wattle,username,${home}`,
  );
  return answer.match(/object path "/g)?.length ?? 0;
}
