/// The demo's market: its books add up to what the street traded, and its deals can be made and ended.
import type {
  BookOrderView,
  BookView,
  Certainty,
  DealProposal,
  DealView,
  MarketSlotView,
  MarketTradeView,
  MarketView,
  OrderView,
  OwnOrderView,
  SideView,
} from "../api/bindings";
import {
  dayOf,
  FEED_IN,
  GATE_MS,
  iso,
  isSettled,
  QUARTER_MS,
  RETAIL,
  startOfDay,
  type SlotFacts,
  type Street,
} from "./street";

const ME = "home-04";
const AREA = "feeder-1";
const OTHER = "feeder-2";
/** What the lines between the two areas cost. */
const LINES = 6_000;
const CLOSE_MS = 3_600_000;
const [BEFORE, AHEAD] = [6, 5];

type Surroundings = {
  now: () => number;
  orders: (start: number) => OrderView[];
  certainty: (start: number) => Certainty;
  limits: (start: number) => { sell: number | null; buy: number | null };
};

export class DemoMarket {
  #deals: DealView[];
  #withdrawn = new Set<string>();
  #made = 0;

  constructor(
    private readonly street: Street,
    private readonly around: Surroundings,
  ) {
    const start = Math.floor(around.now() / QUARTER_MS) * QUARTER_MS;
    const base = { mine: false, from: iso(start + QUARTER_MS) };
    this.#deals = [
      deal({ ...base, id: "deal-2", side: "buy", partner: "home-11", price: 210_000, capWh: 800 }),
      {
        ...deal({
          ...base,
          id: "deal-1",
          side: "sell",
          partner: "home-07",
          price: 150_000,
          capWh: 500,
        }),
        state: "agreed",
        cap_per_day_wh: 4_000,
        hours: "10:00-16:00",
        mine: true,
        agreed_at: iso(start),
        served_from: iso(start + QUARTER_MS),
      },
    ];
  }

  market(): MarketView {
    const now = this.around.now();
    const running = Math.floor(now / QUARTER_MS) * QUARTER_MS;
    const starts = Array.from(
      { length: BEFORE + AHEAD + 1 },
      (_, i) => running + (i - BEFORE) * QUARTER_MS,
    );
    const midnight = startOfDay(dayOf(now));
    const today = Array.from(
      { length: (running - midnight) / QUARTER_MS },
      (_, i) => running - (i + 1) * QUARTER_MS,
    ).filter(this.#isSettled);
    return {
      member: {
        market_name: "Acacia Street market",
        member: ME,
        area: AREA,
        floor_micros_per_kwh: FEED_IN,
        cap_micros_per_kwh: RETAIL,
        operator_fee_micros_per_kwh: 4_000,
        retail_micros_per_kwh: RETAIL,
        feed_in_micros_per_kwh: FEED_IN,
      },
      can_change: true,
      slots: starts.map((start) => this.#slot(start, running)),
      trades: today.flatMap((start) => this.#trades(start)),
      deals: this.#deals,
      last_cleared: today[0] === undefined ? null : iso(today[0]),
    };
  }

  propose(proposal: DealProposal): MarketView {
    this.#made += 1;
    const { side, partner, price_micros_per_kwh: price, cap_wh: capWh } = proposal;
    const made = deal({
      id: `deal-new-${this.#made}`,
      side,
      partner,
      price,
      capWh,
      mine: true,
      from: iso(this.around.now()),
    });
    const { cap_per_day_wh, days, hours } = proposal;
    this.#deals = [{ ...made, cap_per_day_wh, days, hours }, ...this.#deals];
    return this.market();
  }

  accept(id: string): MarketView {
    const now = this.around.now();
    return this.#change(id, {
      state: "agreed",
      agreed_at: iso(now),
      served_from: iso((Math.floor((now + GATE_MS) / QUARTER_MS) + 1) * QUARTER_MS),
    });
  }

  end(id: string): MarketView {
    return this.#change(id, { state: "ended", ended_by_me: true });
  }

  withdraw(order: string): MarketView {
    this.#withdrawn.add(order);
    return this.market();
  }

  /** Clears a book around the price that the street had: every offer up to it is served. */
  book(slot: string): BookView {
    const start = Date.parse(slot);
    const facts = this.street.slot(start);
    const orders = ordersOf(facts, this.around.limits(start));
    const sold = (area: string, side: SideView) =>
      orders.reduce((sum, o) => (o.side === side && o.area === area ? sum + o.filled_wh : sum), 0);
    const area = (id: string, price: number | null) => ({
      id,
      price_micros_per_kwh: price,
      mine: id === AREA,
      sold_wh: sold(id, "sell"),
      bought_wh: sold(id, "buy"),
    });
    return {
      slot,
      area: AREA,
      price_micros_per_kwh: facts.price,
      traded_wh: sold(AREA, "sell") + sold(OTHER, "sell"),
      areas: [
        area(AREA, facts.price),
        area(OTHER, facts.price === null ? null : facts.price - LINES),
      ],
      orders,
      own: this.#own(facts, orders),
      trades: this.#trades(start),
      check: { holds: true, fault: null },
      operator_fee_micros_per_kwh: 4_000,
    };
  }

  #isSettled = (start: number): boolean => isSettled(this.around.certainty(start));

  #slot(start: number, running: number): MarketSlotView {
    const certainty = this.around.certainty(start);
    const settled = this.#isSettled(start);
    const facts = this.street.slot(start);
    const now = this.around.now();
    const life = settled
      ? (certainty as "settled" | "final")
      : start + QUARTER_MS <= now
        ? "delivered"
        : start === running
          ? "running"
          : start - GATE_MS <= now
            ? "closed"
            : "open";
    const orders = this.around.orders(start).filter(({ id }) => !this.#withdrawn.has(id));
    return {
      slot: iso(start),
      ends: iso(start + QUARTER_MS),
      gate_closes: iso(start - GATE_MS),
      readings_close: iso(start + QUARTER_MS + CLOSE_MS),
      life,
      orders,
      reasons: [],
      sold_wh: settled ? facts.soldWh : null,
      bought_wh: settled ? facts.boughtWh : null,
      price_micros_per_kwh: settled ? facts.price : null,
      about_micros_per_kwh: settled || life === "open" ? null : facts.price,
    };
  }

  #trades(start: number): MarketTradeView[] {
    const { price, soldWh, boughtWh } = this.street.slot(start);
    if (price === null) return [];
    const trade = (side: SideView, energy: number): MarketTradeView[] =>
      energy === 0
        ? []
        : [
            {
              slot: iso(start),
              side,
              energy_wh: energy,
              price_micros_per_kwh: price,
              amount: String((side === "sell" ? 1 : -1) * energy * price),
              certainty: this.around.certainty(start),
              order: `${side}-${start}`,
              deal: null,
              partner: null,
            },
          ];
    return [...trade("sell", soldWh), ...trade("buy", boughtWh)];
  }

  #own(facts: SlotFacts, orders: readonly BookOrderView[]): OwnOrderView[] {
    return this.around.orders(facts.start).map((order): OwnOrderView => {
      const row = orders.find((each) => each.mine && each.side === order.side);
      const price = facts.price;
      const would =
        row && price !== null
          ? [
              { limit_micros_per_kwh: order.limit_micros_per_kwh - 1, filled_wh: row.filled_wh },
              { limit_micros_per_kwh: order.limit_micros_per_kwh + 1, filled_wh: row.filled_wh },
              { limit_micros_per_kwh: price + (order.side === "sell" ? 1 : -1), filled_wh: 0 },
            ]
          : [];
      return {
        order: order.id,
        side: order.side,
        asked_wh: order.quantity_wh,
        limit_micros_per_kwh: order.limit_micros_per_kwh,
        quantity_wh: row?.quantity_wh ?? null,
        filled_wh: row?.filled_wh ?? 0,
        marginal: "buyer",
        would_fill: would,
      };
    });
  }

  #change(id: string, change: Partial<DealView>): MarketView {
    this.#deals = this.#deals.map((each) => (each.id === id ? { ...each, ...change } : each));
    return this.market();
  }
}

/** Everyone who offers up to the price is served; among those who ask, the one at the price gets the rest. */
function ordersOf(
  { start, price, soldWh, boughtWh }: SlotFacts,
  limits: { sell: number | null; buy: number | null },
): BookOrderView[] {
  if (price === null) return [];
  const some = (most: number, salt: number) => 120 + (((start / QUARTER_MS) * 37 * salt) % most);
  const order = (
    side: SideView,
    here: number,
    quantity: number,
    filled = quantity,
    area = AREA,
    mine = false,
  ): BookOrderView => ({
    side,
    area,
    quantity_wh: quantity,
    filled_wh: filled,
    limit_micros_per_kwh: area === AREA ? here : here + (side === "sell" ? -LINES : LINES),
    here_micros_per_kwh: here,
    mine,
  });
  const supply = [
    order("sell", price - 38_000, some(300, 3)),
    order("sell", price - 21_000, some(260, 5), undefined, OTHER),
    order("sell", price - 9_000, some(400, 7)),
    order("sell", price + 14_000, some(380, 11), 0),
    order("sell", price + 33_000, some(220, 13), 0, OTHER),
  ];
  if (soldWh > 0 && limits.sell !== null)
    supply.push(order("sell", Math.min(limits.sell, price), soldWh, soldWh, AREA, true));
  const traded = supply.reduce((sum, each) => sum + each.filled_wh, 0);
  const demand: BookOrderView[] = [];
  let left = traded;
  if (boughtWh > 0 && limits.buy !== null) {
    demand.push(order("buy", Math.max(limits.buy, price), boughtWh, boughtWh, AREA, true));
    left -= boughtWh;
  }
  // What this home buys has to come from someone.
  if (left < 240) {
    supply.push(order("sell", price - 3_000, 240 - left));
    left = 240;
  }
  for (const [above, share] of [
    [92_000, 0.3],
    [57_000, 0.25],
    [26_000, 0.2],
  ] as const) {
    const quantity = Math.floor(left * share);
    demand.push(order("buy", price + above, quantity, quantity, above === 57_000 ? OTHER : AREA));
    left -= quantity;
  }
  demand.push(
    order("buy", price, left + some(200, 17), left),
    order("buy", price - 24_000, some(340, 19), 0),
  );
  supply.sort((a, b) => a.here_micros_per_kwh - b.here_micros_per_kwh);
  demand.sort((a, b) => b.here_micros_per_kwh - a.here_micros_per_kwh);
  return [...supply, ...demand];
}

function deal(of: {
  id: string;
  side: SideView;
  partner: string;
  price: number;
  capWh: number;
  mine: boolean;
  from: string;
}): DealView {
  return {
    id: of.id,
    state: "proposed",
    side: of.side,
    partner: of.partner,
    price_micros_per_kwh: of.price,
    cap_wh: of.capWh,
    cap_per_day_wh: null,
    days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    hours: null,
    zone: "Europe/Berlin",
    from: of.from,
    until: null,
    mine: of.mine,
    agreed_at: null,
    served_from: null,
    served_until: null,
    ended_by_me: null,
    errand: null,
    problem: null,
    energy_wh: 0,
    amount: "0",
  };
}
