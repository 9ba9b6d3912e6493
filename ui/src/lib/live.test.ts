/// A view that stays fresh, and does not ask too often.
import { beforeEach, expect, it, vi } from "vitest";
import type { Answer } from "./api/house";
import { LiveView } from "./live.svelte";

beforeEach(() => void vi.useFakeTimers());

it("asks at most four times a second, however often it is told", async () => {
  let asked = 0;
  const view = new LiveView<number>(async () => ({ status: "ok", data: (asked += 1) }));
  for (let i = 0; i < 100; i++) {
    view.refresh();
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(asked).toBeLessThanOrEqual(5);
  await vi.advanceTimersByTimeAsync(1000);
  expect(view.data).toBe(asked); // the last change was not missed
});

it("keeps what it had when the next answer is a refusal", async () => {
  const answers: Answer<string>[] = [
    { status: "ok", data: "old" },
    { status: "error", error: { code: "x", message: "", hint: "" } },
  ];
  const view = new LiveView<string>(async () => answers.shift()!);
  view.refresh();
  await vi.advanceTimersByTimeAsync(300);
  view.refresh();
  await vi.advanceTimersByTimeAsync(300);
  expect([view.data, view.refusal?.code]).toEqual(["old", "x"]);
});

it("drops the answer to a question that has changed", async () => {
  const waiting: ((answer: Answer<string>) => void)[] = [];
  const view = new LiveView<string>(() => new Promise((resolve) => waiting.push(resolve)));
  view.refresh();
  view.askAnew();
  waiting[1]?.({ status: "ok", data: "May" });
  waiting[0]?.({ status: "ok", data: "June" });
  await vi.advanceTimersByTimeAsync(10);
  expect(view.data).toBe("May");
});
