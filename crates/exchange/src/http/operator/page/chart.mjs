// A day of quarter hours as bars of traded energy with the price above them. The table below it has every figure.
import { energy, price, time } from "./format.mjs";
import { h, svg } from "./parts.mjs";
import { say } from "./words.mjs";

const HEIGHT = 120;
/** The strip on top that the price line has to itself. */
const PRICE = 40;

/**
 * Draws rows of `{ slot, energy_wh, low, high, is_guess }`.
 * `now` is the number of quarter hours since the first row, with a fraction.
 */
export function chart(rows, area, now) {
  const traded = rows.reduce((sum, row) => sum + (row.energy_wh ?? 0), 0);
  const sentence = summary(rows, area, traded);
  const most = Math.max(...rows.map((row) => row.energy_wh ?? 0), 1);
  const prices = rows.flatMap((row) => (row.low === null ? [] : [row.low, row.high]));
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const y = (micros) =>
    high === low ? PRICE / 2 : 4 + ((high - micros) / (high - low)) * (PRICE - 8);
  const bars = rows.map((row, index) => {
    const tall = ((row.energy_wh ?? 0) / most) * (HEIGHT - PRICE - 6);
    return tall > 0
      ? svg("rect", { class: "bar", x: index + 0.1, width: 0.8, y: HEIGHT - tall, height: tall })
      : null;
  });
  const lines = rows.map((row, index) => {
    if (row.low === null) return null;
    const [top, bottom] = [y(row.high), y(row.low)];
    return svg("path", {
      class: row.is_guess ? "price guess" : "price",
      d: `M${index} ${bottom}H${index + 1}${top === bottom ? "" : `M${index} ${top}H${index + 1}`}`,
    });
  });
  const mark =
    now >= 0 && now <= rows.length ? svg("path", { class: "now", d: `M${now} 0V${HEIGHT}` }) : null;
  return h(
    "figure",
    { class: "chart" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${rows.length} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `${say("today.chart")}. ${sentence}`,
      },
      svg("path", { class: "base", d: `M0 ${HEIGHT}H${rows.length}` }),
      bars,
      lines,
      mark,
    ),
    h(
      "div",
      { class: "hours", "aria-hidden": "true" },
      // At each quarter of the width.
      [0, 1, 2, 3].map((quarter) =>
        h("span", {}, time(rows[Math.floor((quarter * rows.length) / 4)].slot)),
      ),
    ),
    h("figcaption", {}, sentence),
  );
}

function summary(rows, area, traded) {
  const cleared = rows.filter((row) => row.low !== null && !row.is_guess);
  if (traded === 0 || cleared.length === 0) return say("today.chart_none", { area });
  const busiest = rows.reduce((most, row) =>
    (row.energy_wh ?? 0) > (most.energy_wh ?? 0) ? row : most,
  );
  return say("today.chart_sum", {
    area,
    energy: energy(traded),
    time: time(busiest.slot),
    low: price(Math.min(...cleared.map((row) => row.low))),
    high: price(Math.max(...cleared.map((row) => row.high))),
  });
}
