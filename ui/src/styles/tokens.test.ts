/// Every colour can be read where it stands: measured, in each of the three lists.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const CSS = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");
type List = Record<string, string>;

const LIGHT = listOf(":root {\n  color-scheme");
const LISTS = {
  light: LIGHT,
  dark: listOf(':root[data-theme="dark"] {'),
  contrast: listOf(':root[data-theme="contrast"] {'),
};

const ROLES = ["sun", "self", "neighbour", "import", "export", "battery", "trouble", "warn"];
const GROUNDS = ["canvas", "surface", "sunken", "trouble-surface", "warn-surface"];
/** WCAG 2.2: 1.4.3 and 1.4.6 for text, 1.4.11 for shapes and the borders of controls. */
const TEXT = { light: 4.5, dark: 4.5, contrast: 7 };
const SHAPE = { light: 3, dark: 3, contrast: 4.5 };

describe.each(["light", "dark", "contrast"] as const)("%s", (name) => {
  const list = LISTS[name];

  it("has a value for everything that light has one for", () =>
    expect(Object.keys(list).sort()).toEqual(Object.keys(LIGHT).sort()));

  it.each(
    ["text", "text-quiet", "income", "ink", ...ROLES.map((role) => `${role}-text`)].flatMap(
      (text) => GROUNDS.map((ground) => [text, ground] as const),
    ),
  )("%s can be read on %s", (text, ground) =>
    expect(ratio(list, text, ground)).toBeGreaterThanOrEqual(TEXT[name]),
  );

  it("has words on the ink of a solid button", () => {
    expect(ratio(list, "text-inverse", "ink")).toBeGreaterThanOrEqual(7);
    expect(ratio(list, "text-inverse", "ink-hover")).toBeGreaterThanOrEqual(7);
  });

  it.each(
    [...ROLES, "good", "line-strong", "focus"].flatMap((shape) =>
      ["canvas", "surface"].map((ground) => [shape, ground] as const),
    ),
  )("%s can be seen on %s", (shape, ground) =>
    expect(ratio(list, shape, ground)).toBeGreaterThanOrEqual(SHAPE[name]),
  );

  it("shows the border of a control and the focus on every ground", () => {
    for (const ground of GROUNDS) {
      expect(ratio(list, "line-strong", ground)).toBeGreaterThanOrEqual(3);
      expect(ratio(list, "focus", ground)).toBeGreaterThanOrEqual(3);
    }
  });
});

it("measures as WCAG does", () => {
  expect(ratio({ a: "#000000", b: "#ffffff" }, "a", "b")).toBeCloseTo(21, 5);
  expect(ratio({ a: "#777777", b: "#ffffff" }, "a", "b")).toBeCloseTo(4.48, 2);
});

function listOf(head: string): List {
  const from = CSS.indexOf(head);
  if (from < 0) throw new Error(`tokens.css has no list that begins with ${head}`);
  const block = CSS.slice(from, CSS.indexOf("}", from));
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, token = "", value = ""]) => [
      token,
      value,
    ]),
  );
}

function ratio(list: List, one: string, other: string): number {
  const [light = 0, dark = 0] = [one, other]
    .map((token) => luminance(list[token] ?? "missing"))
    .sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  if (!/^#[0-9a-f]{6}$/.test(colour)) throw new Error(`${colour} is no colour`);
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
