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
    const answer = await Promise.race([command(), late]);
    // Not every refusal is the household's: the window's own permissions answer with a bare word.
    return answer.status === "ok" || isRefusal(answer.error)
      ? answer
      : refused("ui_broken", String(answer.error));
  } catch (cause) {
    return refused("ui_broken", cause instanceof Error ? cause.message : String(cause));
  } finally {
    clearTimeout(timer);
  }
}

const isRefusal = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && "message" in error;

/** The page has its own sentences for these two codes. */
function refused(code: "ui_timeout" | "ui_broken", message = ""): Answer<never> {
  const error: Refusal = { code, message, hint: "" };
  return { status: "error", error };
}
