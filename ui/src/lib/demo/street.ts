/// A house that never was: its weather, habits and trades as a pure function of time and seed.
///
/// The figures add up as real ones do: what is sold is part of what went out, money is energy
/// times price, and nothing depends on when one asks.

import type { Certainty } from "../api/bindings";

export const QUARTER_MS = 900_000;
export const DAY_MS = 86_400_000;
/** A slot's gate closes so long before it. */
export const GATE_MS = 300_000;
/** The demo's past begins here, and all of it is summer time: Berlin is two hours ahead. */
export const BEGINNING = Date.parse("2026-04-01T00:00:00+02:00");
const ZONE_MS = 2 * 3_600_000;

export const RETAIL = 320_000;
export const FEED_IN = 81_000;
/** Each side's half of the operator's fee. */
const FEE = 2_000;

export type Flows = { sun: number; house: number; battery: number; grid: number };

export type SlotFacts = {
  start: number;
  sun: number;
  charge: number;
  discharge: number;
  importMwh: number;
  exportMwh: number;
  /** The area's price; null where one side is missing. */
  price: number | null;
  soldWh: number;
  boughtWh: number;
  toGridWh: number;
  fromGridWh: number;
};

export class Street {
  readonly #slots = new Map<number, SlotFacts>();

  constructor(
    private readonly seed: number,
    private readonly hasSun: boolean,
    /** Which limits the household had in a slot. */
    private readonly limits: (start: number) => { sell: number | null; buy: number | null },
  ) {}

  /** Power in milliwatts. */
  flows(time: number): Flows {
    const sun = Math.round(this.#sun(time) * 1000);
    const house = Math.round(this.#house(time) * 1000);
    const battery = Math.round(this.#battery(time, (sun - house) / 1000) * 1000);
    return { sun, house, battery, grid: house - sun - battery };
  }

  /** The share of what goes out, or comes in, that the neighbours take, or give. */
  share(time: number): number {
    const hour = hourOf(time);
    const here = this.#sky(time) > 600;
    const wave = 0.5 + 0.5 * this.#noise(Math.floor(time / QUARTER_MS), 5);
    if (here) return 0.45 + 0.5 * wave;
    return hour >= 17 && hour < 21.5 ? 0.25 + 0.4 * wave : 0;
  }

  slot(start: number): SlotFacts {
    const known = this.#slots.get(start);
    if (known) return known;
    const facts = this.#work(start);
    this.#slots.set(start, facts);
    return facts;
  }

  #work(start: number): SlotFacts {
    let [sun, out, into, charge, discharge] = [0, 0, 0, 0, 0];
    for (let minute = 0; minute < 15; minute++) {
      const flows = this.flows(start + minute * 60_000 + 30_000);
      sun += flows.sun / 60;
      charge += Math.max(0, -flows.battery) / 60;
      discharge += Math.max(0, flows.battery) / 60;
      out += Math.max(0, -flows.grid) / 60;
      into += Math.max(0, flows.grid) / 60;
    }
    const exportWh = Math.floor(out / 1000);
    const importWh = Math.floor(into / 1000);
    const share = this.share(start + QUARTER_MS / 2);
    const price = share > 0 ? this.#price(start) : null;
    const { sell, buy } = this.limits(start);
    const sells = price !== null && sell !== null && price >= sell;
    const buys = price !== null && buy !== null && price <= buy;
    const soldWh = sells ? Math.floor(Math.max(0, exportWh - importWh) * share) : 0;
    const boughtWh = buys ? Math.floor(Math.max(0, importWh - exportWh) * share) : 0;
    return {
      start,
      sun: Math.round(sun),
      charge: Math.round(charge),
      discharge: Math.round(discharge),
      importMwh: importWh * 1000,
      exportMwh: exportWh * 1000,
      price,
      soldWh,
      boughtWh,
      toGridWh: exportWh - soldWh,
      fromGridWh: importWh - boughtWh,
    };
  }

  #price(start: number): number {
    const hour = hourOf(start);
    const noon = Math.exp(-((hour - 13) ** 2) / 14);
    const evening = Math.exp(-((hour - 19.5) ** 2) / 5);
    const base = 176_000 - 52_000 * noon + 44_000 * evening;
    const cents = base + (this.#noise(Math.floor(start / QUARTER_MS), 9) - 0.5) * 18_000;
    return Math.round(Math.min(RETAIL, Math.max(FEED_IN, cents)) / 100) * 100;
  }

  #sun(time: number): number {
    return this.hasSun ? this.#sky(time) : 0;
  }

  /** What a roof would make. */
  #sky(time: number): number {
    const hour = hourOf(time);
    const height = Math.sin((Math.PI * (hour - 5.3)) / 16.2);
    if (hour < 5.3 || hour > 21.5 || height <= 0) return 0;
    const day = Math.floor((time + ZONE_MS) / DAY_MS);
    const weather = 0.38 + 0.62 * this.#noise(day, 1);
    const cloud = 1 - (1 - weather) * 1.1 * this.#smooth(time / 1_500_000, 2);
    return 5_900 * height ** 1.35 * Math.max(0.08, cloud);
  }

  #house(time: number): number {
    const hour = hourOf(time);
    const hump = (at: number, width: number, watts: number) =>
      watts * Math.exp(-((hour - at) ** 2) / width);
    const habits = hump(7.2, 0.9, 620) + hump(12.6, 0.8, 480) + hump(19.2, 3.2, 1_700);
    const kettle = this.#noise(Math.floor(time / 300_000), 3) > 0.955 ? 1_500 : 0;
    return (
      310 +
      habits * (0.7 + 0.6 * this.#smooth(time / QUARTER_MS, 4)) +
      kettle +
      60 * this.#smooth(time / 40_000, 6)
    );
  }

  /** Takes half of the morning's surplus and gives in the evening; discharge is positive. */
  #battery(time: number, surplus: number): number {
    const hour = hourOf(time);
    if (hour > 7 && hour < 11.5 && surplus > 300) return -Math.min(2_200, surplus * 0.5);
    if (this.hasSun && hour > 19 && hour < 23.5 && surplus < -100)
      return Math.min(900, -surplus * 0.35);
    return 0;
  }

  /** Between 0 and 1, the same for the same place. */
  #noise(place: number, kind: number): number {
    let x = (Math.imul(place | 0, 0x9e3779b1) ^ Math.imul(kind, 0x85ebca6b) ^ this.seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  }

  #smooth(place: number, kind: number): number {
    const floor = Math.floor(place);
    const way = place - floor;
    const ease = way * way * (3 - 2 * way);
    return this.#noise(floor, kind) * (1 - ease) + this.#noise(floor + 1, kind) * ease;
  }
}

/** Nanos of a slot, in the words of the totals. */
export function moneyOf(facts: SlotFacts) {
  const { soldWh, boughtWh, toGridWh, fromGridWh } = facts;
  const price = facts.price ?? 0;
  const sold = BigInt(soldWh * price);
  const bought = -BigInt(boughtWh * price);
  const toGrid = BigInt(toGridWh * FEED_IN);
  const fromGrid = -BigInt(fromGridWh * RETAIL);
  const fees = -BigInt((soldWh + boughtWh) * FEE);
  const utilityOnly =
    BigInt((soldWh + toGridWh) * FEED_IN) - BigInt((boughtWh + fromGridWh) * RETAIL);
  const earned = BigInt(soldWh * (price - FEED_IN - FEE));
  const saved = BigInt(boughtWh * (RETAIL - price - FEE));
  return { sold, bought, toGrid, fromGrid, fees, utilityOnly, earned, saved };
}

export const isSettled = (certainty: Certainty | null): boolean =>
  certainty === "settled" || certainty === "final";

export const iso = (time: number): string => new Date(time).toISOString();

export const dayOf = (time: number): string => new Date(time + ZONE_MS).toISOString().slice(0, 10);

export const startOfDay = (day: string): number => Date.parse(`${day}T00:00:00Z`) - ZONE_MS;

/** The hour of the day with its fraction, on the demo's wall clock. */
export function hourOf(time: number): number {
  return ((((time + ZONE_MS) % DAY_MS) + DAY_MS) % DAY_MS) / 3_600_000;
}
