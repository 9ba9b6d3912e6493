/// What the status line says about meter, exchange and trading: a word, what it means, what to do.
import type { FrameView } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { known, t, type Key } from "../../lib/i18n/index.svelte";
import type { IconName } from "../../lib/kit/icons";
import { told, type Told } from "../../lib/program";

export type Tone = "good" | "wait" | "warn" | "trouble";
export type StatusName = "meter" | "exchange" | "log" | "trading";
export type Status = {
  name: StatusName;
  tone: Tone;
  icon: IconName;
  word: string;
  meaning: string;
  todo: string | null;
  /** What the program itself said, in whole sentences. */
  details: Told[];
};

const ICON: Record<Tone, IconName> = {
  good: "good",
  wait: "wait",
  warn: "warn",
  trouble: "trouble",
};

export function statuses(frame: FrameView, formats: Formats): Status[] {
  return [
    meter(frame, formats),
    exchange(frame, formats),
    log(frame, formats),
    trading(frame, formats),
  ];
}

function meter({ meter: { state, age_s, trouble } }: FrameView, formats: Formats): Status {
  const tone: Record<typeof state, Tone> = {
    none: "warn",
    starting: "wait",
    fresh: "good",
    stale: "warn",
    silent: "trouble",
  };
  const values = { age: formats.duration(age_s) };
  const said =
    trouble && state !== "fresh" ? told(`trouble.meter.${trouble.code}`, trouble.message) : null;
  return status("meter", state, tone[state], values, [said]);
}

function exchange({ exchange }: FrameView, formats: Formats): Status {
  const tone: Record<typeof exchange.state, Tone> = {
    not_a_member: "warn",
    connecting: "wait",
    connected: "good",
    unreachable: "trouble",
    clock_off: "trouble",
    refused: "trouble",
  };
  const { state, waiting, missed_orders, trouble, last_contact, market_name } = exchange;
  const details = [
    state === "connected" || !trouble
      ? null
      : told(`trouble.exchange.${trouble.code}`, trouble.message),
    state !== "connected" && waiting > 0 ? t("status.exchange.waiting", { count: waiting }) : null,
    missed_orders > 0 ? t("status.exchange.missed", { count: missed_orders }) : null,
    last_contact && state !== "connected"
      ? t("status.exchange.last", { time: formats.dayAndTime(last_contact) })
      : null,
  ];
  const values = { market: market_name ?? t("status.exchange.market"), count: waiting };
  const said = status("exchange", state, tone[state], values, details);
  return state === "unreachable" && waiting > 0
    ? { ...said, word: t("status.exchange.waiting.word", { count: waiting }) }
    : said;
}

function log({ log }: FrameView, formats: Formats): Status {
  const tone: Record<typeof log.state, Tone> = {
    none: "wait",
    waiting: "wait",
    verified: "good",
    old: "warn",
    alarm: "trouble",
    answered: "warn",
  };
  const { state, verified_at, entries, alarm } = log;
  const values = {
    time: verified_at ? formats.dayAndTime(verified_at) : "",
    short: verified_at ? formats.time(verified_at) : "",
    count: entries ?? 0,
    at: alarm ? formats.dayAndTime(alarm.at) : "",
  };
  const details = alarm ? [t(`status.log.kind.${alarm.kind}`), told("", alarm.message)] : [];
  return status("log", state, tone[state], values, details);
}

function trading({ trading }: FrameView, formats: Formats): Status {
  const tone: Record<typeof trading.state, Tone> = {
    running: "good",
    stopped: "warn",
    read_only: "warn",
  };
  const values = { holder: trading.held_by ?? t("status.trading.holder") };
  const bound = trading.state === "stopped" ? boundSentence(trading.bound_slots, formats) : null;
  return status("trading", trading.state, tone[trading.state], values, [bound]);
}

/** Says which quarter hours can no longer be stopped. */
export function boundSentence(slots: readonly string[], formats: Formats): string {
  return t("trading.bound", {
    count: slots.length,
    slots: formats.list(slots.map((slot) => formats.quarter(slot))),
  });
}

function status(
  name: StatusName,
  state: string,
  tone: Tone,
  values: Record<string, string | number>,
  details: (Told | string | null)[],
): Status {
  const key = `status.${name}.${state}`;
  const todo = known(`${key}.todo`);
  return {
    name,
    tone,
    icon: ICON[tone],
    word: t(`${key}.word` as Key, values),
    meaning: t(`${key}.meaning` as Key, values),
    todo: todo && t(todo, values),
    details: details
      .filter((detail) => detail !== null)
      .map((detail) => (typeof detail === "string" ? { text: detail, lang: undefined } : detail)),
  };
}
