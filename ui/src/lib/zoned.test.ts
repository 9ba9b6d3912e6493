/// Times on the wall of the home.
import { expect, it } from "vitest";
import { instantOf } from "./zoned";

it.each([
  ["2026-06-18T12:30", "Europe/Berlin", "2026-06-18T10:30:00.000Z"],
  ["2026-01-18T12:30", "Europe/Berlin", "2026-01-18T11:30:00.000Z"],
  ["2026-06-18T00:10", "America/New_York", "2026-06-18T04:10:00.000Z"],
  ["2026-06-18T00:10", "Asia/Kolkata", "2026-06-17T18:40:00.000Z"],
  // The night in which the clocks are set on, shortly before and after.
  ["2026-03-29T01:59", "Europe/Berlin", "2026-03-29T00:59:00.000Z"],
  ["2026-03-29T03:01", "Europe/Berlin", "2026-03-29T01:01:00.000Z"],
])("%s in %s is %s", (local, zone, instant) => expect(instantOf(local, zone)).toBe(instant));

it.each(["", "2026-06-18", "soon", "2026-13-40T99:99"])("%s is no time", (text) =>
  expect(instantOf(text, "Europe/Berlin")).toBeNull(),
);
