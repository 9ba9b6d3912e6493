/// Sentences for the codes with which the rules explain themselves.
import type { NumberView, ReasonView } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { known, placesIn, t } from "../../lib/i18n/index.svelte";

/** A sentence for each reason; a code that the window does not know gets its numbers all the same. */
export function reasonSentence(reason: ReasonView, formats: Formats): string {
  const numbers = reason.numbers.map((number) => shown(number, formats));
  const values = Object.fromEntries(numbers.map(({ place, text }) => [place, text]));
  for (const key of [known(`reason.${reason.code}`), known(`reason.${reason.code}.short`)]) {
    if (key && placesIn(key).every((place) => place in values)) return t(key, values);
  }
  const code = reason.code.replaceAll("_", " ");
  if (numbers.length === 0) return t("reason.unknown", { code });
  const said = numbers.map(({ place, text }) => `${place.replaceAll("_", " ")} ${text}`);
  return t("reason.unknown_with", { code, numbers: formats.list(said) });
}

type Reader = (value: number, formats: Formats) => string;

/** What the end of a number's name says about its unit; the first that fits counts. */
const UNITS: [suffix: string, read: Reader][] = [
  ["_micros_per_kwh", (value, formats) => formats.price(value)],
  ["_milliwatt_hours", (value, formats) => formats.energy(value)],
  ["_milliwatts", (value, formats) => formats.power(value)],
  ["_thousandths_percent", (value, formats) => formats.percent(value / 100_000)],
  ["_thousandths", (value, formats) => formats.percent(value / 1000)],
  ["_unix_s", (value, formats) => formats.dayAndTime(value * 1000)],
  ["_yyyymmdd", (value, formats) => formats.day(dayText(value))],
  ["_minute", clock],
  ["_nanos", (value, formats) => formats.money(BigInt(value))],
  ["_wh", (value, formats) => formats.energyWh(value)],
  ["_s", (value, formats) => formats.duration(value)],
];

/** A number as text, and the place that it fills: `limit_price_micros_per_kwh` fills `{limit_price}`. */
function shown({ name, value }: NumberView, formats: Formats): { place: string; text: string } {
  if (name === "minute_of_day") return { place: name, text: clock(value) };
  if (name === "weekday") return { place: name, text: formats.weekday(WEEK[value - 1] ?? "") };
  const unit = UNITS.find(([suffix]) => name.endsWith(suffix));
  if (!unit) return { place: name, text: formats.number(value) };
  return { place: name.slice(0, -unit[0].length), text: unit[1](value, formats) };
}

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function clock(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function dayText(yyyymmdd: number): string {
  const text = String(yyyymmdd).padStart(8, "0");
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`;
}
