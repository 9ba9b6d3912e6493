/// Whatever a command answers, a page gets facts or a refusal that it can show.
import { expect, it } from "vitest";
import { ask } from "./ask";
import type { Answer } from "./house";

const of = (answer: unknown) => ask(async () => answer as Answer<number>);

it("hands on facts and refusals as they are", async () => {
  const refusal = { code: "history", message: "The disk gives an error.", hint: "Check it." };
  expect(await of({ status: "ok", data: 3 })).toEqual({ status: "ok", data: 3 });
  expect(await of({ status: "error", error: refusal })).toEqual({
    status: "error",
    error: refusal,
  });
});

it.each(["meters not allowed. Command not found", undefined, null, 7, {}])(
  "makes a refusal of the error %s, which is none",
  async (error) =>
    expect(await of({ status: "error", error })).toMatchObject({
      status: "error",
      error: { code: "ui_broken", hint: "" },
    }),
);

it("makes a refusal of a call that fails", async () =>
  expect(await ask(() => Promise.reject(new Error("gone")))).toMatchObject({
    error: { code: "ui_broken", message: "gone" },
  }));
