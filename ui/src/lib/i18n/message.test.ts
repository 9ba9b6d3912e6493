/// Messages with places and plurals.
import { expect, it } from "vitest";
import { fill, placesOf } from "./message";

const text = (message: string, values: Record<string, string | number>, locale = "en") =>
  fill(message, values, locale)
    .map((part) => part.text)
    .join("");

it("fills places and tells them apart", () => {
  expect(fill("up to {price} now", { price: "12 ct" }, "en")).toEqual([
    { text: "up to ", name: null },
    { text: "12 ct", name: "price" },
    { text: " now", name: null },
  ]);
});

it("chooses the plural of the language", () => {
  const message = "{n, plural, =0 {none} one {# order} other {# orders of {who}}}";
  expect(text(message, { n: 0, who: "x" })).toBe("none");
  expect(text(message, { n: 1, who: "x" })).toBe("1 order");
  expect(text(message, { n: 1200, who: "x" })).toBe("1,200 orders of x");
  expect(text(message, { n: 1200, who: "x" }, "de")).toBe("1.200 orders of x");
});

it("does not read a value as a message", () => {
  expect(text("{a}", { a: "{b} # <i>" })).toBe("{b} # <i>");
});

it("refuses a message whose value is missing", () => {
  expect(() => text("{a}", {})).toThrow("no value for {a}");
});

it("lists places, those inside plurals too", () => {
  expect(placesOf("{b} {n, plural, one {x} other {# {a}}}")).toEqual(["a", "b", "n"]);
});
