/// The demo's statements: cents from the demo's own totals, and a verification that names every step.
import type {
  IssuedView,
  LineKindView,
  LineView,
  TotalsView,
  VerificationView,
} from "../api/bindings";

const NANOS_PER_CENT = 10_000_000n;

/** A step of verification, in its order. */
export const STEPS = [
  "file",
  "anchor",
  "checkpoint",
  "entries",
  "signatures",
  "configuration",
  "readings",
  "trades",
  "postings",
  "corrections",
  "lines",
  "rounding",
  "comparison",
] as const;

export type Made = {
  number: number;
  at: number;
  whole: boolean;
  totals: TotalsView;
  slots: number;
};

export function issuedOf({ number, at, whole, totals, slots }: Made): IssuedView {
  const kinds: [LineKindView, string, number | null][] = [
    ["sold", totals.sold, totals.sold_wh],
    ["bought", totals.bought, totals.bought_wh],
    ["operator_fee", totals.fees, null],
    ["from_utility", totals.from_grid, totals.from_grid_wh],
    ["to_utility", totals.to_grid, totals.to_grid_wh],
  ];
  const lines = kinds
    .filter(([, nanos]) => nanos !== "0")
    .map(([kind, nanos, wh]) => lineOf(kind, nanos, wh));
  // Largest remainder is the program's business; the demo lets its last line take what is left.
  const total = lineOf("total", totals.net, null);
  const last = lines.at(-1);
  if (last) {
    const missing = total.gross_cents - lines.reduce((sum, line) => sum + line.gross_cents, 0);
    last.net_cents += missing;
    last.gross_cents += missing;
  }
  return {
    number: numberOf(number),
    made_at: new Date(at).toISOString(),
    whole_month: whole,
    slots,
    settled: totals.slots,
    measured_by_member: totals.slots,
    measured_by_utility: 0,
    unmeasured: 0,
    opening: null,
    closing: null,
    lines,
    total,
    gain_cents: cents((BigInt(totals.earned) + BigInt(totals.saved)).toString()),
    previous: number === 1 ? null : numberOf(number - 1),
    corrections: 0,
  };
}

export const verified = (): VerificationView => ({
  ok: true,
  steps: STEPS.map((name) => ({ name, ok: true, detail: "it holds" })),
  first_failure: null,
  member_share: 1,
  utility_share: 0,
});

const numberOf = (number: number): string => `home-01-${String(number).padStart(5, "0")}`;

const cents = (nanos: string): number => Number(BigInt(nanos) / NANOS_PER_CENT);

function lineOf(kind: LineKindView, nanos: string, wh: number | null): LineView {
  const amount = cents(nanos);
  const size = BigInt(nanos) < 0n ? -BigInt(nanos) : BigInt(nanos);
  return {
    kind,
    reference: null,
    energy_wh: wh,
    average_micros_per_kwh: wh ? Number(size / BigInt(wh)) : null,
    net_cents: amount,
    tax_cents: 0,
    gross_cents: amount,
  };
}
