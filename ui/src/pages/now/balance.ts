/// What comes in and what goes out, both sides equal.
import type { NowView } from "../../lib/api/bindings";

export type FlowRole = "sun" | "self" | "battery" | "neighbour" | "import" | "export" | "other";
export type Flow = {
  name: "sun" | "house" | "battery" | "neighbours" | "grid" | "other";
  role: FlowRole;
  milliwatts: number;
  /** Known only when the slot is cleared. */
  expected: boolean;
};
export type Balance = { into: Flow[]; out: Flow[]; total: number };

const ROLES: Record<Exclude<Flow["name"], "grid">, FlowRole> = {
  sun: "sun",
  house: "self",
  battery: "battery",
  neighbours: "neighbour",
  other: "other",
};

/** Readings of several meters are seconds apart: less than this share is no flow of its own. */
const SKEW = 0.02;

export function balanceOf(now: Pick<NowView, "flows" | "expected">): Balance | null {
  const { sun_milliwatts, house_milliwatts, battery_milliwatts, grid_milliwatts } = now.flows;
  if (house_milliwatts === null || grid_milliwatts === null) return null;
  const sun = sun_milliwatts ?? 0;
  const battery = battery_milliwatts ?? 0;
  const fromNeighbours = share(now.expected.from_neighbours_milliwatts, grid_milliwatts);
  const toNeighbours = share(now.expected.to_neighbours_milliwatts, -grid_milliwatts);
  const into: Flow[] = [
    flow("sun", "in", sun),
    flow("battery", "in", battery),
    { ...flow("neighbours", "in", fromNeighbours), expected: true },
    flow("grid", "in", grid_milliwatts - fromNeighbours),
  ];
  const out: Flow[] = [
    flow("house", "out", house_milliwatts),
    flow("battery", "out", -battery),
    { ...flow("neighbours", "out", toNeighbours), expected: true },
    flow("grid", "out", -grid_milliwatts - toNeighbours),
  ];
  return level(into, out);
}

/** Where the meters do not agree, the rest is shown as such and not hidden in another figure. */
function level(into: Flow[], out: Flow[]): Balance {
  const sumIn = sum(into);
  const sumOut = sum(out);
  const total = Math.max(sumIn, sumOut);
  const gap = Math.abs(sumIn - sumOut);
  if (gap > total * SKEW) {
    (sumIn < sumOut ? into : out).push(flow("other", "in", gap));
  }
  return { into: into.filter(flows), out: out.filter(flows), total };
}

/** The role, and so the colour, of a flow. */
export function roleOf(name: Flow["name"], side: "in" | "out"): FlowRole {
  if (name === "grid") return side === "in" ? "import" : "export";
  return ROLES[name];
}

const flow = (name: Flow["name"], side: "in" | "out", milliwatts: number): Flow => ({
  name,
  role: roleOf(name, side),
  milliwatts: Math.max(0, milliwatts),
  expected: false,
});

const share = (expected: number | null, all: number): number =>
  Math.max(0, Math.min(expected ?? 0, all));

const flows = (part: Flow): boolean => part.milliwatts >= 1000;

const sum = (parts: readonly Flow[]): number => parts.reduce((s, part) => s + part.milliwatts, 0);
