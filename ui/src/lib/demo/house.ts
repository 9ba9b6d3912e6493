/// The house of the demo: the interface of the app's house, kept by a street that never was.
import type {
  AddMeterAsk,
  HomeSettingsAsk,
  InvitationView,
  StreetView,
  Certainty,
  ContractForm,
  DealProposal,
  DecisionView,
  EarningsDayView,
  EarningsSlot,
  EarningsView,
  EnergyAsk,
  Format,
  FrameView,
  LimitChange,
  NotificationsView,
  NowView,
  OrderView,
  Refusal,
  RuleChangeKind,
  RuleChangeView,
  RulesChangeView,
  RulesView,
  RuleView,
  SideView,
  SlotBar,
  SourcesForm,
  StatementView,
  TotalsView,
  InvertMeterAsk,
  JournalAsk,
  RegistersView,
  ReplaceMeterAsk,
  SearchAsk,
  Told,
  ViewName,
  TradeView,
  VerificationView,
} from "../api/bindings";
import type { Answer, Changes, House } from "../api/house";
import { issuedOf, verified, type Made } from "./statement";
import { DemoContracts } from "./contracts";
import { DemoEnergy, isRecovered, notMeasured } from "./energy";
import { DemoMarket } from "./market";
import { DemoMeters } from "./meters";
import { DemoStart } from "./start";
import { isEvening, rulePast } from "./past";
import { applyState, type DemoState, type Views } from "./states";
import {
  BEGINNING,
  DAY_MS,
  dayOf,
  FEED_IN,
  GATE_MS,
  iso,
  isSettled,
  moneyOf,
  QUARTER_MS,
  RETAIL,
  startOfDay,
  Street,
  type SlotFacts,
} from "./street";

export type DemoOptions = { state: DemoState; speed: number; seed: number; sun: boolean };

/** A sunny Thursday, early afternoon. */
const START = Date.parse("2026-06-18T13:21:10+02:00");
const SPEED = 60;
export const DEMO: DemoOptions = { state: "full", speed: SPEED, seed: 7, sun: true };

const SETTLED_AFTER_MS = 2 * QUARTER_MS;
const FINAL_AFTER_MS = 14 * DAY_MS;
const DECISIONS = 48;
const FUSE_WH = 4_330;

export class DemoHouse implements House {
  readonly #street: Street;
  readonly #options: DemoOptions;
  readonly #energy: DemoEnergy;
  readonly #market: DemoMarket;
  readonly #began = performance.now();
  #rules: RuleView[] = [
    rule("Surplus", "sell", 120_000),
    rule("Evening", "buy", 240_000, "16:00-24:00"),
  ];
  #log: RulesChangeView[] = [
    changed(START - 9 * DAY_MS, "owner", {
      rule: "Surplus",
      what: "limit",
      micros_per_kwh: 120_000,
    }),
    changed(
      BEGINNING,
      "file",
      { rule: "Surplus", what: "added", micros_per_kwh: null },
      { rule: "Evening", what: "added", micros_per_kwh: null },
    ),
  ];
  /** Newest last: from when on a side had which limit. */
  #limits: { from: number; side: SideView; micros: number | null }[] = [
    { from: 0, side: "sell", micros: 120_000 },
    { from: 0, side: "buy", micros: 240_000 },
  ];
  #notifications: NotificationsView = {
    topics: (
      ["meter_silent", "exchange_lost", "log_alarm", "statement_ready", "unusual_day"] as const
    ).map((topic) => ({ topic, on: topic !== "unusual_day" })),
    quiet: { from: "22:00", to: "07:00" },
  };
  #autostart = true;
  readonly #meters: DemoMeters;
  readonly #contracts: DemoContracts;
  readonly #start: DemoStart;
  #visiting = false;
  #stoppedAt: number | null = null;
  #statements = new Map<string, Made>();
  #numbers = 0;
  #listeners = new Set<Parameters<Changes>[0]>();

  constructor(options: Partial<DemoOptions> = {}) {
    this.#options = { ...DEMO, ...options };
    this.#street = new Street(this.#options.seed, this.#options.sun, (start) =>
      this.#limitsAt(start),
    );
    this.#energy = new DemoEnergy(this.#street, {
      sun: this.#options.sun,
      now: () => this.#time(),
      certainty: (start) => this.#certainty(start),
    });
    this.#market = new DemoMarket(this.#street, {
      now: () => this.#time(),
      orders: (start) => this.#orders(start),
      certainty: (start) => this.#certainty(start),
      limits: (start) => this.#limitsAt(start),
    });
    this.#meters = new DemoMeters(this.#street, {
      sun: this.#options.sun,
      now: () => this.#time(),
      counted: (role, until) => this.#energy.counted(role, until),
      changed: () => this.#tell("meters"),
    });
    this.#contracts = new DemoContracts(this.#street, {
      now: () => this.#time(),
      changed: () => this.#tell("contracts", "outlook", "rules"),
    });
    this.#start = new DemoStart(this.#options.state === "new", () => this.#time());
    if (!this.#options.sun) {
      this.#rules = [rule("Neighbours first", "buy", 240_000)];
      this.#limits = [{ from: 0, side: "buy", micros: 240_000 }];
      this.#log = [];
    }
    if (this.#options.state === "stopped") this.#stoppedAt = START;
  }

  onChanged: Changes = (listener) => {
    this.#listeners.add(listener);
    const timer = setInterval(() => listener(["frame", "now", "meters"]), 1000);
    let slot = this.#slotNow();
    const slots = setInterval(() => {
      if (this.#slotNow() === slot) return;
      slot = this.#slotNow();
      listener(["energy", "rules", "market", "earnings"]);
    }, 500);
    return () => {
      this.#listeners.delete(listener);
      clearInterval(timer);
      clearInterval(slots);
    };
  };

  frame = () => this.#answer("frame", () => this.#frame());
  now = () => this.#answer("now", () => this.#now());
  energy = (asked: EnergyAsk) =>
    this.#answer("energy", () => this.#energy.period(asked.period, asked.day));
  energySlot = (slot: string) => this.#answer("energySlot", () => this.#energy.slot(slot));
  rules = () => this.#answer("rules", () => this.#rulesView());
  market = () => this.#answer("market", () => this.#market.market());
  marketBook = (slot: string) => this.#answer("marketBook", () => this.#market.book(slot));
  proposeDeal = (proposal: DealProposal) =>
    this.#answer("market", () => this.#market.propose(proposal));
  acceptDeal = (deal: string) => this.#answer("market", () => this.#market.accept(deal));
  notifications = () => this.#answer("notifications", () => this.#notifications);
  setNotifications = (wanted: NotificationsView) => {
    this.#notifications = wanted;
    return this.notifications();
  };
  autostart = () => this.#answer("autostart", () => this.#autostart);
  setAutostart = (on: boolean) => {
    this.#autostart = on;
    return this.autostart();
  };
  endDeal = (deal: string) => this.#answer("market", () => this.#market.end(deal));
  withdrawOrder = (order: string) => this.#answer("market", () => this.#market.withdraw(order));
  outlook = () =>
    this.#answer("outlook", () =>
      this.#contracts.outlook(this.#slotNow(), (start) => this.#limitsAt(start)),
    );
  contracts = () => this.#answer("contracts", () => this.#contracts.view());
  saveContract = (contract: ContractForm) => this.#did(this.#contracts.save(contract));
  dropContract = (validFrom: string) => this.#did(this.#contracts.drop(validFrom));
  previewContract = (contract: ContractForm, day: string) =>
    this.#answer("previewContract", () => this.#contracts.preview(contract, day));
  sources = () => this.#answer("sources", () => this.#contracts.sources());
  saveSources = (sources: SourcesForm) => this.#did(this.#contracts.choose(sources));
  rulePast = (name: string) =>
    this.#answer("rulePast", () =>
      rulePast(this.#street, this.#rules, name, this.#slotNow(), (start) =>
        isEvening(start, this.#options.sun),
      ),
    );
  earnings = (month: string | null) =>
    this.#answer("earnings", () => this.#month(month ?? dayOf(this.#time()).slice(0, 7)));
  earningsDay = (day: string) => this.#answer("earningsDay", () => this.#day(day));

  statement = async (month: string): Promise<Answer<StatementView>> =>
    this.#answer("statement", () => {
      const made = this.#statements.get(month);
      return { month, issued: made ? issuedOf(made) : null };
    });

  async makeStatement(month: string): Promise<Answer<StatementView>> {
    const { totals, next } = this.#month(month);
    const days = new Date(Date.UTC(+month.slice(0, 4), +month.slice(5), 0)).getUTCDate();
    this.#statements.set(month, {
      number: ++this.#numbers,
      at: this.#time(),
      whole: next !== null,
      totals,
      slots: days * 96,
    });
    return this.statement(month);
  }

  verifyStatement = async (): Promise<Answer<VerificationView>> => ({
    status: "ok",
    data: verified(),
  });

  /** The demo's statement is read, not proved: it has no log. */
  saveStatement = async (month: string, format: Format): Promise<Answer<string>> => ({
    status: "ok",
    data: `Downloads/statement-${month}.${format}`,
  });

  meters = () => this.#answer("meters", () => this.#meters.view());
  meterSetup = () => this.#answer("meterSetup", () => this.#meters.setup());
  meterJournal = (meter: string) => this.#answer("meterJournal", () => this.#meters.journal(meter));
  async meterRegisters(meter: string): Promise<Answer<RegistersView>> {
    const registers = this.#meters.registers(meter);
    return registers
      ? this.#answer("meterRegisters", () => registers)
      : refuse("unknown_meter", "This home has no such meter any more.", "Open the page again.");
  }
  startSearch = (asked: SearchAsk) => this.#did(this.#meters.startSearch(asked));
  cancelSearch = () => this.#did(this.#meters.cancelSearch());
  startCheck = (find: number) => this.#did(this.#meters.startCheck(find));
  tellCheck = (told: Told) => this.#did(this.#meters.tell(told));
  endCheck = () => this.#did(this.#meters.endCheck());
  addMeter = (asked: AddMeterAsk) => this.#did(this.#meters.add(asked));
  replaceMeter = (asked: ReplaceMeterAsk) => this.#did(this.#meters.replace(asked));
  invertMeter = (asked: InvertMeterAsk) => this.#did(this.#meters.invert(asked));
  removeMeter = (meter: string) => this.#did(this.#meters.remove(meter));
  reverseEntry = (asked: JournalAsk) => this.#did(this.#meters.reverse(asked));

  homeSettings = () => this.#answer("homeSettings", () => this.#start.home());
  async setHome(asked: HomeSettingsAsk) {
    const refusal = this.#start.setHome(asked);
    if (refusal) return { status: "error", error: refusal } as const;
    this.#tell("frame");
    return this.homeSettings();
  }
  async reopenHome(): Promise<Answer<null>> {
    this.#tell();
    return { status: "ok", data: null };
  }
  data = () => this.#answer("data", () => this.#start.data());
  backUp = async (): Promise<Answer<string>> => ({ status: "ok", data: this.#start.backUp() });
  restoreBackup = async (path: string): Promise<Answer<string | null>> =>
    path.endsWith(".sqlite")
      ? { status: "ok", data: "/home/mara/.local/share/wattle/home/history.sqlite.aside" }
      : refuse("history", `${path} is no history of Wattle.`, "Choose another file.");
  openDataFolder = async (): Promise<Answer<null>> =>
    refuse("no_file_manager", "A browser opens no folder.", "In the app it is opened.");

  async invitation(code: string): Promise<Answer<InvitationView>> {
    const said = this.#start.invitation(code);
    return "code" in said ? { status: "error", error: said } : { status: "ok", data: said };
  }
  joinMarket = async (): Promise<Answer<null>> => ({ status: "ok", data: null });
  async finishStart(): Promise<Answer<null>> {
    this.#start.finish();
    this.#tell();
    return { status: "ok", data: null };
  }
  street = async (): Promise<Answer<StreetView>> => ({
    status: "ok",
    data: { available: true, visiting: this.#visiting },
  });
  async lookAround(): Promise<Answer<null>> {
    this.#visiting = true;
    this.#tell();
    return { status: "ok", data: null };
  }
  async leaveStreet(): Promise<Answer<null>> {
    this.#visiting = false;
    this.#tell();
    return { status: "ok", data: null };
  }

  /** A browser has no folder to choose: it puts the file where it puts all downloads. */
  async saveCsv(name: string, text: string): Promise<Answer<string>> {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
    return { status: "ok", data: name };
  }

  async setLimit(change: LimitChange): Promise<Answer<null>> {
    const found = this.#rules.find(({ name }) => name === change.rule);
    if (!found)
      return refuse("unknown_rule", `There is no rule "${change.rule}".`, "Open the page again.");
    const worse =
      found.side === "sell" ? change.micros_per_kwh < FEED_IN : change.micros_per_kwh > RETAIL;
    if (worse && !change.confirmed) {
      return refuse(
        "worse_than_contract",
        "The price is worse than your contract.",
        "Confirm it or choose another.",
      );
    }
    this.#write(found, {
      limit: { kind: "at", micros_per_kwh: change.micros_per_kwh },
      limit_micros_per_kwh: change.micros_per_kwh,
      worse_than_contract: worse,
    });
    return { status: "ok", data: null };
  }

  async setRuleEnabled(name: string, enabled: boolean): Promise<Answer<null>> {
    const found = this.#rules.find((rule) => rule.name === name);
    if (!found)
      return refuse("unknown_rule", `There is no rule "${name}".`, "Open the page again.");
    this.#write(found, { enabled });
    return { status: "ok", data: null };
  }

  async stopTrading(): Promise<Answer<null>> {
    this.#stoppedAt = this.#time();
    this.#tell();
    return { status: "ok", data: null };
  }

  async resumeTrading(): Promise<Answer<null>> {
    this.#stoppedAt = null;
    this.#tell();
    return { status: "ok", data: null };
  }

  #write(rule: RuleView, change: Partial<RuleView>): void {
    const next = { ...rule, ...change };
    this.#rules = this.#rules.map((each) => (each.name === rule.name ? next : each));
    const micros = next.enabled ? next.limit_micros_per_kwh : null;
    this.#limits.push({ from: this.#gateNow(), side: rule.side, micros });
    const what: RuleChangeKind =
      next.enabled === rule.enabled ? "limit" : next.enabled ? "switched_on" : "switched_off";
    const price = what === "limit" ? next.limit_micros_per_kwh : null;
    const entry = { rule: rule.name, what, micros_per_kwh: price };
    this.#log = [changed(this.#time(), "owner", entry), ...this.#log];
    this.#tell();
  }

  #tell(...views: ViewName[]): void {
    const told: ViewName[] = views.length > 0 ? views : ["frame", "now", "rules", "market"];
    for (const listener of this.#listeners) listener(told);
  }

  /** Something about the meters was done, unless it was refused. */
  async #did(outcome: Refusal | null | void): Promise<Answer<null>> {
    if (outcome) return { status: "error", error: outcome };
    this.#tell("meters");
    return { status: "ok", data: null };
  }

  async #answer<K extends keyof Views>(name: K, view: () => Views[K]): Promise<Answer<Views[K]>> {
    return applyState(this.#options.state, name, view);
  }

  #time = (): number => START + (performance.now() - this.#began) * this.#options.speed;
  #slotNow = (): number => Math.floor(this.#time() / QUARTER_MS) * QUARTER_MS;
  /** The first slot whose gate is open. */
  #gateNow = (): number => (Math.floor((this.#time() + GATE_MS) / QUARTER_MS) + 1) * QUARTER_MS;

  #limitsAt(start: number): { sell: number | null; buy: number | null } {
    const of = (side: SideView) =>
      this.#limits.findLast((limit) => limit.side === side && limit.from <= start)?.micros ?? null;
    return { sell: of("sell"), buy: isEvening(start, this.#options.sun) ? of("buy") : null };
  }

  #frame(): FrameView {
    const now = this.#time();
    const slot = this.#slotNow();
    const stopped = this.#stoppedAt;
    const bound =
      stopped === null
        ? []
        : [this.#slotNow(), this.#slotNow() + QUARTER_MS].filter(
            (start) => start < stopped + GATE_MS && start + QUARTER_MS > now,
          );
    return {
      home_name: this.#visiting ? "Wattle Street 1" : this.#start.home().name,
      currency: this.#start.home().currency,
      zone: this.#start.home().zone,
      market_time: iso(now),
      speed: this.#options.speed,
      simulated: true,
      new_home: this.#start.isNew && !this.#visiting,
      meter: { state: "fresh", age_s: 4, trouble: null },
      exchange: {
        state: "connected",
        market_name: "Acacia Street market",
        waiting: 0,
        missed_orders: 0,
        trouble: null,
        last_contact: iso(now - 2_000),
      },
      log: {
        state: "verified",
        verified_at: iso(slot - 60_000),
        entries: Math.floor((slot - BEGINNING) / QUARTER_MS) * 41,
        alarm: null,
      },
      trading: {
        state: stopped === null ? "running" : "stopped",
        bound_slots: bound.map(iso),
        held_by: null,
      },
      notices: [],
    };
  }

  #now(): NowView {
    const now = this.#time();
    const slot = this.#slotNow();
    const flows = this.#street.flows(now);
    const last = this.#street.slot(slot - SETTLED_AFTER_MS);
    const share =
      last.exportMwh + last.importMwh > 0
        ? ((last.soldWh + last.boughtWh) * 1000) / Math.max(last.exportMwh, last.importMwh, 1)
        : 0;
    const expected = Math.round(Math.abs(flows.grid) * Math.min(1, share));
    const part = (now - slot) / QUARTER_MS;
    const running = this.#street.slot(slot);
    const day = startOfDay(dayOf(now));
    const bars = Array.from({ length: 96 }, (_, i) => this.#bar(day + i * QUARTER_MS));
    const settled = bars.filter((bar) => bar.certainty === "settled");
    const totals = sumTotals(settled.map((bar) => this.#street.slot(Date.parse(bar.slot))));
    return {
      at: iso(now),
      flows: {
        read_at: iso(now - 2_000),
        sun_milliwatts: this.#options.sun ? flows.sun : null,
        house_milliwatts: flows.house,
        battery_milliwatts: this.#options.sun ? flows.battery : null,
        grid_milliwatts: flows.grid,
      },
      prices: {
        retail_micros_per_kwh: RETAIL,
        feed_in_micros_per_kwh: FEED_IN,
        last_cleared_micros_per_kwh: last.price,
        last_cleared_slot: iso(last.start),
      },
      expected: {
        to_neighbours_milliwatts: flows.grid < 0 ? expected : null,
        from_neighbours_milliwatts: flows.grid > 0 ? expected : null,
      },
      quarter: {
        slot: iso(slot),
        ends: iso(slot + QUARTER_MS),
        import_milliwatt_hours: Math.round(running.importMwh * part),
        export_milliwatt_hours: Math.round(running.exportMwh * part),
        orders: this.#orders(slot),
      },
      today: {
        bars,
        earned: totals.earned,
        saved: totals.saved,
        sold_wh: totals.sold_wh,
        bought_wh: totals.bought_wh,
        settled_slots: settled.length,
        provisional_slots: bars.filter((bar) => bar.certainty === "provisional").length,
      },
      has_sun: this.#options.sun,
      has_battery: this.#options.sun,
    };
  }

  #certainty(start: number): Certainty {
    const age = this.#time() - (start + QUARTER_MS);
    if (age < 0) return "expected";
    if (age < SETTLED_AFTER_MS - QUARTER_MS) return "provisional";
    return age > FINAL_AFTER_MS ? "final" : "settled";
  }

  #bar(start: number): SlotBar {
    const certainty = this.#certainty(start);
    const bare: SlotBar = {
      slot: iso(start),
      certainty,
      quality: null,
      import_milliwatt_hours: null,
      export_milliwatt_hours: null,
      sun_milliwatt_hours: null,
      sold_wh: null,
      bought_wh: null,
      price_micros_per_kwh: null,
      retail_micros_per_kwh: RETAIL,
      feed_in_micros_per_kwh: FEED_IN,
    };
    if (certainty === "expected") return bare;
    const facts = this.#street.slot(start);
    const measured: SlotBar = {
      ...bare,
      quality: isRecovered(start) ? "recovered" : "measured",
      import_milliwatt_hours: facts.importMwh,
      export_milliwatt_hours: facts.exportMwh,
      sun_milliwatt_hours: this.#options.sun ? facts.sun : null,
    };
    if (certainty === "provisional") return measured;
    return {
      ...measured,
      sold_wh: facts.soldWh,
      bought_wh: facts.boughtWh,
      price_micros_per_kwh: facts.price,
    };
  }

  #orders(start: number): OrderView[] {
    const { sell, buy } = this.#limitsAt(start);
    const now = this.#time();
    const bound = start - GATE_MS <= now;
    if (this.#stoppedAt !== null && start - GATE_MS > this.#stoppedAt) return [];
    const state = bound ? "bound" : "open";
    const order = (side: SideView, limit: number | null): OrderView[] =>
      limit === null
        ? []
        : [
            {
              id: `${side}-${start}`,
              slot: iso(start),
              side,
              quantity_wh: FUSE_WH,
              limit_micros_per_kwh: limit,
              state,
              problem: null,
              filled_wh: null,
            },
          ];
    return [...order("sell", sell), ...order("buy", buy)];
  }

  #rulesView(): RulesView {
    const gate = this.#gateNow();
    return {
      rules: this.#rules,
      retail_micros_per_kwh: RETAIL,
      feed_in_micros_per_kwh: FEED_IN,
      ahead: [0, 1, 2, 3].flatMap((i) => this.#orders(gate + i * QUARTER_MS)),
      decisions: Array.from(
        { length: DECISIONS },
        (_, i) => this.#slotNow() - i * QUARTER_MS,
      ).flatMap((start) => this.#decisions(start)),
      log: this.#log,
    };
  }

  #decisions(start: number): DecisionView[] {
    const limits = this.#limitsAt(start);
    const settled = isSettled(this.#certainty(start));
    const facts = this.#street.slot(start);
    const of = (side: SideView): DecisionView => {
      const limit = limits[side];
      const traded = side === "sell" ? facts.soldWh : facts.boughtWh;
      const rule = this.#rules.find((each) => each.side === side);
      const outside = side === "buy" && rule?.enabled;
      return {
        slot: iso(start),
        side,
        verdict: limit === null ? "none" : side === "sell" ? "offer" : "bid",
        rule: limit === null ? null : (rule?.name ?? null),
        limit_micros_per_kwh: limit,
        reasons:
          limit === null
            ? outside
              ? [
                  {
                    code: "outside_hours",
                    numbers: [
                      { name: "rule_number", value: 2 },
                      { name: "minute_of_day", value: 0 },
                      { name: "from_minute", value: 960 },
                      { name: "to_minute", value: 1440 },
                    ],
                  },
                ]
              : [
                  {
                    code: "rule_disabled",
                    numbers: [{ name: "rule_number", value: side === "sell" ? 1 : 2 }],
                  },
                ]
            : [
                {
                  code: "limit_at",
                  numbers: [{ name: "limit_price_micros_per_kwh", value: limit }],
                },
                { code: "fuse_bounds", numbers: [{ name: "fuse_wh", value: FUSE_WH }] },
              ],
        order:
          limit === null
            ? null
            : {
                id: `${side}-${start}`,
                slot: iso(start),
                side,
                quantity_wh: FUSE_WH,
                limit_micros_per_kwh: limit,
                state: settled ? "cleared" : "bound",
                problem: null,
                filled_wh: settled ? traded : null,
              },
        price_micros_per_kwh: settled ? facts.price : null,
        traded_wh: settled && limit !== null ? traded : null,
        settled,
      };
    };
    return this.#options.sun ? [of("sell"), of("buy")] : [of("buy")];
  }

  #month(month: string): EarningsView {
    const today = dayOf(this.#time());
    const days: EarningsView["days"] = [];
    const settled: SlotFacts[] = [];
    for (
      let day = startOfDay(`${month}-01`);
      dayOf(day).startsWith(month) && dayOf(day) <= today;
      day += DAY_MS
    ) {
      const facts = this.#settledOf(dayOf(day));
      if (facts.length > 0) days.push({ day: dayOf(day), totals: sumTotals(facts) });
      settled.push(...facts);
    }
    const first = dayOf(BEGINNING).slice(0, 7);
    return {
      month,
      previous: month > first ? shiftMonth(month, -1) : null,
      next: month < today.slice(0, 7) ? shiftMonth(month, 1) : null,
      totals: sumTotals(settled),
      days,
      provisional_slots: month === today.slice(0, 7) ? 1 : 0,
    };
  }

  #settledOf(day: string): SlotFacts[] {
    return quartersOf(day)
      .filter((start) => isSettled(this.#certainty(start)))
      .filter((start) => !notMeasured(start))
      .map((start) => this.#street.slot(start));
  }

  #day(day: string): EarningsDayView {
    const facts = this.#settledOf(day);
    const slots = facts.map((each): EarningsSlot => ({
      slot: iso(each.start),
      certainty: this.#certainty(each.start),
      quality: "measured",
      price_micros_per_kwh: each.price,
      totals: sumTotals([each]),
      trades: tradesOf(each),
      version: 1,
    }));
    return { day, totals: sumTotals(facts), slots };
  }
}

function tradesOf(facts: SlotFacts): TradeView[] {
  const trade = (side: SideView, energy: number, sign: bigint): TradeView[] =>
    energy === 0 || facts.price === null
      ? []
      : [
          {
            order: `${side}-${facts.start}`,
            side,
            energy_wh: energy,
            price_micros_per_kwh: facts.price,
            amount: (sign * BigInt(energy * facts.price)).toString(),
          },
        ];
  return [...trade("sell", facts.soldWh, 1n), ...trade("buy", facts.boughtWh, -1n)];
}

function sumTotals(slots: readonly SlotFacts[]): TotalsView {
  const sum = (of: (facts: SlotFacts) => number) =>
    slots.reduce((total, facts) => total + of(facts), 0);
  const money = (of: (amounts: ReturnType<typeof moneyOf>) => bigint) =>
    slots.reduce((total, facts) => total + of(moneyOf(facts)), 0n).toString();
  return {
    sold_wh: sum((f) => f.soldWh),
    sold: money((m) => m.sold),
    to_grid_wh: sum((f) => f.toGridWh),
    to_grid: money((m) => m.toGrid),
    bought_wh: sum((f) => f.boughtWh),
    bought: money((m) => m.bought),
    from_grid_wh: sum((f) => f.fromGridWh),
    from_grid: money((m) => m.fromGrid),
    fees: money((m) => m.fees),
    net: money((m) => m.sold + m.toGrid + m.bought + m.fromGrid + m.fees),
    utility_only: money((m) => m.utilityOnly),
    earned: money((m) => m.earned),
    saved: money((m) => m.saved),
    slots: slots.length,
    measured_slots: slots.length,
  };
}

const changed = (at: number, who: string, ...changes: RuleChangeView[]): RulesChangeView => ({
  at: iso(at),
  who,
  changes,
});

function rule(name: string, side: SideView, micros: number, hours: string | null = null): RuleView {
  return {
    name,
    side,
    enabled: true,
    limit: { kind: "at", micros_per_kwh: micros },
    limit_micros_per_kwh: micros,
    hours,
    days: [],
    cap_wh_per_day: null,
    worse_than_contract: false,
  };
}

const quartersOf = (day: string): number[] =>
  Array.from({ length: 96 }, (_, i) => startOfDay(day) + i * QUARTER_MS);

function shiftMonth(month: string, by: number): string {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7);
}

function refuse(code: string, message: string, hint: string): Answer<never> {
  const error: Refusal = { code, message, hint };
  return { status: "error", error };
}
