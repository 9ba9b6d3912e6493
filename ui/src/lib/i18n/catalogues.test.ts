/// No language lacks a sentence, and no page has one of its own.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, type AST } from "svelte/compiler";
import { describe, expect, it } from "vitest";
import de from "./de.json";
import en from "./en.json";
import { fill, placesOf } from "./message";

const SOURCES = join(import.meta.dirname, "../..");
const REASONS = join(import.meta.dirname, "../../../../crates/rules/src/reason.rs");

const files = (ending: string): string[] =>
  readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.includes(".test."))
    .map((name) => join(SOURCES, name));

describe("catalogues", () => {
  it("have the same keys", () => expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort()));

  it.each(Object.keys(en))("%s has the same places in both, and text", (key) => {
    const [english, german] = [en[key as keyof typeof en], de[key as keyof typeof de]];
    expect(german.trim()).not.toBe("");
    expect(english.trim()).not.toBe("");
    expect(placesOf(german)).toEqual(placesOf(english));
  });

  it.each(Object.entries({ ...en }))("%s can be filled", (key) => {
    for (const [catalogue, locale] of [
      [en, "en"],
      [de, "de"],
    ] as const) {
      const message = catalogue[key as keyof typeof en];
      const values = Object.fromEntries(placesOf(message).map((place) => [place, 2]));
      const text = fill(message, values, locale).map((part) => part.text);
      expect(text.join("")).not.toMatch(/[{}#]/);
    }
  });

  it("have every key that the sources name", () => {
    const named = [...files(".svelte"), ...files(".ts")].flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\b(?:t|say|parts)\(\s*"([a-z_.]+)"/g)].map(
        ([, key]) => key,
      ),
    );
    expect(named.length).toBeGreaterThan(80);
    expect(named.filter((key) => key && !(key in en))).toEqual([]);
  });

  it("have a sentence for every reason that the rules can give", () => {
    const block = readFileSync(REASONS, "utf8").split("ReasonCode {")[1]?.split("\n    }")[0] ?? "";
    const codes = [...block.matchAll(/= "([a-z_]+)"/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !(`reason.${code}` in en))).toEqual([]);
  });
});

describe("pages", () => {
  it.each(files(".svelte").map((file) => [file.slice(SOURCES.length + 1), file]))(
    "%s has no words of its own",
    (_, file) => {
      expect(wordsIn(parse(readFileSync(file, "utf8"), { modern: true }).fragment)).toEqual([]);
    },
  );
});

/** Attributes that a person reads or hears. */
const SPOKEN = new Set(["title", "alt", "placeholder", "label", "aria-label", "aria-valuetext"]);

function wordsIn(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(wordsIn);
  if (node === null || typeof node !== "object") return [];
  const { type } = node as { type?: string };
  if (type === "Text") return letters((node as AST.Text).data);
  if (type === "Attribute") {
    const { name, value } = node as AST.Attribute;
    if (!SPOKEN.has(name) || value === true) return [];
    const pieces = Array.isArray(value) ? value : [value];
    return pieces.flatMap((piece) => (piece.type === "Text" ? letters(piece.data) : []));
  }
  if (type === "ExpressionTag") return [];
  return Object.entries(node)
    .filter(([key]) =>
      ["fragment", "nodes", "attributes", "body", "consequent", "alternate", "fallback"].includes(
        key,
      ),
    )
    .flatMap(([, child]) => wordsIn(child));
}

const letters = (text: string): string[] => (/\p{L}/u.test(text) ? [text.trim()] : []);
