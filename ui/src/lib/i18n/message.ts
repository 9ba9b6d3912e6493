/// Messages with places and plurals: `{count, plural, one {# slot} other {# slots}}`.

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
  for (const [, name] of message.matchAll(/\{(\w+)(?=[},])/g)) names.add(name as string);
  return [...names].sort();
}

function place(inside: string, values: Values, locale: string): Part[] {
  const comma = inside.indexOf(",");
  const name = (comma < 0 ? inside : inside.slice(0, comma)).trim();
  const value = values[name];
  if (value === undefined) throw new Error(`no value for {${name}}`);
  if (comma < 0) return [{ text: String(value), name }];
  const count = Number(value);
  const branches = branchesOf(inside.slice(inside.indexOf(",", comma + 1) + 1));
  const branch =
    branches.get(`=${count}`) ??
    branches.get(new Intl.PluralRules(locale).select(count)) ??
    branches.get("other");
  if (branch === undefined) throw new Error(`{${name}} lacks the branch "other"`);
  const number = new Intl.NumberFormat(locale).format(count);
  return fill(branch.replaceAll("#", number), values, locale);
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
