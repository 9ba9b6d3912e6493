/// Every code that the program can give has its German sentence, and no sentence has lost its code.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { speak } from "./i18n/index.svelte";
import german from "./i18n/program.de.json";
import { told } from "./program";

beforeEach(() => speak(["de"]));

const CRATES = join(import.meta.dirname, "../../../crates");
const TAURI = join(import.meta.dirname, "../../../src-tauri/src");
const sources = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".rs"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    // What follows are tests, whose codes nobody sees.
    .map((text) => text.split("#[cfg(test)]")[0])
    .join("\n");

const HOME = sources(join(CRATES, "home/src")) + sources(TAURI);
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, code]) => code);
/** The body of a function, up to the brace that closes it at the same depth. */
const body = (text: string, name: string): string =>
  text.split(new RegExp(`fn ${name}\\(`))[1]?.split(/\n {0,4}\}\n/)[0] ?? "";

it("has a sentence for every refusal of the household, and what to do", () => {
  const error = readFileSync(join(CRATES, "home/src/error.rs"), "utf8");
  const made = all(HOME, /(?<!Trouble \{\s*)\bcode: "([a-z_]+)"\.to_owned\(\),\s+message/g);
  const joining = readFileSync(join(CRATES, "home/src/join.rs"), "utf8");
  const codes = [
    ...made,
    ...all(HOME, /\brefusal\(\s*"([a-z_]+)"/g),
    ...all(body(joining, "code"), /"([a-z_]+)"/g),
    ...all(body(error, "code") + body(error, "history_code"), /"([a-z_]+)"/g),
  ];
  expect(codes.length).toBeGreaterThan(12);
  const lacking = codes.filter(
    (code) => !(`refusal.${code}` in german) || !(`refusal.${code}.todo` in german),
  );
  expect([...new Set(lacking)]).toEqual([]);
});

it("has a sentence for everything that goes wrong with a meter", () => {
  const trouble = readFileSync(join(CRATES, "drivers/src/trouble.rs"), "utf8");
  const codes = all(body(trouble, "word"), /=> "([a-z_]+)"/g);
  expect(codes.length).toBeGreaterThan(8);
  expect(codes.filter((code) => !(`trouble.meter.${code}` in german))).toEqual([]);
});

it("says it in the owner's language, and else in the program's with its language named", () => {
  expect(told("trouble.meter.timeout", "No answer.")).toEqual({
    text: german["trouble.meter.timeout"],
    lang: undefined,
  });
  expect(told("trouble.meter.new", "Something new.")).toEqual({
    text: "Something new.",
    lang: "en",
  });
  speak(["en"]);
  expect(told("trouble.meter.timeout", "No answer on COM3.")).toEqual({
    text: "No answer on COM3.",
    lang: undefined,
  });
});

it("does not take a name that every object has for a sentence", () =>
  expect(told("constructor", "x").text).toBe("x"));
