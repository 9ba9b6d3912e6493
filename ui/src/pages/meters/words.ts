/// The words of the Meters page: what a meter measures, how well it is read, what its counters did.
import type {
  DeviceView,
  EnergyCheck,
  FindView,
  JournalEntry,
  MeterView,
  RegisterRow,
  RequestsView,
  RoleView,
  Told,
} from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { known, t } from "../../lib/i18n/index.svelte";
import { outside } from "../../lib/outside";

export const ROLES: readonly RoleView[] = ["grid", "solar", "battery"];

/** What an owner can say about this moment, the best proof first. */
export const PROOFS: Record<RoleView, readonly Told[]> = {
  grid: ["switched_on", "switched_off", "importing", "exporting"],
  solar: ["producing"],
  battery: ["charging", "discharging"],
};

/** Refusals that the owner may overrule, after having read them. */
export const OVERRULED = ["wrong_kind", "sign_reversed", "counters_swapped"];

/** Power with the word for its direction: "2.4 kW go out". */
export function powerWords(role: RoleView, milliwatts: number | null, formats: Formats): string {
  if (milliwatts === null) return t("meters.power.none");
  const power = formats.power(Math.abs(milliwatts));
  // What rounds to nothing has no direction.
  if (Math.abs(milliwatts) < 500) return t("meters.power.idle", { power });
  return t(`meters.power.${role}.${milliwatts < 0 ? "less" : "more"}`, { power });
}

export const deviceName = ({ maker, model, profile }: DeviceView): string =>
  outside(`${maker} ${model}`.trim() || profile, 80);

/** Where it is reached, as far as an owner needs it to find the cable. */
export function placeOf(device: DeviceView): string {
  const name = device.place.replace(/^.*\/(?:usb-)?/, "").replace(/-if\d.*$/, "");
  const place = outside(device.way === "serial" ? name.replaceAll("_", " ") : device.place, 80);
  return t(`meters.way.${device.way}`, { place });
}

/** How many readings failed. */
export function requestsLine(requests: RequestsView, formats: Formats): string {
  const { readings, good } = requests;
  if (readings === 0) return t("meters.requests.none");
  if (good === readings) return t("meters.requests.all", { count: readings });
  return t("meters.requests.some", {
    count: readings,
    failed: formats.number(readings - good),
    share: formats.percentFine((readings - good) / readings),
  });
}

/** Which kinds of trouble there were, the most frequent first. */
export const troublesOf = ({ troubles }: RequestsView): string[] =>
  [...troubles]
    .sort((a, b) => b.count - a.count)
    .map(({ code, count }) => {
      const key = known(`meters.trouble.${code}`);
      return t("meters.trouble", { kind: key ? t(key) : code, count });
    });

export function ageWords({ state, age_s }: MeterView, formats: Formats): string {
  if (age_s === null) return t(`meters.age.${state === "silent" ? "never" : "awaited"}`);
  return t("meters.age", { age: formats.duration(age_s) });
}

/** Whether two finds are what one device measures at two places. */
export const sameDevice = (one: FindView, other: FindView): boolean =>
  one.number !== other.number &&
  one.device.profile === other.device.profile &&
  one.device.place === other.device.place &&
  one.device.unit === other.device.unit &&
  one.device.instance === other.device.instance &&
  one.kind !== other.kind;

/** How sure the search is, in a word. */
export const confidenceWord = ({ confidence }: FindView): string =>
  t(
    `meters.find.sure.${(confidence ?? 0) >= 0.9 ? "high" : (confidence ?? 0) >= 0.6 ? "middle" : "low"}`,
  );

/** How loud the outcome of the comparison of power and counters is. */
export const energyTone = (check: EnergyCheck): "info" | "good" | "warn" | "trouble" =>
  check === "agrees"
    ? "good"
    : check === "too_early" || check === "none"
      ? "info"
      : check === "wrong_unit" || check === "not_a_counter"
        ? "trouble"
        : "warn";

export function registerName({ name, phase }: RegisterRow): string {
  const key = name === null ? null : known(`meters.register.${name}`);
  const word = key ? t(key) : outside(name ?? "", 60);
  return phase === null ? word : t("meters.register.phase", { name: word, phase });
}

/** A value in its unit. They come in thousandths, so that nothing is lost on the way. */
export function registerValue({ value, unit, text }: RegisterRow, formats: Formats): string {
  if (text !== null) return outside(text, 80);
  if (value === null) return t("meters.register.absent");
  return `${formats.number(value / 1000, 3)}${unit === null ? "" : `\u00a0${outside(unit, 12)}`}`;
}

export function entryWords(entry: JournalEntry, formats: Formats): string {
  const figures = {
    before: formats.registerWithUnit(entry.before_milliwatt_hours),
    after: formats.registerWithUnit(entry.after_milliwatt_hours),
    serial: entry.serial === null ? "" : outside(entry.serial, 40),
  };
  const key = known(`meters.entry.${entry.kind}`);
  const said = key ? t(key, figures) : entry.kind;
  return entry.register === null
    ? said
    : t("meters.entry.of", { register: t(`meters.register.${entry.register}`), said });
}
