// A day's quarter hours by area: the step each is in, its price and its volume.
import { chart } from "./chart.mjs";
import { count, day, energy, kilo, price, priceFigure, priceUnit, time } from "./format.mjs";
import { h, outside } from "./parts.mjs";
import { say, tell } from "./words.mjs";

const QUARTER = 900_000;
/** Quarter hours before and after now that are shown until all are asked for. */
const BEFORE = 6;
const AFTER = 6;
const SETTLED = new Set(["settled", "adjusted", "final"]);

/** What the reader chose to see. */
export const choice = { area: "", isWhole: false };

export function today(data) {
  const { slots, day: key } = data;
  return [
    h("h2", { id: "today-title" }, say("today.title", { day: day(key) })),
    days(data),
    ...(slots.length === 0 ? [h("p", {}, say("today.none"))] : full(data)),
  ];
}

function days({ day: key, today: now }) {
  const beside = (offset) =>
    new Date(Date.parse(`${key}T12:00:00Z`) + offset * 86_400_000).toISOString().slice(0, 10);
  const button = (word, to) =>
    h("button", { type: "button", "data-action": "day", "data-day": to }, say(word));
  return h(
    "div",
    { class: "row" },
    button("today.previous", beside(-1)),
    h(
      "button",
      { type: "button", "data-action": "day", "data-day": "", "aria-pressed": String(key === now) },
      say("today.today"),
    ),
    button("today.next", beside(1)),
  );
}

function full(data) {
  const { areas, slots } = data;
  if (!areas.some((area) => area.id === choice.area)) choice.area = "";
  if (areas.length === 1) choice.area = areas[0].id;
  const rows = slots.map((slot) => row(slot, choice.area));
  const name = choice.area || say("today.all");
  const now = (Date.parse(data.market_time) - Date.parse(slots[0].slot)) / QUARTER;
  return [
    figures(slots, rows),
    areas.length > 1 && areaChoice(areas),
    chart(rows, name, now),
    table(data, rows, name, now),
  ].filter(Boolean);
}

/** A quarter hour of one area, or of all together. */
function row(slot, area) {
  const shown = area ? slot.areas.filter((it) => it.area === area) : slot.areas;
  const prices = shown.map((it) => it.price_micros_per_kwh).filter((it) => it !== null);
  const sum = (of) => (slot.traded_wh === null ? null : shown.reduce((all, it) => all + of(it), 0));
  const [sold_wh, bought_wh] = [sum((it) => it.sold_wh), sum((it) => it.bought_wh)];
  return {
    ...slot,
    sold_wh,
    bought_wh,
    // Of all areas both are the same; of one, what is larger shows how busy it was.
    energy_wh: sold_wh === null ? null : Math.max(sold_wh, bought_wh),
    low: prices.length ? Math.min(...prices) : null,
    high: prices.length ? Math.max(...prices) : null,
    is_guess: shown.some((it) => it.is_guess),
  };
}

function figures(slots, rows) {
  const settled = slots.filter((slot) => SETTLED.has(slot.state));
  const traded = settled.reduce((sum, slot) => sum + (slot.traded_wh ?? 0), 0);
  const orders = slots.reduce((sum, slot) => sum + slot.orders, 0);
  const cleared = rows.filter((it) => it.low !== null && !it.is_guess);
  const figure = (word, value) => h("div", {}, h("dt", {}, say(word)), h("dd", {}, value));
  return h(
    "dl",
    { class: "figures" },
    figure("today.traded", energy(traded)),
    figure(
      "today.settled",
      say("today.of", { part: count(settled.length), all: count(slots.length) }),
    ),
    figure("today.orders", count(orders)),
    figure(
      "today.price",
      cleared.length
        ? range(
            Math.min(...cleared.map((it) => it.low)),
            Math.max(...cleared.map((it) => it.high)),
            price,
          )
        : "–",
    ),
  );
}

const range = (low, high, write) =>
  low === high ? write(low) : say("today.range", { low: priceFigure(low), high: write(high) });

function areaChoice(areas) {
  const option = (id, ...name) => h("option", { value: id, selected: id === choice.area }, ...name);
  return h(
    "p",
    {},
    h(
      "label",
      {},
      h("span", {}, say("today.area")),
      h(
        "select",
        { "data-action": "area" },
        option("", say("today.all")),
        areas.map((area) => option(area.id, area.id)),
      ),
    ),
  );
}

function table(data, rows, name, now) {
  const near = rows.filter(
    (_, index) => index >= Math.floor(now) - BEFORE && index <= Math.floor(now) + AFTER,
  );
  const canChoose = near.length > 0 && near.length < rows.length;
  const shown = choice.isWhole || !canChoose ? rows : near;
  const head = (word, unit) =>
    h("th", { scope: "col" }, say(word), unit && [" ", h("small", {}, unit)]);
  return h(
    "div",
    {},
    h(
      "div",
      {
        class: "scroll",
        role: "region",
        tabindex: "0",
        "aria-label": say("today.table", { area: name }),
      },
      h(
        "table",
        { class: "slots" },
        h("caption", { class: "unseen" }, tell("today.table", { area: outside(name) })),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head("today.time"),
            head("today.step"),
            head("today.price", priceUnit()),
            // Of all areas together both are the same.
            choice.area
              ? [head("today.sold", "kWh"), head("today.bought", "kWh")]
              : head("today.traded", "kWh"),
            head("today.orders"),
          ),
        ),
        h(
          "tbody",
          {},
          shown.map((it) => line(it, rows, data)),
        ),
      ),
    ),
    canChoose &&
      h(
        "button",
        { type: "button", "data-action": "whole" },
        choice.isWhole ? say("today.near") : say("today.whole", { n: count(rows.length) }),
      ),
  );
}

function line(it, rows, { market_time }) {
  const start = Date.parse(it.slot);
  const isNow = start <= Date.parse(market_time) && Date.parse(market_time) < start + QUARTER;
  // When the clocks go back, an hour comes twice.
  const isTwice = rows.some((other) => other !== it && time(other.slot) === time(it.slot));
  const shownPrice =
    it.low === null
      ? "–"
      : [it.is_guess && [h("i", {}, say("today.guess")), " "], range(it.low, it.high, priceFigure)];
  const figure = (wh) => (wh === null ? "–" : kilo(wh));
  return h(
    "tr",
    { class: isNow ? "is-now" : null, "aria-current": isNow ? "time" : null },
    h("th", { scope: "row" }, time(it.slot, isTwice)),
    h("td", {}, h("span", { class: `step ${it.state}` }, step(it))),
    h("td", { class: "figure" }, shownPrice),
    h("td", { class: "figure" }, figure(it.sold_wh)),
    choice.area && h("td", { class: "figure" }, figure(it.bought_wh)),
    h("td", { class: "figure" }, count(it.orders)),
  );
}

const step = ({ state, next_at }) => say(`step.${state}`, { time: next_at ? time(next_at) : "" });
