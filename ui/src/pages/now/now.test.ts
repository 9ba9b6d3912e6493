/// The sentence about now, and the balance under it.
import { beforeEach, describe, expect, it } from "vitest";
import type { NowView } from "../../lib/api/bindings";
import { Formats } from "../../lib/format";
import { speak } from "../../lib/i18n/index.svelte";
import { plainText } from "../../lib/phrase";
import { balanceOf } from "./balance";
import { nowSentence } from "./sentence";

type Flows = Partial<Record<"sun" | "house" | "battery" | "grid", number | null>>;
type Extra = { to?: number | null; from?: number | null; price?: number | null; has_sun?: boolean };

function facts(
  flows: Flows,
  extra: Extra = {},
): Pick<NowView, "flows" | "prices" | "expected" | "has_sun"> {
  const watts = (value: number | null | undefined) => (value == null ? null : value * 1000);
  return {
    flows: {
      read_at: "2026-06-18T11:21:10Z",
      sun_milliwatts: watts(flows.sun),
      house_milliwatts: watts(flows.house),
      battery_milliwatts: watts(flows.battery),
      grid_milliwatts: watts(flows.grid),
    },
    prices: {
      retail_micros_per_kwh: 320_000,
      feed_in_micros_per_kwh: 81_000,
      last_cleared_micros_per_kwh: extra.price === undefined ? 140_400 : extra.price,
      last_cleared_slot: "2026-06-18T11:00:00Z",
    },
    expected: {
      to_neighbours_milliwatts: watts(extra.to),
      from_neighbours_milliwatts: watts(extra.from),
    },
    has_sun: extra.has_sun ?? true,
  };
}

const formats = new Formats("en", "EUR", "Europe/Berlin");
const say = (...args: Parameters<typeof facts>) =>
  plainText(nowSentence(facts(...args), formats) ?? []).replace(/\u00a0/g, " ");

beforeEach(() => speak(["en"]));

describe("the sentence", () => {
  it("says who probably gets the surplus, and at what price", () =>
    expect(say({ sun: 3200, house: 800, battery: 0, grid: -2400 }, { to: 1900 })).toBe(
      "The roof makes 3.2 kW, the house uses 800 W. 2.4 kW goes out: about 1.9 kW to neighbours at about 14.0 ct, the rest to the grid at 8.1 ct.",
    ));

  it("does not promise neighbours where nobody knows them", () => {
    const grid =
      "The roof makes 3.2 kW, the house uses 800 W. 2.4 kW goes out to the grid at 8.1 ct.";
    expect(say({ sun: 3200, house: 800, grid: -2400 }, { to: null })).toBe(grid);
    expect(say({ sun: 3200, house: 800, grid: -2400 }, { to: 1900, price: null })).toBe(grid);
  });

  it("says when all goes to neighbours", () =>
    expect(say({ sun: 3200, house: 800, grid: -2400 }, { to: 2600 })).toContain(
      "about all of it to neighbours",
    ));

  it("tells of the battery and of what comes in", () => {
    expect(say({ sun: 0, house: 900, battery: 500, grid: 400 }, { from: 100 })).toBe(
      "The roof rests, the house uses 900 W. The battery gives 500 W. 400 W comes in: about 100 W from neighbours at about 14.0 ct, the rest from the grid at 32.0 ct.",
    );
    expect(say({ sun: 2000, house: 900, battery: -1100, grid: 3 })).toBe(
      "The roof makes 2.0 kW, the house uses 900 W. The battery takes 1.1 kW. Nothing goes out and nothing comes in.",
    );
  });

  it("knows a house without a roof", () =>
    expect(say({ sun: null, house: 700, grid: 700 }, { has_sun: false })).toBe(
      "The house uses 700 W. 700 W comes in from the grid at 32.0 ct.",
    ));

  it("is not made of nothing", () => expect(nowSentence(facts({}), formats)).toBeNull());

  it("speaks German", () => {
    speak(["de-AT"]);
    const german = new Formats("de-AT", "EUR", "Europe/Vienna");
    const text = plainText(
      nowSentence(facts({ sun: 3200, house: 800, grid: -2400 }, { to: 1900 }), german) ?? [],
    );
    expect(text.replace(/\u00a0/g, " ")).toBe(
      "Das Dach erzeugt 3,2 kW, das Haus verbraucht 800 W. 2,4 kW gehen hinaus: etwa 1,9 kW an Nachbarn zu etwa 14,0 ct, der Rest ins Netz zu 8,1 ct.",
    );
  });
});

describe("the balance", () => {
  const sum = (flows: { milliwatts: number }[]) =>
    flows.reduce((s, flow) => s + flow.milliwatts, 0);

  it.each([
    [{ sun: 3200, house: 800, battery: 0, grid: -2400 }, { to: 1900 }],
    [{ sun: 0, house: 900, battery: 500, grid: 400 }, { from: 100 }],
    [{ sun: 2000, house: 900, battery: -1100, grid: 0 }, {}],
    [{ sun: null, house: 700, battery: null, grid: 700 }, { from: 9000 }],
    [{ sun: 1000, house: 0, battery: 0, grid: -1500 }, {}],
  ])("of %j has equal sides", (flows, extra) => {
    const balance = balanceOf(facts(flows, extra));
    expect(balance).not.toBeNull();
    expect(sum(balance!.into)).toBe(balance!.total);
    expect(sum(balance!.out)).toBe(balance!.total);
  });

  it("names what the meters do not agree on", () => {
    const balance = balanceOf(facts({ sun: 1000, house: 0, battery: 0, grid: -1500 }));
    expect(balance?.into.at(-1)).toMatchObject({ name: "other", milliwatts: 500_000 });
  });

  it("marks the neighbours' part as expected", () => {
    const balance = balanceOf(facts({ sun: 3200, house: 800, grid: -2400 }, { to: 1900 }));
    expect(balance?.out.find((flow) => flow.name === "neighbours")?.expected).toBe(true);
    expect(balance?.out.find((flow) => flow.name === "grid")?.milliwatts).toBe(500_000);
  });

  it("waits for the grid's reading", () => expect(balanceOf(facts({ sun: 100 }))).toBeNull());
});
