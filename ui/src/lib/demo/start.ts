/// The demo's first run and settings: a home that forgets what it is told when the page is left.
import type {
  DataView,
  HomeSettingsAsk,
  HomeSettingsView,
  InvitationView,
  Refusal,
} from "../api/bindings";
import { DAY_MS, FEED_IN, iso, RETAIL } from "./street";

/** A market that asks for consent, as a street's operator would write it. */
const TERMS = `1. Who trades here lives in Acacia Street and reads the grid with a meter of their own.
2. What is sold is what the meter measured. What was promised and not delivered is bought from the grid.
3. Nobody pays more or gets less than by their own contract with the utility.
4. The operator takes 1 ct a kWh, half from each side, and shows every entry of the log to every member.
5. Who wants to leave says so; what was traded until then is settled.`;

export class DemoStart {
  #home: HomeSettingsView = {
    name: "Acacia Street 4",
    zone: "Europe/Berlin",
    currency: "EUR",
    currency_fixed: true,
    fuse_w: 24_150,
    changeable: true,
  };
  #isNew: boolean;
  #backups: DataView["backups"] = [];
  readonly #now: () => number;

  constructor(isNew: boolean, now: () => number) {
    this.#isNew = isNew;
    this.#now = now;
    if (isNew) this.#home = { ...this.#home, name: "My home", currency_fixed: false };
  }

  get isNew(): boolean {
    return this.#isNew;
  }

  home = (): HomeSettingsView => this.#home;

  setHome(asked: HomeSettingsAsk): Refusal | null {
    if (asked.name.trim() === "")
      return refusal("bad_name", "A home's name has 1 to 80 letters.", "Write how you call it.");
    this.#home = { ...this.#home, ...asked, name: asked.name.trim() };
    return null;
  }

  invitation(code: string): InvitationView | Refusal {
    if (!code.trim().startsWith("wattle1"))
      return refusal(
        "invalid_invitation",
        "This is no invitation.",
        "Copy the whole line that begins with wattle1.",
      );
    return {
      market_name: "Acacia Street",
      address: "https://street.example",
      currency: "EUR",
      currency_fits: this.#home.currency === "EUR",
      operator_fee_micros_per_kwh: 10_000,
      terms_version: "2026-05",
      terms: TERMS,
      simulated_speed: null,
      contract: this.#isNew
        ? null
        : { retail_micros_per_kwh: RETAIL, feed_in_micros_per_kwh: FEED_IN },
    };
  }

  finish(): void {
    this.#isNew = false;
  }

  data(): DataView {
    const midnight = Math.floor(this.#now() / DAY_MS) * DAY_MS;
    return {
      folder: "/home/mara/.local/share/wattle/home",
      history_bytes: 48_316_416,
      key_in_file: false,
      snapshots: [0, 6, 12].map((hours) => ({
        path: `/home/mara/.local/share/wattle/home/snapshots/history-${hours}.sqlite`,
        at: iso(midnight - hours * 3_600_000),
        bytes: 48_312_320 - hours * 8192,
      })),
      backups: this.#backups,
      changeable: true,
    };
  }

  backUp(): string {
    const day = iso(this.#now()).slice(0, 10);
    const number = this.#backups.length + 1;
    const path = `/home/mara/Downloads/wattle-backup-${day}${number > 1 ? `-${number}` : ""}.sqlite`;
    this.#backups = [{ path, at: iso(this.#now()), bytes: 48_316_416 }, ...this.#backups];
    return path;
  }
}

const refusal = (code: string, message: string, hint: string): Refusal => ({ code, message, hint });
