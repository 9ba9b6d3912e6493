// Figures and times as a person writes them, in the page's language and the market's zone.
import { language, say } from "./words.mjs";

let zone = "UTC";
let currency = "EUR";

/** Sets what all figures of a market share. */
export function setMarket(data) {
  zone = data.zone;
  currency = data.currency;
}

const number = (value, digits) =>
  new Intl.NumberFormat(language(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: "negative",
  }).format(value);

/** Energy with its unit: Wh below 0.1 kWh. */
export function energy(wh) {
  if (Math.abs(wh) < 100) return `${number(wh, 0)} Wh`;
  return `${kilo(wh)} kWh`;
}

/** Energy in kWh, where the unit stands above. */
export const kilo = (wh) => number(wh / 1000, Math.abs(wh) < 10_000 ? 2 : 1);

/** What `price` writes, without its unit. */
export const priceFigure = (micros) =>
  currency === "EUR" ? number(micros / 10_000, 1) : number(micros / 1e6, 3);

export const priceUnit = () => (currency === "EUR" ? "ct/kWh" : `${currency}/kWh`);

export const price = (micros) => `${priceFigure(micros)} ${priceUnit()}`;

export const count = (value) => number(value, 0);

const form = (options) => new Intl.DateTimeFormat(language(), { timeZone: zone, ...options });

/** The time of day; with the zone's name where an hour comes twice. */
export const time = (at, isTwice = false) =>
  form({
    hour: "2-digit",
    minute: "2-digit",
    ...(isTwice ? { timeZoneName: "short" } : {}),
  }).format(new Date(at));

export const dayAndTime = (at) =>
  form({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(new Date(at));

export const moment = (at) =>
  form({ dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

/** A day as it is called; it has no zone of its own. */
export const day = (key) =>
  new Intl.DateTimeFormat(language(), { timeZone: "UTC", dateStyle: "full" }).format(
    new Date(`${key}T12:00:00Z`),
  );

/** How long ago something was, or how long it takes until it is. */
export function ago(at, now) {
  const seconds = Math.round((new Date(at) - new Date(now)) / 1000);
  if (Math.abs(seconds) < 45) return say("time.now");
  const units = [
    ["minute", 60],
    ["hour", 3600],
    ["day", 86_400],
  ];
  const [unit, size] =
    units.find(
      ([, size], index) => Math.abs(seconds) < 1.5 * (units[index + 1]?.[1] ?? Infinity),
    ) ?? units[2];
  return new Intl.RelativeTimeFormat(language(), { style: "short" }).format(
    Math.round(seconds / size),
    unit,
  );
}

/** A time span that rules name. */
export function span(seconds) {
  const [unit, size] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
    ["second", 1],
  ].find(([, size]) => seconds >= size && seconds % size === 0) ?? ["second", 1];
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "long" }).format(
    seconds / size,
  );
}
