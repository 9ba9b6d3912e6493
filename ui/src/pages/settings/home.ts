/// The choices of a home: places with their clocks, currencies with their names, fuses as they are labelled.
import { spokenLocale } from "../../lib/i18n/index.svelte";

export const PHASES = ["3", "1"] as const;
export type Phases = (typeof PHASES)[number];
type Option = { value: string; label: string };

/** Volts between a phase and neutral, as meters and fuses in Europe are rated. */
const VOLTS = 230;
const MOST_AMPS = 1000;

/** Fuses of three phases that let through no more than one phase may: what fuses are made for. */
const SMALL = [10, 13, 16, 20];
const MOST_OF_ONE_PHASE = 63;

/** The same watts may be three times 16 A or once 48 A; fuses are made of the former. */
export const phasesOf = (watts: number): Phases =>
  watts > MOST_OF_ONE_PHASE * VOLTS || SMALL.includes(watts / (3 * VOLTS)) ? "3" : "1";

/** What stands on the fuse, to the ampere. */
export const ampsOf = (watts: number): number =>
  Math.max(1, Math.round(watts / (VOLTS * Number(phasesOf(watts)))));

/** What the fuse lets through; null where no ampere was typed. */
export function fuseWatts(phases: Phases, amps: string): number | null {
  const plain = amps.trim();
  if (!/^\d{1,4}$/.test(plain)) return null;
  const number = Number(plain);
  return number >= 1 && number <= MOST_AMPS ? number * VOLTS * Number(phases) : null;
}

/** Every zone that this computer knows, and the one that is set. */
export function zones(present: string): Option[] {
  const known = Intl.supportedValuesOf("timeZone");
  return sorted([...new Set([...known, "UTC", present])].map((value) => ({ value, label: value })));
}

/** Every currency with the name that the reader knows, the set one among them. */
export function currencies(present: string): Option[] {
  const names = new Intl.DisplayNames([spokenLocale()], { type: "currency" });
  const known = new Set([...Intl.supportedValuesOf("currency"), present]);
  return sorted([...known].map((value) => ({ value, label: `${names.of(value)} (${value})` })));
}

/** The zone that this computer is set to: most computers stand in the home whose meter they read. */
export const zoneHere = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

const sorted = (options: Option[]): Option[] =>
  options.sort((a, b) => a.label.localeCompare(b.label, spokenLocale()));
