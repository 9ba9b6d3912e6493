/// What the system's keyring holds, asked over the bus by a program that is not ours.
import { ask, ownsName } from "./bus.mjs";

export const hasSecretService = () => ownsName("org.freedesktop.secrets");

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
