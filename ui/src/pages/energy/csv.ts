/// The table that the owner takes away: what is shown, so that a spreadsheet opens it right.
///
/// Where numbers have a comma, a spreadsheet expects semicolons between them. The mark at the start
/// tells it that the text is UTF-8. Energy keeps every digit, so that the column adds up to the period.
import type { EnergyBar, EnergyView } from "../../lib/api/bindings";
import { PARTS, partOf } from "../../lib/charts/energy";
import type { Formats } from "../../lib/format";
import { t } from "../../lib/i18n/index.svelte";
import { matched } from "./compare";

const MARK = "\ufeff";
const MICROS = 6;
const QUALITIES = ["measured", "recovered", "estimated", "partial", "missing", "outside"] as const;

type Column = { title: string; of: (bar: EnergyBar) => string };

/** The table of a period; beside it, in columns of their own, the one that it is compared with. */
export function csvOf(view: EnergyView, formats: Formats, other: EnergyView | null = null): string {
  const mark = formats.decimalMark;
  const separator = mark === "," ? ";" : ",";
  const columns = [
    ...columnsOf(view, formats.currency, mark),
    ...(other ? comparedColumns(view, other, formats.currency, mark) : []),
  ];
  const rows = [
    columns.map((column) => column.title),
    ...view.bars.map((bar) => columns.map((column) => column.of(bar))),
  ];
  const line = (cells: string[]) => cells.map((cell) => quoted(cell, separator)).join(separator);
  return MARK + rows.map((cells) => `${line(cells)}\r\n`).join("");
}

/** `wattle-energy-2026-06.csv`: the period and nothing that a file system minds. */
export function csvName(view: EnergyView): string {
  const span = {
    day: view.from,
    week: `week-${view.from}`,
    month: view.from.slice(0, 7),
    year: view.from.slice(0, 4),
    all: "all",
  }[view.period];
  return `wattle-energy-${span}.csv`;
}

function columnsOf(view: EnergyView, currency: string, mark: string): Column[] {
  const energy = (title: string, of: (bar: EnergyBar) => number | null): Column => ({
    title: t("energy.csv.energy", { title }),
    of: (bar) => decimal(of(bar), mark, 3),
  });
  const price = (title: string, of: (bar: EnergyBar) => number | null): Column => ({
    title: t("energy.csv.price", { title, currency }),
    of: (bar) => decimal(of(bar), mark, 4),
  });
  const parts = PARTS.filter(({ name }) => view.has_battery || !name.endsWith("battery"))
    .filter(({ name }) => view.has_sun || name !== "self")
    .map(({ name }) => energy(t(`energy.part.${name}`), (bar) => partOf(bar.figures, name)));
  const times: Column[] = [
    { title: t("energy.csv.from"), of: (bar) => bar.starts },
    { title: t("energy.csv.to"), of: (bar) => bar.ends },
  ];
  const whole = [
    ...(view.has_sun
      ? [energy(t("flow.sun"), ({ figures }: EnergyBar) => figures.sun_milliwatt_hours)]
      : []),
    energy(t("flow.house"), ({ figures }) => figures.house_milliwatt_hours),
  ];
  if (view.step === "slot") {
    return [
      ...times,
      ...whole,
      ...parts,
      price(t("energy.price.market"), (bar) => bar.price_micros_per_kwh),
      price(t("energy.price.retail"), (bar) => bar.retail_micros_per_kwh),
      price(t("energy.price.feed_in"), (bar) => bar.feed_in_micros_per_kwh),
      { title: t("energy.csv.quality"), of: qualityWord },
      {
        title: t("column.state"),
        of: (bar) => (bar.certainty ? t(`certainty.${bar.certainty}`) : ""),
      },
    ];
  }
  const counts = QUALITIES.map((kind): Column => ({
    title: t("energy.csv.count", { word: t(`quality.${kind}`) }),
    of: (bar) => String(bar.quality[kind]),
  }));
  return [...times, ...whole, ...parts, ...counts];
}

/** When each compared bar began, and its figures under the names of the shown ones. */
function comparedColumns(
  view: EnergyView,
  other: EnergyView,
  currency: string,
  mark: string,
): Column[] {
  const others = matched(view, other);
  const then = new Map(view.bars.map((bar, index) => [bar.key, others[index] ?? null]));
  const [from, , ...figures] = columnsOf(other, currency, mark);
  const of = (column: Column | undefined) => (bar: EnergyBar) => {
    const compared = then.get(bar.key);
    return compared && column ? column.of(compared) : "";
  };
  return [
    { title: t("energy.compare.csv.from"), of: of(from) },
    ...figures.map((column) => ({
      title: t("energy.compare.csv", { title: column.title }),
      of: of(column),
    })),
  ];
}

function qualityWord({ quality }: EnergyBar): string {
  const kind = QUALITIES.find((kind) => quality[kind] > 0);
  return kind ? t(`quality.${kind}`) : "";
}

/** Millionths as a decimal with every digit that counts and at least so many; a missing figure is empty. */
function decimal(millionths: number | null, mark: string, digits: number): string {
  if (millionths === null || !Number.isFinite(millionths)) return "";
  const sign = millionths < 0 ? "-" : "";
  const text = String(Math.abs(Math.round(millionths))).padStart(MICROS + 1, "0");
  const rest = text.slice(-MICROS).replace(/0+$/, "").padEnd(digits, "0");
  return `${sign}${text.slice(0, -MICROS)}${mark}${rest}`;
}

function quoted(cell: string, separator: string): string {
  return new RegExp(`["\r\n${separator}]`).test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
