/// Questions over the session bus, through a program that is not ours.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const BUS = ["org.freedesktop.DBus", "/"];

/** Calls a method and returns the answer as dbus-send prints it. */
export async function ask(destination, path, method, ...args) {
  const options = [
    "--session",
    "--print-reply",
    "--reply-timeout=5000",
    `--dest=${destination}`,
  ];
  const { stdout } = await promisify(execFile)("dbus-send", [
    ...options,
    path,
    method,
    ...args,
  ]);
  return stdout;
}

export async function ownsName(name) {
  const answer = await ask(
    ...BUS,
    "org.freedesktop.DBus.NameHasOwner",
    `string:${name}`,
  );
  return answer.includes("boolean true");
}

/** Lists the connections of a process. */
export async function connectionsOf(pid) {
  const names = (await ask(...BUS, "org.freedesktop.DBus.ListNames")).match(
    /:\d+\.\d+(?=")/g,
  );
  const asked = names.map(async (name) => {
    const method = "org.freedesktop.DBus.GetConnectionUnixProcessID";
    // One that has left meanwhile has no process.
    const answer = await ask(...BUS, method, `string:${name}`).catch(() => "");
    return { name, pid: Number(/uint32 (\d+)/.exec(answer)?.[1]) };
  });
  return (await Promise.all(asked))
    .filter((owner) => owner.pid === pid)
    .map(({ name }) => name);
}
