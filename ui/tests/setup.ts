/// What jsdom lacks and the pages use.
import { cleanup } from "@testing-library/svelte";
import { afterEach } from "vitest";

class NoResizeObserver implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.ResizeObserver ??= NoResizeObserver;

afterEach(() => {
  cleanup();
  location.hash = "";
});
