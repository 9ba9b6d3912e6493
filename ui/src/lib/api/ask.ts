/// Turns whatever goes wrong with a command into a refusal that a page can show.
import type { Refusal } from "./bindings";
import type { Answer } from "./house";

/** A view is made from memory and one query: longer than this and the program hangs. */
const TIMEOUT_MS = 10_000;

export async function ask<T>(
  command: () => Promise<Answer<T>>,
  patienceMs = TIMEOUT_MS,
): Promise<Answer<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Answer<T>>((resolve) => {
    timer = setTimeout(() => resolve(refused("ui_timeout")), patienceMs);
  });
  try {
    return await Promise.race([command(), late]);
  } catch (cause) {
    return refused("ui_broken", cause instanceof Error ? cause.message : String(cause));
  } finally {
    clearTimeout(timer);
  }
}

/** The page has its own sentences for these two codes. */
function refused(code: "ui_timeout" | "ui_broken", message = ""): Answer<never> {
  const error: Refusal = { code, message, hint: "" };
  return { status: "error", error };
}
