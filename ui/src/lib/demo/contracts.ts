/// The demo's contracts and sources, and its next two days.
import type {
  ContractForm,
  ContractPreview,
  ContractsView,
  ContractView,
  DayCostView,
  OutlookSlot,
  OutlookView,
  PriceFormView,
  Refusal,
  SourcesForm,
} from "../api/bindings";
import { DAY_MS, dayOf, FEED_IN, iso, QUARTER_MS, RETAIL, startOfDay, type Street } from "./street";

type World = { now: () => number; changed: () => void };

const AHEAD = 192;
/** The last evenings' price at a time of the day, from lowest to highest. */
const DAYS_BACK = 21;

export class DemoContracts {
  #versions: ContractForm[] = [
    contract("2025-01-01", "Stadtwerk Classic", "0.340 EUR/kWh"),
    present(),
  ];
  #sources: SourcesForm = {
    prices: { kind: "energy_charts", value: "DE-LU" },
    weather: true,
    latitude_deg: 52.52,
    longitude_deg: 13.4,
    planes: [{ peak_w: 9_800, tilt_deg: 32, azimuth_deg: 185 }],
    inverter_w: null,
    battery_capacity_wh: 9_500,
  };

  constructor(
    private readonly street: Street,
    private readonly world: World,
  ) {}

  view(): ContractsView {
    const today = dayOf(this.world.now());
    const begun = this.#versions.filter((each) => each.valid_from <= today).length;
    const versions = this.#versions.map((each, index): ContractView => {
      const state = index + 1 < begun ? "over" : index + 1 === begun ? "in_force" : "ahead";
      const prices = state === "in_force";
      return {
        contract: each,
        state,
        until: this.#versions[index + 1]?.valid_from ?? null,
        retail_micros_per_kwh: prices ? RETAIL : null,
        feed_in_micros_per_kwh: prices ? FEED_IN : null,
      };
    });
    return {
      versions: versions.reverse(),
      corrections: [
        {
          ...contract("2025-03-01", null, "0.325 EUR/kWh"),
          correction: {
            until: "2025-06-01",
            dated: "2025-07-03",
            reason: "Network fees lowered by the regulator",
          },
        },
      ],
      currency: "EUR",
      earliest: dayOf(this.world.now() + DAY_MS),
      today,
      last_day: dayOf(this.world.now() - DAY_MS),
      needs_spot: false,
    };
  }

  save(form: ContractForm): Refusal | null {
    if (form.valid_from < dayOf(this.world.now() + DAY_MS)) {
      return {
        code: "alters_the_past",
        message: `A contract cannot change from ${form.valid_from} on, since that day has begun or is over.`,
        hint: "Choose a later day.",
      };
    }
    const others = this.#versions.filter((each) => each.valid_from !== form.valid_from);
    this.#versions = [...others, form].sort((a, b) => a.valid_from.localeCompare(b.valid_from));
    this.world.changed();
    return null;
  }

  drop(validFrom: string): null {
    this.#versions = this.#versions.filter((each) => each.valid_from !== validFrom);
    this.world.changed();
    return null;
  }

  preview(form: ContractForm, day: string): ContractPreview {
    const first = startOfDay(day);
    const slots = Array.from({ length: 96 }, (_, i) => this.street.slot(first + i * QUARTER_MS));
    const wh = (of: (slot: (typeof slots)[number]) => number) =>
      slots.reduce((all, slot) => all + Math.floor(of(slot) / 1000), 0);
    const imported = wh((slot) => slot.importMwh);
    const exported = wh((slot) => slot.exportMwh);
    const cost = (retail: number, feedIn: number): DayCostView => {
      const [paid, got] = [BigInt(imported * retail), BigInt(exported * feedIn)];
      return {
        import: String(paid),
        export: String(got),
        standing: "424000000",
        total: String(paid + 424_000_000n - got),
        unpriced_slots: form.retail.spot === null ? 0 : 4,
        slots: [],
      };
    };
    const micros = (price: PriceFormView): number =>
      Math.round(parseFloat(price.price ?? "0") * 1e6);
    return {
      day,
      imported_wh: imported,
      exported_wh: exported,
      with_it: cost(micros(form.retail), micros(form.feed_in)),
      as_it_was: cost(RETAIL, FEED_IN),
    };
  }

  sources = (): SourcesForm => this.#sources;

  choose(sources: SourcesForm): null {
    this.#sources = sources;
    this.world.changed();
    return null;
  }

  outlook(
    first: number,
    limits: (start: number) => { sell: number | null; buy: number | null },
  ): OutlookView {
    const slots = Array.from({ length: AHEAD }, (_, i) =>
      this.#slot(first + i * QUARTER_MS, limits),
    );
    const { prices, weather } = this.#sources;
    const asked = iso(this.world.now() - 24 * 60_000);
    const skill = { skill_thousandths: 310, within_thousandths: 786, days: 30 };
    return {
      slots,
      foretold_at: asked,
      roof: {
        with_weather: weather,
        history_days: 45,
        skill: { ...skill, skill_thousandths: 480 },
      },
      house: { with_weather: weather, history_days: 56, skill },
      battery_thousandths_percent: 74_000,
      price_source: prices && {
        name: "Energy-Charts (DE-LU)",
        fetched_at: asked,
        known_until: iso(startOfDay(dayOf(first)) + 2 * DAY_MS),
        trouble: null,
      },
      needs_price_source: false,
      weather_source: weather
        ? {
            name: "Open-Meteo",
            fetched_at: asked,
            known_until: iso(first + 3 * DAY_MS),
            trouble: null,
          }
        : null,
    };
  }

  #slot(
    start: number,
    limits: (start: number) => { sell: number | null; buy: number | null },
  ): OutlookSlot {
    const before = Array.from({ length: DAYS_BACK }, (_, day) =>
      this.street.slot(start - (day + 3) * DAY_MS),
    );
    const prices = before.map(({ price }) => price).filter((price) => price !== null);
    prices.sort((a, b) => a - b);
    const at = (share: number) => prices[Math.floor((prices.length - 1) * share)] ?? 0;
    const market = prices.length < 5 ? null : { low: at(0.1), middle: at(0.5), high: at(0.9) };
    const net = before.map((slot) => Math.max(0, (slot.exportMwh - slot.importMwh) / 1000));
    net.sort((a, b) => a - b);
    const left = (share: number) => Math.floor(net[Math.floor((net.length - 1) * share)] ?? 0);
    const surplus = { low: left(0.1), middle: left(0.5), high: left(0.9) };
    const { sell, buy } = limits(start);
    const expected = market?.middle ?? null;
    return {
      slot: iso(start),
      price_kind: "published",
      retail_micros_per_kwh: RETAIL,
      feed_in_micros_per_kwh: FEED_IN,
      market,
      surplus_wh: surplus,
      sell_limit_micros_per_kwh: sell,
      buy_limit_micros_per_kwh: buy,
      would_sell: surplus.middle > 0 && sell !== null && expected !== null && expected >= sell,
      would_buy: surplus.middle === 0 && buy !== null && expected !== null && expected <= buy,
    };
  }
}

function price(text: string): PriceFormView {
  return {
    price: text,
    spot: null,
    surcharge: null,
    charges: [],
    at_most: null,
    at_least: null,
    tax: null,
    below_zero: null,
    zero_if_spot_negative: false,
  };
}

function contract(from: string, name: string | null, retail: string): ContractForm {
  return {
    valid_from: from,
    name,
    retail: price(retail),
    feed_in: price("0.081 EUR/kWh"),
    standing: ["12.90 EUR/month"],
    by_the_hour: false,
    holidays: [],
    year_starts: null,
    tiers: [],
    zones: [],
    correction: null,
  };
}

const present = (): ContractForm => contract("2026-01-01", "Stadtwerk Classic 26", "0.320 EUR/kWh");
