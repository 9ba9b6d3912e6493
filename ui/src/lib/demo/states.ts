/// The states of a view that the demo can be asked for: `?state=stale`.
import type {
  BookView,
  ContractPreview,
  ContractsView,
  EarningsDayView,
  EarningsView,
  EnergySlotView,
  EnergyView,
  DataView,
  FrameView,
  HomeSettingsView,
  MarketView,
  JournalView,
  MetersView,
  NotificationsView,
  NowView,
  OutlookView,
  RegistersView,
  RulePastView,
  RulesView,
  SetupView,
  SourcesForm,
  StatementView,
} from "../api/bindings";
import type { Answer } from "../api/house";
import { NOTHING } from "./energy";

export const STATES = [
  "full",
  "empty",
  "stale",
  "failed",
  "blocked",
  "loading",
  "stopped",
  "readonly",
  "notices",
  "hostile",
  "new",
] as const;
export type DemoState = (typeof STATES)[number];

export type Views = {
  frame: FrameView;
  now: NowView;
  energy: EnergyView;
  energySlot: EnergySlotView;
  meters: MetersView;
  meterSetup: SetupView;
  meterRegisters: RegistersView;
  meterJournal: JournalView;
  rules: RulesView;
  market: MarketView;
  marketBook: BookView;
  rulePast: RulePastView;
  outlook: OutlookView;
  contracts: ContractsView;
  previewContract: ContractPreview;
  sources: SourcesForm;
  earnings: EarningsView;
  earningsDay: EarningsDayView;
  statement: StatementView;
  notifications: NotificationsView;
  autostart: boolean;
  homeSettings: HomeSettingsView;
  data: DataView;
};
type Change = { [K in keyof Views]?: (view: Views[K]) => Views[K] };

/** What each state changes in what the house says. */
const CHANGES: Partial<Record<DemoState, Change>> = {
  empty: {
    frame: (view) => ({
      ...view,
      meter: { state: "none", age_s: null, trouble: null },
      exchange: { ...view.exchange, state: "not_a_member", market_name: null, last_contact: null },
      log: { state: "none", verified_at: null, entries: null, alarm: null },
    }),
    now: (view) => ({
      ...view,
      flows: {
        read_at: null,
        sun_milliwatts: null,
        house_milliwatts: null,
        battery_milliwatts: null,
        grid_milliwatts: null,
      },
      expected: { to_neighbours_milliwatts: null, from_neighbours_milliwatts: null },
      quarter: {
        ...view.quarter,
        import_milliwatt_hours: null,
        export_milliwatt_hours: null,
        orders: [],
      },
      today: {
        bars: view.today.bars.map((bar) => ({
          ...bar,
          certainty: "expected",
          quality: null,
          import_milliwatt_hours: null,
          export_milliwatt_hours: null,
          sun_milliwatt_hours: null,
          sold_wh: null,
          bought_wh: null,
          price_micros_per_kwh: null,
        })),
        earned: "0",
        saved: "0",
        sold_wh: 0,
        bought_wh: 0,
        settled_slots: 0,
        provisional_slots: 0,
      },
    }),
    energy: (view) => ({
      ...view,
      previous: null,
      next: null,
      first_day: null,
      totals: NOTHING,
      bars: view.bars.map((bar) => ({ ...bar, figures: NOTHING })),
      gaps: [],
    }),
    meters: (view) => ({ ...view, meters: [] }),
    rules: (view) => ({ ...view, rules: [], ahead: [], decisions: [], log: [] }),
    contracts: (view) => ({ ...view, versions: [], corrections: [], last_day: null }),
    outlook: (view) => ({
      ...view,
      foretold_at: null,
      roof: null,
      house: null,
      slots: view.slots.map((slot) => ({
        ...slot,
        price_kind: "unknown",
        retail_micros_per_kwh: null,
        feed_in_micros_per_kwh: null,
        market: null,
        surplus_wh: null,
        would_sell: false,
        would_buy: false,
      })),
    }),
    market: (view) => ({
      ...view,
      member: null,
      slots: [],
      trades: [],
      deals: [],
      last_cleared: null,
    }),
    earnings: (view) => ({ ...view, previous: null, next: null, days: [], provisional_slots: 0 }),
  },
  stale: {
    frame: (view) => ({
      ...view,
      meter: {
        state: "stale",
        age_s: 140,
        trouble: {
          code: "timeout",
          message: "No answer from the meter on 127.0.0.1:5020 for 2 minutes.",
        },
      },
      exchange: {
        ...view.exchange,
        state: "unreachable",
        waiting: 3,
        missed_orders: 1,
        trouble: { code: "connect", message: "127.0.0.1:8440 refuses the connection." },
        last_contact: new Date(Date.parse(view.market_time) - 42 * 60_000).toISOString(),
      },
      notices: [
        {
          code: "orders_missed",
          message:
            "One order for 12:45 could not be sent before its gate. That quarter hour's surplus goes to the grid. Nothing needs to be done.",
        },
      ],
    }),
    meters: (view) => ({
      ...view,
      meters: view.meters.map((meter) => ({
        ...meter,
        state: "stale",
        age_s: 140,
        trouble: {
          code: "timeout",
          message: "No answer from the meter on 192.168.1.31:8899 for 2 minutes. Check the cable.",
        },
        warnings: ["no_pin", "clock_off", "negative_production"],
      })),
      findings: [
        {
          code: "export_at_night",
          meters: ["grid"],
          since: new Date(Date.parse(view.at) - 3_600_000).toISOString(),
          milliwatts: 412_000,
        },
      ],
      profiles: {
        ...view.profiles,
        problems: [{ file: "cellar.toml", line: 12, reason: 'the unit "kWH" is not known' }],
      },
    }),
  },

  readonly: {
    homeSettings: (view) => ({ ...view, changeable: false }),
    data: (view) => ({ ...view, changeable: false }),
    meters: (view) => ({ ...view, changeable: false }),
    frame: (view) => ({
      ...view,
      trading: { state: "read_only", bound_slots: [], held_by: "wattle run (process 4711)" },
    }),
    market: (view) => ({ ...view, can_change: false }),
  },
  notices: {
    frame: (view) => ({
      ...view,
      notices: [
        {
          code: "data_read_only",
          message:
            "The folder /home/mara/.local/share/wattle cannot be written. Nothing is recorded or traded. Make it writable, then start Wattle again.",
        },
        {
          code: "history_restored",
          message:
            "The history came back from the copy of 12:00. What was measured since is missing and goes to the grid. Nothing needs to be done.",
        },
        {
          code: "key_in_file",
          message:
            "This computer has no keyring, so your key lies in a file that your passphrase opens.",
        },
      ],
    }),
  },
  hostile: {
    frame: (view) => ({
      ...view,
      home_name: `${HOSTILE()} ${"Ünïcödé".repeat(30)}`,
      exchange: { ...view.exchange, market_name: HOSTILE() },
      notices: [{ code: "other", message: HOSTILE() }],
      trading: { state: "read_only", bound_slots: [], held_by: HOSTILE() },
    }),
    now: (view) => ({
      ...view,
      quarter: {
        ...view.quarter,
        orders: view.quarter.orders.map((order) => ({ ...order, problem: HOSTILE() })),
      },
    }),
    rules: (view) => ({
      ...view,
      ahead: view.ahead.map((order) => ({ ...order, problem: HOSTILE() })),
      rules: view.rules.map((rule, i) => ({ ...rule, name: `${HOSTILE()}${i}${"x".repeat(300)}` })),
      decisions: view.decisions.map((decision) => ({
        ...decision,
        rule: HOSTILE(),
        reasons: [
          { code: HOSTILE(), numbers: [{ name: HOSTILE(), value: 9007199254740991 }] },
          { code: "limit_at", numbers: [] },
        ],
      })),
      log: [
        {
          at: "not a time",
          who: HOSTILE(),
          changes: [
            {
              rule: `${HOSTILE()} {price} {count, plural, other {#}}`,
              what: "added",
              micros_per_kwh: null,
            },
          ],
        },
        { at: view.log[0]?.at ?? "", who: "file", changes: [] },
      ],
    }),
    energy: (view) => ({
      ...view,
      first_day: HOSTILE(),
      gaps: [{ from: HOSTILE(), to: "", slots: 4, quality: "missing" }],
    }),
    market: (view) => ({
      ...view,
      member: view.member && {
        ...view.member,
        market_name: HOSTILE(),
        member: HOSTILE(),
        area: HOSTILE(),
      },
      deals: view.deals.map((deal) => ({
        ...deal,
        partner: HOSTILE(),
        hours: HOSTILE(),
        days: [HOSTILE()],
        problem: HOSTILE(),
      })),
      trades: view.trades.map((trade) => ({ ...trade, deal: "x", partner: HOSTILE() })),
    }),
    marketBook: (view) => ({
      ...view,
      areas: view.areas.map((area, i) => ({ ...area, id: `${i}${HOSTILE()}` })),
      orders: view.orders.map((order) => ({ ...order, area: HOSTILE() })),
      check: { holds: false, fault: HOSTILE() },
    }),
    homeSettings: (view) => ({ ...view, name: HOSTILE() }),
    data: (view) => ({
      ...view,
      folder: HOSTILE(),
      snapshots: [],
      backups: [{ path: HOSTILE(), at: "not a time", bytes: 9007199254740991 }],
    }),
    energySlot: (view) => ({
      ...view,
      meters: view.meters.map((meter) => ({ ...meter, id: `${HOSTILE()}${meter.role}` })),
    }),
    meters: (view) => ({
      ...view,
      meters: view.meters.map((meter, index) => ({
        ...meter,
        id: `${HOSTILE()}${meter.id}`,
        serial: HOSTILE(),
        device: { ...meter.device, maker: HOSTILE(), model: HOSTILE(), place: HOSTILE() },
        state: "silent",
        age_s: 9007199254740991,
        trouble: { code: HOSTILE(), message: HOSTILE() },
        values: index === 0 ? null : meter.values,
        warnings: ["wrong_kind", "not_netted", "coarse_counter"],
        requests: { ...meter.requests, troubles: [{ code: HOSTILE(), count: 3 }] },
      })),
      findings: [
        {
          code: "house_negative",
          meters: [HOSTILE()],
          since: "not a time",
          milliwatts: 9007199254740991,
        },
      ],
      profiles: {
        folder: HOSTILE(),
        all: [],
        problems: [{ file: HOSTILE(), line: 3, reason: HOSTILE() }],
      },
    }),
    earnings: (view) => ({
      ...view,
      totals: { ...view.totals, net: "x", sold: "-0", fees: "123456789012345678901" },
    }),
  },
};

function HOSTILE(): string {
  return `<img src=x onerror="window.broken=1"><script>window.broken=1</script>"'&\u202e${"w".repeat(10_000)}`;
}

export async function applyState<K extends keyof Views>(
  state: DemoState,
  name: K,
  view: () => Views[K],
): Promise<Answer<Views[K]>> {
  if (state === "loading" && name !== "frame") return new Promise(() => {});
  if (state === "failed" && name !== "frame") {
    return {
      status: "error",
      error: {
        code: "history",
        message:
          "The history in /home/mara/.local/share/wattle cannot be read: the disk gives an error.",
        hint: "Trading goes on from memory. Check the disk, then start Wattle again; the last good copy is used.",
      },
    };
  }
  if (state === "blocked") {
    return {
      status: "error",
      error: {
        code: "data_newer",
        message:
          "The history in /home/mara/.local/share/wattle was written by a newer version of Wattle.",
        hint: "Start the newer version of Wattle that wrote it.",
      },
    };
  }
  const change = CHANGES[state]?.[name] as ((view: Views[K]) => Views[K]) | undefined;
  return { status: "ok", data: change ? change(view()) : view() };
}
