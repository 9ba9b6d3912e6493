/// How quantities, money and times look: all through `Intl`, in the home's zone and currency.
///
/// A figure that is missing is a dash. A figure that rounds to nothing is 0, never -0.

export const MISSING = "–";

/** What a hundredth of the currency is called beside a price per kWh. */
const MINOR: Record<string, string> = {
  EUR: "ct",
  USD: "¢",
  AUD: "c",
  CAD: "¢",
  NZD: "c",
  GBP: "p",
  CHF: "Rp.",
};

const NANOS = 1_000_000_000n;
const HOUR_MS = 3_600_000;
/** A decimal that `Intl` formats digit by digit, without the detour of a double. */
type Decimal = Intl.StringNumericLiteral;

type NumberWriter = { format: (value: number | Decimal) => string; digits: number };

export type MoneySign = "charge" | "both";

export class Formats {
  readonly #numbers = new Map<string, NumberWriter>();
  readonly #dates = new Map<string, Intl.DateTimeFormat>();
  readonly #zone: string;

  constructor(
    readonly locale: string,
    readonly currency: string,
    zone: string,
  ) {
    this.#zone = zoneOr(zone, "UTC");
  }

  /** Power in W below 1 kW. Above 100 W the last digit is noise, so tens are shown. */
  power(milliwatts: number | null): string {
    if (!isFigure(milliwatts)) return MISSING;
    const watts = milliwatts / 1000;
    const shown = Math.abs(watts) < 100 ? Math.round(watts) : Math.round(watts / 10) * 10;
    if (Math.abs(shown) < 1000) return this.#unit(shown, "W", 0, 0);
    return this.#unit(watts / 1000, "kW", 1, 1);
  }

  /** Energy in Wh below 0.1 kWh. */
  energy(milliwattHours: number | null): string {
    return this.energyWh(isFigure(milliwattHours) ? milliwattHours / 1000 : null);
  }

  energyWh(wattHours: number | null): string {
    if (!isFigure(wattHours)) return MISSING;
    const whole = Math.round(wattHours);
    if (Math.abs(whole) < 100) return this.#unit(whole, "Wh", 0, 0);
    const kilo = wattHours / 1000;
    const digits = Math.abs(kilo) < 10 ? 2 : Math.abs(kilo) < 1000 ? 1 : 0;
    return this.#unit(kilo, "kWh", digits, digits);
  }

  /** Energy for a column of figures: always kWh with the same digits. */
  energyColumn(wattHours: number | null, digits = 2): string {
    return isFigure(wattHours) ? this.#unit(wattHours / 1000, "kWh", digits, digits) : MISSING;
  }

  /** A counter in kWh to the Wh, for a column whose head names the unit. */
  register(milliwattHours: number | null): string {
    if (!isFigure(milliwattHours)) return MISSING;
    const number = this.#number({ minimumFractionDigits: 3, maximumFractionDigits: 3 });
    return number.format(noMinusZero(milliwattHours / 1e6, 3));
  }

  /** As `register`, where no head names the unit. */
  registerWithUnit(milliwattHours: number | null): string {
    return isFigure(milliwattHours) ? `${this.register(milliwattHours)}\u00a0kWh` : MISSING;
  }

  /** Energy that was typed in kWh, in whole Wh; null if it is no number. Both decimal signs are understood. */
  parseKilo(text: string): number | null {
    const plain = text
      .trim()
      .replace(/[\s\u00a0\u202f]/g, "")
      .replace(",", ".");
    if (!/^\d+(\.\d{1,3})?$/.test(plain)) return null;
    const wattHours = Math.round(Number(plain) * 1000);
    return Number.isSafeInteger(wattHours) ? wattHours : null;
  }

  /** Power to the watt, as it stands on a meter's display. */
  powerExact(milliwatts: number | null): string {
    return isFigure(milliwatts) ? this.#unit(milliwatts / 1000, "W", 0, 0) : MISSING;
  }

  /** Any other quantity, with so many digits after the mark. */
  unit(value: number | null, unit: string, digits: number): string {
    return isFigure(value) ? this.#unit(value, unit, digits, digits) : MISSING;
  }

  /** A price such as "12.0 ct"; the kWh is in the words around it. */
  price(microsPerKwh: number | null, minDigits = 1, maxDigits = 2): string {
    if (!isFigure(microsPerKwh)) return MISSING;
    const minor = MINOR[this.currency];
    if (minor) return this.#unit(microsPerKwh / 10_000, minor, minDigits, maxDigits);
    const format = this.#number({
      style: "currency",
      currency: this.currency,
      maximumFractionDigits: 4,
    });
    return format.format(noMinusZero(microsPerKwh / 1_000_000, 4));
  }

  /** A price that is a guess anyway. */
  priceAbout(microsPerKwh: number | null): string {
    return this.price(microsPerKwh, 1, 1);
  }

  /** A price for a column of figures: always with the same digits. */
  priceColumn(microsPerKwh: number | null): string {
    return this.price(microsPerKwh, 2, 2);
  }

  /** A price with every digit that it has, and the kWh it is for. */
  priceExact(microsPerKwh: number): string {
    return `${this.price(microsPerKwh, 1, 4)}/kWh`;
  }

  /** The price as the number that stands in an input, in minor units where the currency has a name for them. */
  priceNumber(microsPerKwh: number): string {
    const value = microsPerKwh / this.microsPerPriceUnit;
    const digits = MINOR[this.currency] ? 1 : 3;
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits + 3 };
    const text = this.#number({ ...options, useGrouping: false }).format(
      noMinusZero(value, digits + 3),
    );
    return text.replace("\u2212", "-"); // what a keyboard has
  }

  get priceUnit(): string {
    return MINOR[this.currency] ?? this.currency;
  }

  get microsPerPriceUnit(): number {
    return MINOR[this.currency] ? 10_000 : 1_000_000;
  }

  /** Reads what an owner typed as a price; null if it is no number. Both decimal signs are understood. */
  parsePrice(text: string): number | null {
    const plain = text.trim().replace(/\s/g, "").replace("−", "-").replace(",", ".");
    if (!/^-?(\d+\.?\d*|\.\d+)$/.test(plain)) return null;
    const micros = Math.round(Number(plain) * this.microsPerPriceUnit);
    return Number.isSafeInteger(micros) ? micros + 0 : null;
  }

  /** Money in whole minor units, half to even. `both` writes the plus of an income as well. */
  money(nanos: string | bigint, sign: MoneySign = "charge"): string {
    const amount = parseNanos(nanos);
    return amount === null
      ? MISSING
      : this.moneyMinor(roundHalfEven(amount, this.#nanosPerMinor), sign);
  }

  /** Money that has been rounded to minor units already. */
  moneyMinor(minor: bigint, sign: MoneySign = "charge"): string {
    const digits = this.#moneyDigits;
    return this.#number({
      style: "currency",
      currency: this.currency,
      signDisplay: sign === "both" ? "exceptZero" : "negative",
    }).format(decimal(minor, digits));
  }

  /** An amount below a cent or so, in minor units with as many digits as it has. */
  moneyExact(nanos: string): string {
    const amount = parseNanos(nanos);
    if (amount === null) return MISSING;
    const minor = MINOR[this.currency];
    if (!minor) return this.money(amount);
    const number = this.#number({
      minimumFractionDigits: 2,
      maximumFractionDigits: 7,
      signDisplay: "negative",
    });
    return `${number.format(decimal(amount, 7))}\u00a0${minor}`;
  }

  /**
   * Rounds amounts to minor units, or to so many parts `per` one, so that they add up to the
   * rounded total: floor each, then one more for the largest rests.
   */
  apportion(nanos: readonly string[], per = 1n): { lines: bigint[]; total: bigint } {
    const amounts = nanos.map((text) => parseNanos(text) ?? 0n);
    const size = this.#nanosPerMinor / per;
    const total = roundHalfEven(
      amounts.reduce((sum, amount) => sum + amount, 0n),
      size,
    );
    const lines = amounts.map((amount) => floorDivide(amount, size));
    let left = total - lines.reduce((sum, line) => sum + line, 0n);
    const byRest = amounts
      .map((amount, index) => ({ index, rest: amount - (lines[index] ?? 0n) * size }))
      .sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
    for (const { index } of byRest) {
      if (left <= 0n) break;
      lines[index] = (lines[index] ?? 0n) + 1n;
      left -= 1n;
    }
    return { lines, total };
  }

  /** Hundredths of a minor unit, as `apportion(…, 100n)` makes them: "2.87 ct". */
  moneyFine(hundredths: bigint): string {
    const minor = MINOR[this.currency];
    if (!minor) return this.moneyMinor(hundredths / 100n);
    const number = this.#number({
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
      signDisplay: "negative",
    });
    return `${number.format(decimal(hundredths, 2))}\u00a0${minor}`;
  }

  /** What stands between a number's whole part and the rest: a comma here, a point there. */
  get decimalMark(): string {
    const parts = new Intl.NumberFormat(this.locale).formatToParts(1.5);
    return parts.find((part) => part.type === "decimal")?.value ?? ".";
  }

  number(value: number, digits = 0): string {
    return this.#number({ minimumFractionDigits: 0, maximumFractionDigits: digits }).format(
      noMinusZero(value, digits),
    );
  }

  percent(share: number): string {
    return this.#number({ style: "percent", maximumFractionDigits: 0 }).format(share);
  }

  /** A share that is nearly all or nearly nothing: never rounded to what it is not. */
  percentFine(share: number): string {
    if (!isFigure(share)) return MISSING;
    const edge = (share > 0.99 && share < 1) || (share > 0 && share < 0.01);
    const digits = edge ? 1 : 0;
    const kept = edge ? Math.min(0.999, Math.max(0.001, share)) : share;
    return this.#number({ style: "percent", maximumFractionDigits: digits }).format(kept);
  }

  /** `14:15` in the home's zone. */
  time(instant: string | number | null): string {
    return this.#date(instant, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  }

  /** `14:15:07`: when a reading was taken. */
  timeExact(instant: string | null): string {
    return this.#date(instant, {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
  }

  /**
   * `14:15–14:30`, the quarter hour that begins at the instant, or several from there on. Of the two
   * hours that a clock shows when it is set back, each says its offset: `02:00–02:15 (UTC+2)`.
   */
  quarter(slot: string, count = 1): string {
    const from = Date.parse(slot);
    if (!Number.isFinite(from)) return MISSING;
    const span = `${this.time(from)}–${this.time(from + count * 900_000)}`;
    return this.#comesTwice(from) ? `${span} (${this.#offset(from)})` : span;
  }

  dayAndTime(instant: string | number | null): string {
    return this.#date(instant, {
      weekday: "short",
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  }

  /** How long a file is, in the unit that a file manager would choose. */
  bytes(count: number): string {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
    const power = Math.min(
      units.length - 1,
      Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)),
    );
    const digits = power === 0 ? 0 : 1;
    return this.#number({
      style: "unit",
      unit: units[power] ?? "byte",
      maximumFractionDigits: digits,
    }).format(count / 1000 ** power);
  }

  /** A day written `2026-06-01`: no instant, so no zone may move it. */
  day(day: string, style: "short" | "long" = "short"): string {
    const options: Intl.DateTimeFormatOptions =
      style === "short"
        ? { weekday: "short", day: "numeric", month: "short" }
        : { weekday: "long", day: "numeric", month: "long", year: "numeric" };
    return this.#calendar(`${day}T00:00:00Z`, options);
  }

  /** Days from the first to the last, both of them in: `15 – 21 June 2026`. */
  days(first: string, last: string): string {
    const [from, to] = [first, last].map((day) => Date.parse(`${day}T00:00:00Z`));
    if (!isFigure(from) || !isFigure(to)) return MISSING;
    const options = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" } as const;
    return this.#dateFormat(options).formatRange(from, to);
  }

  dayNumber(day: string): string {
    return this.#calendar(`${day}T00:00:00Z`, { day: "numeric" });
  }

  /** A month written `2026-06`. */
  month(month: string): string {
    return this.#calendar(`${month}-01T00:00:00Z`, { month: "long", year: "numeric" });
  }

  /** The name of a month written `2026-06`, as short as it gets. */
  monthShort(month: string): string {
    return this.#calendar(`${month}-01T00:00:00Z`, { month: "short" });
  }

  /** The name of a day of the week, for a day written `2026-06-01`. */
  weekdayOf(day: string): string {
    return this.#calendar(`${day}T00:00:00Z`, { weekday: "short" });
  }

  /** A name of the week such as `Mon`, from `mon`. */
  weekday(code: string): string {
    const index = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].indexOf(code);
    // The first of June 2026 is a Monday.
    return index < 0
      ? code
      : this.#calendar(`2026-06-0${index + 1}T00:00:00Z`, { weekday: "short" });
  }

  list(items: readonly string[]): string {
    return new Intl.ListFormat(this.locale, { type: "conjunction" }).format(items);
  }

  /** How long: `40 s`, `12 min`, `3 h`, `2 d`. */
  duration(seconds: number | null): string {
    if (!isFigure(seconds)) return MISSING;
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) return this.#span(whole, "second");
    if (whole < 3600) return this.#span(Math.floor(whole / 60), "minute");
    if (whole < 48 * 3600) return this.#span(Math.floor(whole / 3600), "hour");
    return this.#span(Math.floor(whole / 86_400), "day");
  }

  /** What is left of a quarter hour: `7:05`. */
  countdown(seconds: number): string {
    const whole = Math.max(0, Math.ceil(seconds));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  }

  get #moneyDigits(): number {
    return this.#number({ style: "currency", currency: this.currency }).digits;
  }

  get #nanosPerMinor(): bigint {
    return NANOS / 10n ** BigInt(this.#moneyDigits);
  }

  /** Clocks are set back by an hour, on one island by half of one. */
  #comesTwice(instant: number): boolean {
    const time = this.time(instant);
    return [-HOUR_MS, HOUR_MS, -HOUR_MS / 2, HOUR_MS / 2].some(
      (away) => this.time(instant + away) === time,
    );
  }

  /** `UTC+2`. */
  #offset(instant: number): string {
    const format = this.#dateFormat({ timeZoneName: "shortOffset", timeZone: this.#zone });
    const name = format.formatToParts(instant).find((part) => part.type === "timeZoneName");
    return (name?.value ?? "").replace("GMT", "UTC").replace("-", "\u2212");
  }

  #unit(value: number, unit: string, min: number, max: number): string {
    const number = this.#number({ minimumFractionDigits: min, maximumFractionDigits: max });
    return `${number.format(noMinusZero(value, max))}\u00a0${unit}`;
  }

  #span(value: number, unit: "second" | "minute" | "hour" | "day"): string {
    return this.#number({ style: "unit", unit, unitDisplay: "short" }).format(value);
  }

  #number(options: Intl.NumberFormatOptions): NumberWriter {
    const key = JSON.stringify(options);
    let writer = this.#numbers.get(key);
    if (!writer) {
      const intl = numberFormat(this.locale, options);
      // Some locales write a hyphen, which breaks from its number at the end of a line.
      const format = (value: number | Decimal) => intl.format(value).replace("-", "\u2212");
      const digits = intl.resolvedOptions().maximumFractionDigits ?? 2;
      this.#numbers.set(key, (writer = { format, digits }));
    }
    return writer;
  }

  #date(instant: string | number | null, options: Intl.DateTimeFormatOptions): string {
    const time = typeof instant === "string" ? Date.parse(instant) : instant;
    return isFigure(time)
      ? this.#dateFormat({ ...options, timeZone: this.#zone }).format(time)
      : MISSING;
  }

  #calendar(day: string, options: Intl.DateTimeFormatOptions): string {
    const time = Date.parse(day);
    return Number.isFinite(time)
      ? this.#dateFormat({ ...options, timeZone: "UTC" }).format(time)
      : MISSING;
  }

  #dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = JSON.stringify(options);
    let format = this.#dates.get(key);
    if (!format) this.#dates.set(key, (format = new Intl.DateTimeFormat(this.locale, options)));
    return format;
  }
}

/** Nanos from their decimal text; null if it is none. */
export function parseNanos(nanos: string | bigint): bigint | null {
  if (typeof nanos === "bigint") return nanos;
  return /^-?\d+$/.test(nanos) ? BigInt(nanos) : null;
}

export function signOf(nanos: string): -1 | 0 | 1 {
  const amount = parseNanos(nanos) ?? 0n;
  return amount > 0n ? 1 : amount < 0n ? -1 : 0;
}

/** What a kWh came to on average, in micros; null where no energy flowed. */
export function averagePrice(nanos: string, wattHours: number): number | null {
  const amount = parseNanos(nanos);
  if (amount === null || wattHours === 0) return null;
  return Number(amount / BigInt(wattHours));
}

export function sumNanos(...amounts: string[]): string {
  return amounts.reduce((sum, amount) => sum + (parseNanos(amount) ?? 0n), 0n).toString();
}

function roundHalfEven(amount: bigint, size: bigint): bigint {
  const floor = floorDivide(amount, size);
  const rest = (amount - floor * size) * 2n;
  if (rest < size || (rest === size && floor % 2n === 0n)) return floor;
  return floor + 1n;
}

function floorDivide(amount: bigint, size: bigint): bigint {
  const quotient = amount / size;
  return amount % size < 0n ? quotient - 1n : quotient;
}

function decimal(units: bigint, digits: number): Decimal {
  const negative = units < 0n;
  const text = (negative ? -units : units).toString().padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  const rest = text.slice(text.length - digits);
  return `${negative ? "-" : ""}${whole}${digits ? `.${rest}` : ""}` as Decimal;
}

function isFigure(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function noMinusZero(value: number, digits: number): number {
  return Math.abs(value) < 0.5 / 10 ** digits ? 0 : value;
}

/** A currency code that `Intl` does not know the shape of must not take the page down. */
function numberFormat(locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  try {
    return new Intl.NumberFormat(locale, options);
  } catch {
    return new Intl.NumberFormat(locale, { ...options, currency: "XXX" });
  }
}

function zoneOr(zone: string, fallback: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return fallback;
  }
}
