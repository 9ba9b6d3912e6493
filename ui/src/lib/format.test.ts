/// How quantities, money and times look.
import { describe, expect, it } from "vitest";
import { averagePrice, Formats, MISSING } from "./format";

const en = new Formats("en-GB", "EUR", "Europe/Berlin");
const de = new Formats("de", "EUR", "Europe/Berlin");
/** Spaces that do not break look like others here. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("power and energy", () => {
  it.each([
    [0, "0 W"],
    [-400, "0 W"],
    [47_400, "47 W"],
    [823_000, "820 W"],
    [994_999, "990 W"],
    [996_000, "1.0 kW"],
    [3_240_000, "3.2 kW"],
    [-2_400_000, "−2.4 kW"],
    [12_345_000, "12.3 kW"],
  ])("%i mW is %s", (milliwatts, text) => expect(plain(en.power(milliwatts))).toBe(text));

  it.each([
    [0, "0 Wh"],
    [99.4, "99 Wh"],
    [99.6, "0.10 kWh"],
    [420, "0.42 kWh"],
    [11_440, "11.4 kWh"],
    [1_234_567, "1,235 kWh"],
  ])("%d Wh is %s", (wattHours, text) => expect(plain(en.energyWh(wattHours))).toBe(text));

  it("writes a missing figure as a dash, never as 0 or NaN", () => {
    for (const missing of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(en.power(missing)).toBe(MISSING);
      expect(en.energy(missing)).toBe(MISSING);
      expect(en.price(missing)).toBe(MISSING);
      expect(en.duration(missing)).toBe(MISSING);
    }
    expect(en.money("")).toBe(MISSING);
    expect(en.money("12.5")).toBe(MISSING);
    expect(en.time("never")).toBe(MISSING);
  });
});

describe("prices", () => {
  it("come in the currency's minor unit", () => {
    expect(plain(en.price(120_000))).toBe("12.0 ct");
    expect(plain(de.price(81_250))).toBe("8,13 ct");
    expect(plain(new Formats("en-AU", "AUD", "UTC").price(120_000))).toBe("12.0 c");
    expect(plain(new Formats("ja", "JPY", "UTC").price(31_000_000))).toMatch(/31/);
  });

  it("are never -0", () => expect(plain(en.price(-3))).toBe("0.0 ct"));

  it.each([
    ["12.5", 125_000],
    ["12,5", 125_000],
    [" 12 ", 120_000],
    [".5", 5_000],
    ["-1", -10_000],
    ["−1", -10_000],
    ["-0", 0],
    ["", null],
    ["twelve", null],
    ["1.2.3", null],
    ["1e3", null],
    ["12 ct", null],
    ["9".repeat(30), null],
  ])("reads %j as %j", (text, micros) => expect(en.parsePrice(text)).toBe(micros));

  it("read back what they write into an input", () => {
    for (const formats of [en, de, new Formats("ja", "JPY", "UTC")]) {
      for (const micros of [0, 1_000, 81_000, 120_500, 320_000]) {
        expect(formats.parsePrice(formats.priceNumber(micros))).toBe(micros);
      }
    }
  });
});

describe("money", () => {
  it.each([
    ["0", "€0.00"],
    ["-1", "€0.00"],
    ["-4999999", "€0.00"],
    ["5000000", "€0.00"],
    ["15000000", "€0.02"],
    ["-15000000", "−€0.02"],
    ["1230000000", "€1.23"],
    ["123456789012345678901234567890", "€123,456,789,012,345,678,901.23"],
  ])("%s nanos are %s", (nanos, text) => expect(plain(en.money(nanos))).toBe(text));

  it("shows the plus of an income only where asked, and none on nothing", () => {
    expect(plain(en.money("1230000000", "both"))).toBe("+€1.23");
    expect(plain(en.money("1", "both"))).toBe("€0.00");
  });

  it("keeps every digit of a small amount", () => {
    expect(plain(en.moneyExact("28946001"))).toBe("2.8946001 ct");
    expect(plain(en.moneyExact("-20000000"))).toBe("−2.00 ct");
  });

  it("takes a currency that nobody knows", () => {
    expect(new Formats("en", "??", "Nowhere/None").money("1230000000")).toContain("1.23");
  });

  it("apportions lines so that they add up to the rounded total", () => {
    const thirds = ["3333333", "3333333", "3333334"];
    expect(en.apportion(thirds)).toEqual({ lines: [0n, 0n, 1n], total: 1n });
    expect(en.apportion(["-3333333", "-3333333", "-3333334"]).total).toBe(-1n);
    expect(en.apportion([])).toEqual({ lines: [], total: 0n });
  });

  it("apportions any lines: the sum is exact and no line is off by a whole minor unit", () => {
    let seed = 1;
    const next = () => (seed = (seed * 48_271) % 2_147_483_647);
    for (let round = 0; round < 200; round++) {
      const nanos = Array.from({ length: next() % 9 }, () =>
        String((next() - 1e9) * (next() % 50)),
      );
      const { lines, total } = en.apportion(nanos);
      expect(lines.reduce((sum, line) => sum + line, 0n)).toBe(total);
      lines.forEach((line, i) => {
        const off = line * 10_000_000n - BigInt(nanos[i] ?? 0);
        expect(off > -10_000_000n && off < 10_000_000n).toBe(true);
      });
    }
  });

  it("averages a price per kWh", () => {
    expect(averagePrice("28946000", 205)).toBe(141_200);
    expect(averagePrice("1", 0)).toBeNull();
  });
});

describe("times", () => {
  it("are the home's, with 24 hours", () => {
    expect(en.time("2026-06-18T22:15:00Z")).toBe("00:15");
    expect(en.quarter("2026-06-18T11:45:00Z")).toBe("13:45–14:00");
  });

  it("does not move a calendar day by its zone", () => {
    const west = new Formats("en-GB", "USD", "Pacific/Honolulu");
    expect(west.day("2026-06-01")).toBe("Mon 1 Jun");
    expect(west.month("2026-06")).toBe("June 2026");
  });

  it("counts down without going below nothing", () => {
    expect(en.countdown(425.2)).toBe("7:06");
    expect(en.countdown(-3)).toBe("0:00");
  });

  it("says how long in the unit that a person would choose", () => {
    expect(plain(en.duration(40))).toMatch(/^40 sec/);
    expect(plain(en.duration(140))).toMatch(/^2 min/);
    expect(plain(en.duration(3 * 3600))).toMatch(/^3 hr/);
  });
});
