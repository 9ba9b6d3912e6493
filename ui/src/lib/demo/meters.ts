/// The demo's meters: three that are read, and one on the network that waits to be found.
import type {
  AddMeterAsk,
  MeterCheckView,
  DeviceView,
  FindView,
  InvertMeterAsk,
  JournalAsk,
  JournalEntry,
  JournalView,
  MeterDayView,
  MetersView,
  MeterView,
  Refusal,
  RegisterRow,
  RegistersView,
  ReplaceMeterAsk,
  RoleView,
  SearchAsk,
  SearchView,
  SetupView,
  SignView,
  Told,
  ValuesView,
} from "../api/bindings";
import { DAY_MS, dayOf, iso, QUARTER_MS, startOfDay, type Street } from "./street";

/** Market milliseconds between two readings. */
const EVERY_S = 10;
/** How long the demo's search knocks at addresses, in real milliseconds. */
const SEARCH_MS = 2_400;
const FOUND_AFTER_MS = 900;

type Setting = {
  sun: boolean;
  now: () => number;
  /** Energy of a meter's counters up to an instant. */
  counted: (role: RoleView, until: number) => { import: number; export: number };
  changed: () => void;
};
type Owned = {
  id: string;
  role: RoleView;
  device: DeviceView;
  serial: string;
  inverted: boolean;
  since: number;
};

export class DemoMeters {
  #owned: Owned[];
  readonly #journals = new Map<string, JournalEntry[]>();
  #search: { ask: SearchAsk; at: number; began: number; cancelled: boolean } | null = null;
  #check: { find: FindView; at: number; evidence: MeterCheckView["evidence"] } | null = null;
  #entries = 0;

  constructor(
    private readonly street: Street,
    private readonly setting: Setting,
  ) {
    const roles: RoleView[] = setting.sun ? ["grid", "solar", "battery"] : ["grid"];
    this.#owned = roles.map((role) => ({
      id: role,
      role,
      device: DEVICES[role],
      serial: SERIALS[role],
      inverted: false,
      since: 0,
    }));
    for (const role of roles) this.#journals.set(role, journalOf(role));
  }

  view(): MetersView {
    return {
      at: iso(this.setting.now()),
      meters: this.#owned.map((owned) => this.#meter(owned)),
      findings: [],
      profiles: { folder: "/home/mara/.config/wattle/profiles", all: [], problems: [] },
      changeable: true,
    };
  }

  setup(): SetupView {
    return {
      ports: [
        {
          path: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
          name: "FTDI FT232R USB UART A50285BI",
          stable: true,
          used_by: this.#owned.some(({ id }) => id === "battery") ? "battery" : null,
          trouble: null,
        },
      ],
      networks: [{ network: "192.168.1.0/24", interface: "enp3s0", addresses: 254 }],
      search: this.#searchView(),
      check: this.#checkView(),
    };
  }

  startSearch(ask: SearchAsk): Refusal | null {
    if (ask.hosts.length + ask.ports.length + ask.networks.length === 0) {
      return refusal(
        "nowhere_to_look",
        "No place to look was named.",
        "Choose an adapter, or name an address.",
      );
    }
    this.#search = {
      ask,
      at: this.setting.now(),
      began: performance.now(),
      cancelled: false,
    };
    this.#check = null;
    const told = setInterval(() => {
      this.setting.changed();
      if (this.#searchView()?.state !== "running") clearInterval(told);
    }, 200);
    return null;
  }

  cancelSearch(): void {
    if (this.#search) this.#search.cancelled = true;
  }

  startCheck(number: number): Refusal | null {
    const find = this.#searchView()?.finds.find((each) => each.number === number);
    if (!find)
      return refusal("unknown_find", "That find is of an earlier search.", "Search again.");
    this.#check = { find, at: this.setting.now(), evidence: [] };
    return null;
  }

  /** The heater that is switched on takes 2 kW, and the demo's new meter counts it the right way round. */
  tell(told: Told): void {
    if (!this.#check) return;
    const before = this.#power("grid");
    const off = told === "switched_off";
    this.#check.evidence.push({
      told,
      at: iso(this.setting.now()),
      before_milliwatts: before,
      after_milliwatts: before + (off ? -2_000_000 : 2_000_000),
      sign: "right",
    });
  }

  endCheck(): void {
    this.#check = null;
  }

  add(ask: AddMeterAsk): Refusal | null {
    const find = this.#searchView()?.finds.find((each) => each.number === ask.find);
    if (!find)
      return refusal("unknown_find", "That find is of an earlier search.", "Search again.");
    const taken = this.#owned.find(({ role }) => role === ask.role);
    if (taken) {
      return refusal(
        "role_taken",
        `The meter "${taken.id}" measures that already.`,
        "Replace that meter, or choose what else this one measures.",
      );
    }
    const id = ask.role;
    this.#owned.push({
      id,
      role: ask.role,
      device: find.device,
      serial: find.serial ?? "",
      inverted: ask.inverted,
      since: this.setting.now(),
    });
    this.#note(id, { kind: "added", serial: find.serial });
    this.#check = null;
    return null;
  }

  replace(ask: ReplaceMeterAsk): Refusal | null {
    const owned = this.#find(ask.meter);
    if (!owned) return unknown(ask.meter);
    const find = this.#searchView()?.finds.find((each) => each.number === ask.find);
    if (find) [owned.device, owned.serial] = [find.device, find.serial ?? ""];
    owned.inverted = ask.inverted;
    this.#note(ask.meter, {
      kind: "replaced",
      serial: ask.serial ?? find?.serial ?? null,
      before_milliwatt_hours: wh(ask.old_import_wh),
      after_milliwatt_hours: wh(ask.new_import_wh),
    });
    this.#check = null;
    return null;
  }

  invert(ask: InvertMeterAsk): Refusal | null {
    const owned = this.#find(ask.meter);
    if (!owned) return unknown(ask.meter);
    owned.inverted = !owned.inverted;
    this.#note(ask.meter, { kind: "inverted", ...(ask.since ? { at: ask.since } : {}) });
    return null;
  }

  remove(id: string): Refusal | null {
    if (!this.#find(id)) return unknown(id);
    this.#owned = this.#owned.filter((owned) => owned.id !== id);
    return null;
  }

  registers(id: string): RegistersView | null {
    const owned = this.#find(id);
    return owned
      ? { meter: id, read_at: iso(this.#readAt()), rows: rowsOf(this.#values(owned.role)) }
      : null;
  }

  journal(id: string): JournalView {
    return { meter: id, entries: [...(this.#journals.get(id) ?? [])] };
  }

  reverse({ meter, entry }: JournalAsk): Refusal | null {
    const found = this.#journals.get(meter)?.find((each) => each.entry === entry);
    if (!found) return unknown(meter);
    [found.reversed, found.reversible] = [true, false];
    const person = ["added", "removed", "replaced", "inverted"].includes(found.kind);
    if (found.kind === "inverted") {
      const owned = this.#find(meter);
      if (owned) owned.inverted = !owned.inverted;
    }
    this.#note(meter, {
      kind: person ? "undone" : "reversed",
      register: found.register,
      booked_milliwatt_hours:
        found.booked_milliwatt_hours === null ? null : -found.booked_milliwatt_hours,
      reversible: false,
    });
    return null;
  }

  #find = (id: string) => this.#owned.find((owned) => owned.id === id);

  #note(meter: string, entry: Partial<JournalEntry> & Pick<JournalEntry, "kind">): void {
    const now = iso(this.setting.now());
    const entries = this.#journals.get(meter) ?? [];
    const noted = { ...EMPTY_ENTRY, at: now, made_at: now, ...entry };
    entries.unshift({ ...noted, entry: `${meter}-new-${(this.#entries += 1)}` });
    this.#journals.set(meter, entries);
  }

  #readAt(): number {
    return Math.floor(this.setting.now() / (EVERY_S * 1000)) * EVERY_S * 1000;
  }

  #power(role: RoleView): number {
    const { grid, sun, battery } = this.street.flows(this.setting.now());
    return { grid, solar: sun, battery }[role];
  }

  #values(role: RoleView): ValuesView {
    const at = this.#readAt();
    const power = this.#power(role);
    const counted = this.setting.counted(role, at);
    const phases = [0.41, 0.33, 0.26].map((share) => Math.round(power * share));
    const volts = [231_400, 230_100, 232_700];
    return {
      at: iso(at),
      power_milliwatts: power,
      import_milliwatt_hours: counted.import,
      export_milliwatt_hours: role === "solar" ? null : counted.export,
      phase_power_milliwatts: phases,
      voltage_millivolts: volts,
      current_milliamperes: phases.map((phase, index) =>
        Math.round(Math.abs(phase) / ((volts[index] ?? 230_000) / 1000)),
      ),
      frequency_millihertz: 50_010,
    };
  }

  #meter({ id, role, device, serial, inverted, since }: Owned): MeterView {
    const readings = Math.max(
      1,
      Math.floor((this.setting.now() - since) / (EVERY_S * 1000)) % 60_480,
    );
    const failed = role === "battery" ? Math.floor(readings / 240) : 0;
    return {
      id,
      role,
      device,
      serial,
      inverted,
      netting: "meter",
      state: "fresh",
      age_s: Math.floor((this.setting.now() - this.#readAt()) / 1000),
      trouble: null,
      values: this.#values(role),
      flags: [],
      warnings: [],
      every_s: EVERY_S,
      resolution_milliwatt_hours: role === "battery" ? 10_000 : 1_000,
      requests: {
        readings,
        good: readings - failed,
        error_share: failed / readings,
        late: 0,
        noise_bytes: 0,
        troubles: failed > 0 ? [{ code: "timeout", count: failed }] : [],
      },
      days: since > 0 ? [] : this.#days(role),
    };
  }

  #days(role: RoleView): MeterDayView[] {
    const today = startOfDay(dayOf(this.setting.now()));
    return Array.from({ length: 7 }, (_, index) => {
      const from = today - (6 - index) * DAY_MS;
      const until = Math.min(from + DAY_MS, this.setting.now());
      const slots = Math.floor((until - from) / QUARTER_MS);
      const recovered = slots > 38 ? 1 : 0;
      const before = this.setting.counted(role, from);
      const after = this.setting.counted(role, until);
      return {
        day: dayOf(from),
        import_milliwatt_hours: after.import - before.import,
        export_milliwatt_hours: role === "solar" ? null : after.export - before.export,
        slots,
        measured: slots - recovered,
        recovered,
        estimated: 0,
        partial: 0,
        missing: 0,
        coverage: slots > 0 ? (slots - recovered) / slots : null,
      };
    });
  }

  #searchView(): SearchView | null {
    if (!this.#search) return null;
    const { ask, at, began, cancelled } = this.#search;
    const elapsed = performance.now() - began;
    const total = ask.ports.length + ask.hosts.length + ask.networks.length * 254;
    const share = Math.min(1, elapsed / SEARCH_MS);
    const done = Math.floor(total * share);
    return {
      state: cancelled ? "cancelled" : share < 1 ? "running" : "done",
      started_at: iso(at),
      trying: share < 1 && !cancelled ? (ask.hosts[0] ?? `192.168.1.${1 + (done % 254)}`) : null,
      done,
      total,
      finds: elapsed > FOUND_AFTER_MS ? this.#finds(ask) : [],
      failures: [],
    };
  }

  #finds(ask: SearchAsk): FindView[] {
    const found: FindView[] = [];
    if (ask.ports.length > 0 && this.setting.sun) found.push(this.#asFind("battery", 1, "battery"));
    if (ask.networks.length + ask.hosts.length > 0) {
      found.push(this.#asFind("grid", 2, "grid"));
      found.push({ ...this.#asFind("solar", 3, null), device: NEW_DEVICE, serial: "23140087" });
      // A hybrid inverter: its grid meter and its roof.
      for (const [number, kind] of [
        [4, "grid"],
        [5, "solar"],
      ] as const)
        found.push({
          ...this.#asFind("solar", number, null),
          kind,
          device: HYBRID,
          serial: null,
          values: this.#values(kind),
        });
    }
    return found;
  }

  /** A device that is one of the house's by now says so. */
  #asFind(role: RoleView, number: number, id: string | null): FindView {
    return {
      number,
      device: DEVICES[role],
      kind: role === "solar" ? "grid" : role,
      serial: SERIALS[role],
      confidence: role === "battery" ? 0.74 : 0.98,
      values: this.#values(role === "solar" ? "grid" : role),
      flags: [],
      nets_phases: true,
      known_as: this.#owned.find((owned) => owned.id === id)?.id ?? null,
    };
  }

  #checkView(): MeterCheckView | null {
    if (!this.#check) return null;
    const { find, at, evidence } = this.#check;
    const readings = Math.max(1, Math.floor((this.setting.now() - at) / 1000));
    return {
      find,
      values: this.#values(find.kind),
      age_s: 1,
      trouble: null,
      readings,
      failed: 0,
      sign: evidence.at(-1)?.sign ?? ("unproven" satisfies SignView),
      energy: readings > 600 ? "agrees" : "too_early",
      evidence,
    };
  }
}

const wh = (value: number | null): number | null => (value === null ? null : value * 1000);
const refusal = (code: string, message: string, hint: string): Refusal => ({ code, message, hint });
const unknown = (meter: string): Refusal =>
  refusal("unknown_meter", `This home has no meter "${meter}" any more.`, "Open the page again.");

const DEVICES: Record<RoleView, DeviceView> = {
  grid: {
    profile: "eastron-sdm630",
    maker: "Eastron",
    model: "SDM630",
    protocol: "modbus",
    way: "gateway",
    place: "192.168.1.31:8899",
    line: null,
    unit: 1,
    instance: null,
  },
  solar: {
    profile: "sunspec-inverter",
    maker: "SunSpec",
    model: "inverter",
    protocol: "sunspec",
    way: "network",
    place: "192.168.1.40:502",
    line: null,
    unit: 126,
    instance: null,
  },
  battery: {
    profile: "carlo-gavazzi-em340",
    maker: "Carlo Gavazzi",
    model: "EM340",
    protocol: "modbus",
    way: "serial",
    place: "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
    line: "9600 8N1",
    unit: 1,
    instance: null,
  },
};
const NEW_DEVICE: DeviceView = {
  profile: "shelly-pro-3em",
  maker: "Shelly",
  model: "Pro 3EM",
  protocol: "modbus",
  way: "network",
  place: "192.168.1.57:502",
  line: null,
  unit: 1,
  instance: null,
};
const HYBRID: DeviceView = {
  profile: "huawei-sun2000",
  maker: "Huawei",
  model: "SUN2000",
  protocol: "modbus",
  way: "network",
  place: "192.168.1.44:502",
  line: null,
  unit: 1,
  instance: null,
};
const SERIALS: Record<RoleView, string> = {
  grid: "21074413",
  solar: "7E1839C2",
  battery: "KA0210",
};

const EMPTY_ENTRY: JournalEntry = {
  entry: "",
  kind: "gap",
  register: null,
  at: "",
  made_at: null,
  before_milliwatt_hours: null,
  after_milliwatt_hours: null,
  booked_milliwatt_hours: null,
  serial: null,
  reversible: true,
  reversed: false,
};

function journalOf(role: RoleView): JournalEntry[] {
  if (role !== "grid") return [];
  return [
    {
      ...EMPTY_ENTRY,
      entry: "grid-1",
      kind: "reset",
      register: "import",
      at: "2026-05-12T07:44:20Z",
      before_milliwatt_hours: 4_498_120_000,
      after_milliwatt_hours: 0,
      booked_milliwatt_hours: 0,
    },
    {
      ...EMPTY_ENTRY,
      entry: "grid-0",
      kind: "dip",
      register: "export",
      at: "2026-04-20T11:02:10Z",
      before_milliwatt_hours: 9_955_004_000,
      after_milliwatt_hours: 9_955_001_000,
      reversible: false,
    },
  ];
}

/** As the SDM630 has them: floats of two words, high word first. */
function rowsOf(values: ValuesView): RegisterRow[] {
  const row = (
    name: string,
    phase: number | null,
    address: number,
    value: number | null,
    unit: string,
  ): RegisterRow => ({
    name,
    phase,
    place: `4:0x${address.toString(16).toUpperCase().padStart(4, "0")}`,
    raw: value === null ? null : floatWords(value / 1000),
    value,
    unit,
    text: null,
  });
  const thousandth = (value: number | null) => (value === null ? null : Math.round(value / 1000));
  return [
    row("power", null, 0x34, values.power_milliwatts, "W"),
    row("import", null, 0x48, thousandth(values.import_milliwatt_hours), "kWh"),
    row("export", null, 0x4a, thousandth(values.export_milliwatt_hours), "kWh"),
    ...(values.voltage_millivolts ?? []).map((value, index) =>
      row("voltage", index + 1, index * 2, value, "V"),
    ),
    ...(values.current_milliamperes ?? []).map((value, index) =>
      row("current", index + 1, 6 + index * 2, value, "A"),
    ),
    row("frequency", null, 0x46, values.frequency_millihertz, "Hz"),
  ];
}

function floatWords(value: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  const word = (at: number) => view.getUint16(at).toString(16).toUpperCase().padStart(4, "0");
  return `${word(0)} ${word(2)}`;
}
