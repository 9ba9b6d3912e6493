/// What jsdom lacks and the pages use.
import { cleanup, configure } from "@testing-library/svelte";
import { afterEach } from "vitest";

class NoResizeObserver implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
globalThis.ResizeObserver ??= NoResizeObserver;

// A page is compiled when it is first asked for; on a busy machine that takes seconds.
configure({ asyncUtilTimeout: 10_000 });

/** jsdom has the element without what opens it. */
HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
  if (!this.open) return;
  this.open = false;
  this.dispatchEvent(new Event("close"));
};

afterEach(() => {
  cleanup();
  location.hash = "";
});
