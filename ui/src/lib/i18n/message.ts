/// Messages with places and plurals: `{count, plural, one {# slot} other {# slots}}`.

import { outside } from "../outside";

export type Part = { text: string; name: string | null };
export type Values = Record<string, string | number>;

/** Fills a message and tells which stretch of text came from which value. */
export function fill(message: string, values: Values, locale: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  while (at < message.length) {
    const open = message.indexOf("{", at);
    if (open < 0) break;
    if (open > at) parts.push({ text: message.slice(at, open), name: null });
    const close = matching(message, open);
    parts.push(...place(message.slice(open + 1, close), values, locale));
    at = close + 1;
  }
  if (at < message.length) parts.push({ text: message.slice(at), name: null });
  return parts;
}

/** The names of the values that a message has places for, sorted. */
export function placesOf(message: string): string[] {
  const names = new Set<string>();
  for (let open = message.indexOf("{"); open >= 0;) {
    const close = matching(message, open);
    const { name, branches } = read(message.slice(open + 1, close));
    names.add(name);
    for (const branch of branches?.values() ?? []) placesOf(branch).forEach((n) => names.add(n));
    open = message.indexOf("{", close);
  }
  return [...names].sort();
}

function place(inside: string, values: Values, locale: string): Part[] {
  const { name, branches } = read(inside);
  const value = values[name];
  if (value === undefined) throw new Error(`no value for {${name}}`);
  if (branches === null) return [{ text: outside(String(value)), name }];
  const count = Number(value);
  const branch =
    branches.get(`=${count}`) ??
    branches.get(new Intl.PluralRules(locale).select(count)) ??
    branches.get("other");
  if (branch === undefined) throw new Error(`{${name}} lacks the branch "other"`);
  const number = new Intl.NumberFormat(locale).format(count);
  return fill(branch.replaceAll("#", number), values, locale);
}

/** Reads what stands between braces: `name`, or `name, plural, one {…} other {…}`. */
function read(inside: string): { name: string; branches: Map<string, string> | null } {
  const comma = inside.indexOf(",");
  if (comma < 0) return { name: inside.trim(), branches: null };
  const branches = branchesOf(inside.slice(inside.indexOf(",", comma + 1) + 1));
  return { name: inside.slice(0, comma).trim(), branches };
}

function branchesOf(text: string): Map<string, string> {
  const branches = new Map<string, string>();
  let at = 0;
  for (;;) {
    const open = text.indexOf("{", at);
    if (open < 0) return branches;
    const close = matching(text, open);
    branches.set(text.slice(at, open).trim(), text.slice(open + 1, close));
    at = close + 1;
  }
}

function matching(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "{") depth += 1;
    if (text[i] === "}") depth -= 1;
    if (depth === 0) return i;
  }
  throw new Error(`a brace stays open in "${text}"`);
}
