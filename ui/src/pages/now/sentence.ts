/// The sentence about now, made from the facts.
import type { NowView } from "../../lib/api/bindings";
import type { Formats } from "../../lib/format";
import { join, say, type Figure, type Phrase, type Role } from "../../lib/phrase";

/** Below this a figure is the meter's own noise: nothing flows. */
export const QUIET_MILLIWATTS = 10_000;

type Facts = Pick<NowView, "flows" | "prices" | "expected" | "has_sun">;

/** Says what flows; null before there is anything to say. */
export function nowSentence(facts: Facts, formats: Formats): Phrase[] | null {
  const { house_milliwatts: house, grid_milliwatts: grid, sun_milliwatts: sun } = facts.flows;
  if (house === null && grid === null && sun === null) return null;
  return join(home(facts, formats), battery(facts, formats), border(facts, formats));
}

function home({ flows, has_sun }: Facts, formats: Formats): Phrase[] {
  const { sun_milliwatts: sun, house_milliwatts: house } = flows;
  const figures = {
    sun: power(sun, "sun", formats),
    house: power(house, "self", formats),
  };
  const shines = has_sun && sun !== null && sun >= QUIET_MILLIWATTS;
  if (house === null) return shines ? say("now.sun", figures) : [];
  if (shines) return say("now.sun_and_house", figures);
  return say(has_sun && sun !== null ? "now.dark_and_house" : "now.house", figures);
}

function battery({ flows }: Facts, formats: Formats): Phrase[] {
  const milliwatts = flows.battery_milliwatts;
  if (milliwatts === null || Math.abs(milliwatts) < QUIET_MILLIWATTS) return [];
  const figures = { battery: power(Math.abs(milliwatts), "battery", formats) };
  return say(milliwatts > 0 ? "now.battery_gives" : "now.battery_takes", figures);
}

function border({ flows, prices, expected }: Facts, formats: Formats): Phrase[] {
  const grid = flows.grid_milliwatts;
  if (grid === null) return [];
  if (Math.abs(grid) < QUIET_MILLIWATTS) return say("now.level");
  const out = grid < 0;
  const role: Role = out ? "export" : "import";
  const all = Math.abs(grid);
  const neighbours = Math.min(
    all,
    (out ? expected.to_neighbours_milliwatts : expected.from_neighbours_milliwatts) ?? 0,
  );
  const figures = {
    grid: power(all, role, formats),
    neighbours: power(neighbours, "neighbour", formats),
    price: price(prices.last_cleared_micros_per_kwh, "neighbour", formats),
    utility: price(
      out ? prices.feed_in_micros_per_kwh : prices.retail_micros_per_kwh,
      role,
      formats,
    ),
  };
  const side = out ? "out" : "in";
  if (neighbours < QUIET_MILLIWATTS || prices.last_cleared_micros_per_kwh === null) {
    return say(`now.${side}_grid`, figures);
  }
  const some = all - neighbours >= QUIET_MILLIWATTS;
  return say(some ? `now.${side}_shared` : `now.${side}_neighbours`, figures);
}

const power = (milliwatts: number | null, role: Role, formats: Formats): Figure => ({
  text: formats.power(milliwatts),
  role,
});

const price = (micros: number | null, role: Role, formats: Formats): Figure => ({
  text: formats.priceAbout(micros),
  role,
});
