/// A view that stays fresh: fetched when it is told to have changed, at most four times a second.
import type { Refusal } from "./api/bindings";
import type { Answer } from "./api/house";

/** The eye does not follow more; a simulated street would otherwise ask for hundreds a second. */
const MIN_GAP_MS = 250;

export class LiveView<T> {
  data = $state.raw<T | null>(null);
  /** Why the last fetch brought nothing. With data beside it, the data is old. */
  refusal = $state.raw<Refusal | null>(null);

  readonly #fetch: () => Promise<Answer<T>>;
  #generation = 0;
  #startedAt = -Infinity;
  #busy = false;
  #again = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(fetch: () => Promise<Answer<T>>) {
    this.#fetch = fetch;
  }

  refresh = (): void => {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#startedAt + MIN_GAP_MS - performance.now());
    if (wait === 0) void this.#run();
    else this.#timer = setTimeout(() => void this.#run(), wait);
  };

  /** Asks anew, since the question has changed; the old answer stays on show until the new one is here. */
  askAnew(): void {
    this.#generation += 1;
    this.#startedAt = -Infinity;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#busy = false;
    this.refusal = null;
    this.refresh();
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#busy = true;
    this.#again = false;
    this.#startedAt = performance.now();
    const generation = this.#generation;
    const answer = await this.#fetch();
    if (generation !== this.#generation) return;
    this.#busy = false;
    if (answer.status === "ok") {
      this.data = answer.data;
      this.refusal = null;
    } else {
      this.refusal = answer.error;
    }
    if (this.#again) this.refresh();
  }
}
