/// Energy: what is shown adds up, opens deeper, and can be taken away.
import { render, screen, waitFor, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import App from "../../App.svelte";
import type { EnergyBar, EnergyFigures, EnergyView, QualityCounts } from "../../lib/api/bindings";
import { EnergyShapes, laneOf, PARTS, partOf } from "../../lib/charts/energy";
import { DemoHouse } from "../../lib/demo/house";
import { Formats } from "../../lib/format";
import { speak } from "../../lib/i18n/index.svelte";
import { plainText } from "../../lib/phrase";
import { matched, otherDay } from "./compare";
import { csvName, csvOf } from "./csv";
import { barName, below, gapLine, leadOf, periodTitle, qualityLine } from "./words";

const en = new Formats("en-GB", "EUR", "Europe/Berlin");
const de = new Formats("de", "EUR", "Europe/Berlin");
/** Spaces that do not break look like others here. */
const plain = (text: string) => text.replace(/[\u00a0\u202f\u2009]/g, " ");

beforeEach(() => {
  speak(["en-GB"]);
  location.hash = "#/energy";
});

const NOTHING = Object.fromEntries(
  [
    "sun",
    "house",
    "self",
    "to_battery",
    "to_neighbours",
    "to_grid",
    "open_out",
    "from_battery",
    "from_neighbours",
    "from_grid",
    "open_in",
  ].map((name) => [`${name}_milliwatt_hours`, null]),
) as unknown as EnergyFigures;
const NONE: QualityCounts = {
  measured: 0,
  recovered: 0,
  estimated: 0,
  partial: 0,
  missing: 0,
  outside: 0,
};

function bar(starts: string, change: Partial<EnergyBar> = {}): EnergyBar {
  return {
    key: new Date(starts).toISOString().replace(".000Z", "Z"),
    starts,
    ends: starts,
    figures: NOTHING,
    quality: { ...NONE, measured: 1 },
    certainty: "settled",
    price_micros_per_kwh: null,
    retail_micros_per_kwh: null,
    feed_in_micros_per_kwh: null,
    ...change,
  };
}

async function viewOf(period: EnergyView["period"], day: string | null): Promise<EnergyView> {
  const answer = await new DemoHouse().energy({ period, day });
  if (answer.status === "error") throw new Error(answer.error.code);
  return answer.data;
}

describe("the page", () => {
  it("goes from the year to the month, the day, the quarter hour and its readings, by Enter alone", async () => {
    const user = userEvent.setup();
    render(App, { house: new DemoHouse() });
    await user.click(await screen.findByRole("button", { name: "Year" }));
    await screen.findByRole("heading", { name: "2026" });
    for (const title of ["June 2026", /June 2026/, /\d\d:\d\d–\d\d:\d\d/]) {
      const chart = await screen.findByRole("slider");
      chart.focus();
      await user.keyboard("{Enter}");
      await screen.findByRole("heading", { level: 2, name: title });
      await waitFor(() => expect(document.activeElement).not.toBe(document.body));
    }
    const readings = await screen.findByRole("region", { name: "Readings of meter grid" });
    expect(within(readings).getAllByRole("row").length).toBe(92);
    const registers = screen.getByRole("table", { name: /^Counters of meter grid/ });
    const [start, end, between] = [
      ...(within(registers)
        .getByRole("row", { name: /^Into the grid/ })
        .querySelectorAll("td") ?? []),
    ].map((cell) => Number(cell.textContent?.replace(/[^\d.]/g, "")));
    expect(end! - start!).toBeCloseTo(between!, 3);
  });

  it("goes a quarter hour on, and back up to its day", async () => {
    const user = userEvent.setup();
    render(App, { house: new DemoHouse() });
    (await screen.findByRole("slider")).focus();
    await user.keyboard("{Enter}");
    const opened = await screen.findByRole("heading", { level: 2, name: /–/ });
    const before = opened.textContent;
    await user.click(screen.getByRole("button", { name: "Previous quarter hour" }));
    await waitFor(() =>
      expect(screen.getByRole("heading", { level: 2, name: /–/ }).textContent).not.toBe(before),
    );
    const trail = screen.getByRole("navigation", { name: "Where you are" });
    await user.click(within(trail).getByRole("button", { name: /18 Jun/ }));
    await screen.findByRole("heading", { name: /18 June 2026/ });
    await screen.findByRole("slider");
    await waitFor(() => expect(document.activeElement?.tagName).toBe("H2"));
  });

  it("pages by whole periods and comes back to today", async () => {
    const house = new DemoHouse();
    const asked = vi.spyOn(house, "energy");
    const user = userEvent.setup();
    render(App, { house });
    await user.click(await screen.findByRole("button", { name: "Previous" }));
    await screen.findByRole("heading", { name: /17 June 2026/ });
    await user.click(screen.getByRole("button", { name: "Week" }));
    expect(
      plain((await screen.findByRole("heading", { name: /15.*21 June 2026/ })).textContent ?? ""),
    ).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Previous" }));
    await user.click(await screen.findByRole("button", { name: "Today" }));
    await screen.findByRole("heading", { name: /15.*21 June 2026/ });
    const days = asked.mock.calls.map(([{ period, day }]) => `${period} ${day}`);
    expect(days).toContain("week 2026-06-17");
    expect(days.at(-1)).toBe("week null");
  });

  it("shows what each role came to, and the table adds up to it", async () => {
    const user = userEvent.setup();
    render(App, { house: new DemoHouse() });
    await user.click(await screen.findByRole("button", { name: "Month" }));
    await screen.findByRole("heading", { name: "June 2026" });
    await user.click(screen.getByRole("button", { name: "Table" }));
    const table = await screen.findByRole("table");
    const column = within(table)
      .getAllByRole("columnheader")
      .findIndex((header) => header.textContent === "To neighbours");
    const figures = [...table.querySelectorAll("tbody tr, tfoot tr")].map((row) =>
      Number(row.children[column]?.textContent?.replace(/[^\d.]/g, "")),
    );
    const sum = figures.pop();
    expect(figures.reduce((total, each) => total + each, 0)).toBeCloseTo(sum!, 0);
    await user.click(within(table).getByRole("button", { name: /9 Jun/ }));
    await screen.findByRole("heading", { name: /9 June 2026/ });
    expect(screen.getByText(/6 quarter hours not measured/)).toBeTruthy();
  });

  it("saves what is shown and says where", async () => {
    const house = new DemoHouse();
    const saved = vi
      .spyOn(house, "saveCsv")
      .mockResolvedValue({ status: "ok", data: "/home/mara/x.csv" });
    const user = userEvent.setup();
    render(App, { house });
    await user.click(await screen.findByRole("button", { name: "Save as CSV" }));
    await screen.findByText("Saved as /home/mara/x.csv");
    const [name, text] = saved.mock.calls[0]!;
    expect(name).toBe("wattle-energy-2026-06-18.csv");
    expect(text.split("\r\n")).toHaveLength(98);
  });

  it("says why nothing could be saved", async () => {
    const house = new DemoHouse();
    vi.spyOn(house, "saveCsv").mockResolvedValue({
      status: "error",
      error: { code: "export_failed", message: "The disk is full.", hint: "Make room." },
    });
    const user = userEvent.setup();
    render(App, { house });
    await user.click(await screen.findByRole("button", { name: "Save as CSV" }));
    expect((await screen.findByRole("alert")).textContent).toMatch(/The disk is full/);
  });
});

describe("the table to take away", () => {
  const view = (): EnergyView => ({
    period: "day",
    step: "slot",
    from: "2026-10-25",
    to: "2026-10-26",
    previous: null,
    next: null,
    today: "2026-10-26",
    first_day: "2026-10-01",
    bars: [
      bar("2026-10-25T02:15:00+02:00", {
        figures: { ...NOTHING, to_grid_milliwatt_hours: 1_234_567, from_grid_milliwatt_hours: 0 },
        price_micros_per_kwh: 142_050,
      }),
      bar("2026-10-25T02:15:00+01:00", { quality: { ...NONE, missing: 1 } }),
    ],
    totals: NOTHING,
    quality: NONE,
    gaps: [],
    more_gaps: 0,
    has_sun: false,
    has_battery: false,
  });
  const cells = (text: string, separator: string) =>
    text
      .replace("\ufeff", "")
      .trimEnd()
      .split("\r\n")
      .map((line) => line.split(separator));

  it("has semicolons and commas where numbers have commas, and tells its units", () => {
    speak(["de"]);
    const text = csvOf(view(), de);
    expect(text.startsWith("\ufeff")).toBe(true);
    const [head, first, second] = cells(text, ";");
    expect(head).toContain("Ins Netz (kWh)");
    expect(head).toContain("Preis unter Nachbarn (EUR/kWh)");
    expect(first?.slice(0, 1)).toEqual(["2026-10-25T02:15:00+02:00"]);
    expect(second?.slice(0, 1)).toEqual(["2026-10-25T02:15:00+01:00"]);
    expect(first).toContain("1,234567");
    expect(first).toContain("0,14205");
    expect(first).toContain("0,000");
    expect(second).toContain("nicht gemessen");
    expect(second?.filter((cell) => cell === "").length).toBeGreaterThan(5);
    expect(new Set([head, first, second].map((row) => row?.length)).size).toBe(1);
  });

  it("has commas and points in English", () => {
    const [head, first] = cells(csvOf(view(), en), ",");
    expect(head?.[0]).toBe("From");
    expect(first).toContain("1.234567");
  });

  it("adds up to the period, to the milliwatt-hour", async () => {
    const month = await viewOf("month", "2026-06-01");
    const rows = cells(csvOf(month, en), ",");
    for (const { name } of PARTS) {
      const title = { to_grid: "To the grid (kWh)", self: "Used in the house at once (kWh)" }[
        name as string
      ];
      if (!title) continue;
      const column = rows[0]!.indexOf(title);
      const sum = rows
        .slice(1)
        .reduce((total, row) => total + Math.round(Number(row[column]) * 1e6), 0);
      expect(sum).toBe(partOf(month.totals, name));
    }
    expect(csvName(month)).toBe("wattle-energy-2026-06.csv");
  });
});

describe("words", () => {
  it("tell the two hours apart that the clock shows twice", () => {
    const bars = [
      bar("2026-10-25T01:45:00+02:00"),
      bar("2026-10-25T02:45:00+02:00"),
      bar("2026-10-25T02:45:00+01:00"),
      bar("2026-10-25T03:00:00+01:00"),
    ];
    const names = bars.map((each) => barName(each, "slot", en));
    expect(names).toEqual([
      "01:45–02:00",
      "02:45–02:00 (UTC+2)",
      "02:45–03:00 (UTC+1)",
      "03:00–03:15",
    ]);
  });

  it("name each period", () => {
    const title = (period: EnergyView["period"], from: string, to: string) =>
      plain(periodTitle({ period, from, to }, en));
    expect(title("day", "2026-06-18", "2026-06-19")).toMatch(/^Thursday,? 18 June 2026$/);
    expect(title("week", "2026-06-29", "2026-07-06")).toMatch(/^29 June.*5 July 2026$/);
    expect(title("month", "2026-06-01", "2026-07-01")).toBe("June 2026");
    expect(title("year", "2026-01-01", "2027-01-01")).toBe("2026");
  });

  it("say only what is known", () => {
    const said = (figures: Partial<EnergyFigures>) =>
      plain(plainText(leadOf({ ...NOTHING, ...figures }, en)));
    expect(said({})).toBe("");
    expect(said({ house_milliwatt_hours: 8_000_000, from_grid_milliwatt_hours: 8_000_000 })).toBe(
      "The house used 8.00 kWh. 8.00 kWh came in.",
    );
    expect(said({ to_grid_milliwatt_hours: 1e6, to_neighbours_milliwatt_hours: 2e6 })).toBe(
      "3.00 kWh went out, 2.00 kWh of it to neighbours.",
    );
  });

  it("say how the figures came about", () => {
    expect(qualityLine({ ...NONE, measured: 96 }, en)).toBe("All 96 quarter hours were measured.");
    expect(qualityLine({ ...NONE, measured: 90, recovered: 4, missing: 2 }, en)).toBe(
      "90 of 96 quarter hours were measured; 4 recovered and 2 not measured.",
    );
    expect(qualityLine({ ...NONE, outside: 96 }, en)).toMatch(/^No quarter hour/);
    const gap = { from: "2026-06-09T01:15:00Z", to: "2026-06-09T02:45:00Z", slots: 6 } as const;
    expect(plain(gapLine({ ...gap, quality: "missing" }, en))).toBe(
      "Tue 9 Jun, 03:15–04:45: 6 quarter hours not measured.",
    );
  });

  it("lead from the year to the month to the day", () => {
    const of = (key: string) => bar("2026-06-18T00:00:00+02:00", { key });
    expect(below(of("2026"), "year")).toEqual({ period: "year", day: "2026-01-01" });
    expect(below(of("2026-06"), "month")).toEqual({ period: "month", day: "2026-06-01" });
    expect(below(of("2026-06-18"), "day")).toEqual({ period: "day", day: "2026-06-18" });
    expect(below(of("2026-06-18T10:00:00Z"), "slot")).toBeNull();
  });
});

describe("shapes", () => {
  const SIZE = { top: 100, bottom: 300 };

  it("stack what went out above the line and what came in below it", () => {
    const figures = {
      ...NOTHING,
      self_milliwatt_hours: 300_000,
      to_neighbours_milliwatt_hours: 200_000,
      from_grid_milliwatt_hours: 100_000,
    };
    const shapes = new EnergyShapes([bar("2026-06-18T00:00:00+02:00", { figures })], SIZE);
    const [self, sold, grid] = shapes.columns[0]!;
    expect([self?.role, sold?.role, grid?.role]).toEqual(["self", "neighbour", "import"]);
    expect(sold!.y + sold!.height).toBeCloseTo(self!.y);
    expect(grid!.y).toBeCloseTo(shapes.energy(0));
  });

  it("draw nothing out of nothing", () => {
    const shapes = new EnergyShapes([], SIZE);
    expect(shapes.columns).toEqual([]);
    expect(laneOf({ ...NONE, outside: 4 })).toEqual([]);
  });

  it("share the lane of a bar among the qualities, and leave free what is ahead", () => {
    const pieces = laneOf({ ...NONE, measured: 2, recovered: 1, missing: 1, outside: 4 });
    expect(pieces).toEqual([
      { kind: "measured", from: 0, to: 0.25 },
      { kind: "hatched", from: 0.25, to: 0.375 },
      { kind: "missing", from: 0.375, to: 0.5 },
    ]);
  });
});

describe("the demo", () => {
  it("has slots that add up to the day, days to the month, months to the year", async () => {
    const sum = (bars: readonly EnergyBar[]) =>
      PARTS.map(({ name }) =>
        bars.reduce((total, each) => total + (partOf(each.figures, name) ?? 0), 0),
      );
    const shown = (figures: EnergyFigures) => PARTS.map(({ name }) => partOf(figures, name) ?? 0);
    const year = await viewOf("year", "2026-05-01");
    expect(sum(year.bars)).toEqual(shown(year.totals));
    const may = await viewOf("month", "2026-05-17");
    expect(sum(may.bars)).toEqual(shown(may.totals));
    expect(shown(year.bars[4]!.figures)).toEqual(shown(may.totals));
    const day = await viewOf("day", "2026-05-17");
    expect(sum(day.bars)).toEqual(shown(may.bars[16]!.figures));
  });
});

describe("a comparison", () => {
  const shown = (change: Partial<EnergyView>) => ({ ...({} as EnergyView), bars: [], ...change });

  it("names a day of the period before, a year earlier, or the chosen one", () => {
    const day = shown({ period: "day", from: "2026-03-01" });
    expect(otherDay(day, "before", "")).toBe("2026-02-28");
    expect(otherDay(day, "year", "")).toBe("2025-03-01");
    expect(otherDay(shown({ period: "day", from: "2024-02-29" }), "year", "")).toBe("2023-02-28");
    expect(otherDay(shown({ period: "week", from: "2026-06-15" }), "year", "")).toBe("2025-06-16");
    expect(otherDay(day, "other", "2026-01-05")).toBe("2026-01-05");
    expect(otherDay(day, "other", "")).toBe(null);
    expect(otherDay(day, "none", "")).toBe(null);
  });

  it("sets the same time of day side by side, of hours that come twice each to its own", () => {
    const at = (...times: string[]) => times.map((time) => bar(time));
    const autumn = shown({
      step: "slot",
      bars: at(
        "2026-10-25T01:45:00+02:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
      ),
    });
    const before = shown({
      step: "slot",
      bars: at("2026-10-24T02:00:00+02:00", "2026-10-24T03:00:00+02:00"),
    });
    const found = matched(autumn, before).map((each) => each?.starts.slice(11, 16) ?? null);
    expect(found).toEqual([null, "02:00", null, "03:00"]);
  });

  it("is drawn on a scale that holds both periods", () => {
    const small = bar("2026-06-18T12:00:00+02:00", {
      figures: { ...NOTHING, to_grid_milliwatt_hours: 1_000_000 },
    });
    const great = bar("2026-06-17T12:00:00+02:00", {
      figures: {
        ...NOTHING,
        to_grid_milliwatt_hours: 9_000_000,
        from_grid_milliwatt_hours: 3_000_000,
      },
    });
    const shapes = new EnergyShapes([small], { top: 0, bottom: 120 }, [great]);
    const outline = shapes.outline(0);
    expect(outline!.top).toBeGreaterThanOrEqual(0);
    expect(outline!.bottom).toBeLessThanOrEqual(120);
    expect(outline!.bottom - outline!.top).toBeGreaterThan(90);
    expect(new EnergyShapes([small], { top: 0, bottom: 120 }).outline(0)).toBe(null);
  });
});
