/// Text from outside is shortened and straightened, and otherwise left as it is.
import { expect, it } from "vitest";
import { outside } from "./outside";

it("leaves what a person wrote", () => {
  for (const text of ["Haus Mara", "Ünïcödé 👩‍🌾 – 12.0 ct", "דירה 4", ""])
    expect(outside(text)).toBe(text);
});

it("takes out the marks that turn the reading around, and controls", () => {
  expect(outside("a\u202eb\u2066c\u200fd\u0000e\u001bf")).toBe("abcdef");
});

it("cuts what is too long, never through a character", () => {
  expect(outside("x".repeat(10_000))).toBe(`${"x".repeat(279)}…`);
  expect(outside("abcdef", 4)).toBe("abc…");
  expect(outside("ab👩cd", 4)).toBe("ab…");
  expect(outside("abcd", 4)).toBe("abcd");
});

it("cuts marks that are too many as well", () => {
  expect(outside("\u202e".repeat(10_000) + "x", 4)).toBe("…");
});
