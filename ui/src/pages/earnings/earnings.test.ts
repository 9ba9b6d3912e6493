/// A month, its days, and the quarter hours in them.
import { render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import App from "../../App.svelte";
import type { EarningsSlot, TotalsView } from "../../lib/api/bindings";
import { DemoHouse } from "../../lib/demo/house";
import { speak } from "../../lib/i18n/index.svelte";
import { runsOf } from "./runs";

beforeEach(() => {
  speak(["en-GB"]);
  location.hash = "#/earnings";
});

/** The minor units that stand in a cell. */
const cents = (text: string | null | undefined): number =>
  Number((text ?? "").replace("−", "-").replace(/[^\d-]/g, ""));

describe("the statement", () => {
  it("has lines that add up to the cent, both ways", async () => {
    render(App, { house: new DemoHouse() });
    const card = await screen.findByRole("region", { name: "What it comes to" });
    const amount = (name: string) => {
      const row = within(card).getByRole("rowheader", { name }).closest("tr");
      return cents(row?.querySelector("td:last-child")?.textContent);
    };
    const lines = [
      "Sold to neighbours",
      "Sold to the grid",
      "Bought from neighbours",
      "Bought from the grid",
      "Market fees",
    ];
    const sum = lines.reduce((total, name) => total + amount(name), 0);
    expect(sum).toBe(amount("Comes to"));
    const gains =
      amount("Earned above feed-in, after fees") + amount("Saved below retail, after fees");
    expect(gains).toBe(amount("Better by"));
    expect(amount("With the utility alone") + gains).toBe(amount("Comes to"));
    expect(amount("Bought from the grid")).toBeLessThan(0);
  });

  it("has days that add up to it", async () => {
    render(App, { house: new DemoHouse() });
    const days = await screen.findByRole("region", { name: "Days" });
    const column = [...days.querySelectorAll("tbody .better")].map((cell) =>
      cents(cell.textContent),
    );
    expect(column.length).toBe(18);
    const foot = days.querySelector("tfoot td:last-child")?.textContent;
    expect(column.reduce((sum, each) => sum + each, 0)).toBe(cents(foot));
  });
});

describe("the statement with its proofs", () => {
  it("is made, adds up to the cent, and is verified step by step", async () => {
    render(App, { house: new DemoHouse() });
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Make statement" }));
    const table = await screen.findByRole("table", { name: "Lines of the statement" });
    const amounts = [...table.querySelectorAll("tbody tr td:last-child")];
    const sum = amounts.reduce((total, cell) => total + cents(cell.textContent), 0);
    expect(sum).toBe(cents(table.querySelector("tfoot td:last-child")?.textContent));
    await user.click(screen.getByRole("button", { name: "Verify" }));
    const steps = await screen.findByRole("list", { name: "Steps of the verification" });
    expect(within(steps).getAllByRole("listitem").length).toBe(13);
    expect(steps.textContent).toMatch(/Holds:\s*Every entry is in the log/);
  });

  it("says which step fails, and what was found", async () => {
    const house = new DemoHouse();
    house.verifyStatement = async () => ({
      status: "ok",
      data: {
        ok: false,
        first_failure: "entries",
        steps: [{ name: "entries", ok: false, detail: "the proof leads to another root" }],
        member_share: 1,
        utility_share: 0,
      },
    });
    render(App, { house });
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Make statement" }));
    await user.click(await screen.findByRole("button", { name: "Verify" }));
    expect(await screen.findByText(/First fault: Every entry is in the log/)).toBeTruthy();
    expect(screen.getByText("the proof leads to another root")).toBeTruthy();
  });

  it("is saved in the window's language", async () => {
    const house = new DemoHouse();
    const saved = vi.spyOn(house, "saveStatement");
    speak(["de"]);
    render(App, { house });
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Abrechnung erstellen" }));
    await user.click(await screen.findByRole("button", { name: "Als PDF sichern" }));
    expect(saved).toHaveBeenCalledWith("2026-06", "pdf", "de");
    expect(await screen.findByText("Downloads/statement-2026-06.pdf")).toBeTruthy();
  });
});

it("goes a month back, and forth again", async () => {
  const house = new DemoHouse();
  const asked = vi.spyOn(house, "earnings");
  render(App, { house });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: /Previous month/ }));
  expect(await screen.findByRole("heading", { name: "May 2026" })).toBeTruthy();
  await user.click(screen.getByRole("button", { name: /Next month/ }));
  expect(await screen.findByRole("heading", { name: "June 2026" })).toBeTruthy();
  expect(asked.mock.calls.map(([month]) => month)).toEqual([null, "2026-05", "2026-06"]);
});

describe("an opened day", () => {
  function slot(index: number, change: Partial<EarningsSlot> = {}): EarningsSlot {
    const totals = { earned: "0", saved: "0", to_grid_wh: 1, from_grid_wh: 10 } as TotalsView;
    const start = new Date(Date.parse("2026-06-17T22:00:00Z") + index * 900_000).toISOString();
    return {
      slot: start,
      certainty: "settled",
      quality: "measured",
      price_micros_per_kwh: null,
      totals,
      trades: [],
      version: 1,
      ...change,
    };
  }
  const trade = {
    order: "a",
    side: "sell",
    energy_wh: 1,
    price_micros_per_kwh: 1,
    amount: "1",
  } as const;

  it("puts quiet quarter hours together, and keeps all of their energy", () => {
    const runs = runsOf([slot(0), slot(1), slot(2, { trades: [trade] }), slot(3), slot(4)]);
    expect(runs.map((run) => run.slots.length)).toEqual([2, 1, 2]);
    expect(runs.reduce((sum, run) => sum + run.fromGridWh, 0)).toBe(50);
  });

  it("keeps apart what is estimated, corrected, or has a gap before it", () => {
    expect(runsOf([slot(0), slot(1, { quality: "estimated" }), slot(2)])).toHaveLength(3);
    expect(runsOf([slot(0), slot(1, { version: 2 }), slot(2)])).toHaveLength(3);
    expect(runsOf([slot(0), slot(2)])).toHaveLength(2);
    expect(runsOf([])).toEqual([]);
  });
});
