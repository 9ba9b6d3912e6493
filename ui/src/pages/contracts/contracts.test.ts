/// Contracts and sources: what is shown, how one is typed, and what goes to the house.
import { render, screen, within } from "@testing-library/svelte";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import App from "../../App.svelte";
import type { ContractForm } from "../../lib/api/bindings";
import type { House } from "../../lib/api/house";
import { DemoHouse } from "../../lib/demo/house";
import { Formats } from "../../lib/format";
import { speak } from "../../lib/i18n/index.svelte";
import { draftOf, faultsOf, formOf, NO_CONTRACT } from "./form";
import { sentencesOf } from "./words";

const formats = new Formats("en", "EUR", "Europe/Berlin");
let user: UserEvent;

beforeEach(() => {
  speak(["en"]);
  location.hash = "#/settings";
  user = userEvent.setup();
});

async function open(change: (house: House) => void = () => {}) {
  const house: House = new DemoHouse();
  change(house);
  render(App, { house });
  const card = await screen.findByRole("region", { name: "Your contract with the utility" });
  return { house, card };
}

async function enter(card: HTMLElement): Promise<HTMLElement> {
  await user.click(await within(card).findByRole("button", { name: "New contract" }));
  return screen.findByRole("dialog", { name: "Contract with the utility" });
}

/** The form has one more, which nobody sees: Enter in a field presses it. */
const saveButton = (dialog: HTMLElement): HTMLElement => {
  const buttons = within(dialog).getAllByRole("button", { name: "Save contract" });
  return buttons.at(-1) as HTMLElement;
};

describe("the contracts", () => {
  it("say in words what each charges, and which is in force", async () => {
    const { card } = await open();
    expect(await within(card).findByText("in force")).toBeTruthy();
    expect(within(card).getByText(/costs 32\.0\sct/)).toBeTruthy();
    expect(within(card).getByText("Network fees lowered by the regulator")).toBeTruthy();
  });

  it("say what to do where there is none", async () => {
    const house = new DemoHouse({ state: "empty" });
    render(App, { house });
    expect(await screen.findByText(/Enter your contract/)).toBeTruthy();
  });

  it("show a failure in place, and the rest of the page goes on", async () => {
    const { card } = await open((house) => {
      house.contracts = async () => ({
        status: "error",
        error: { code: "history", message: "The history is busy.", hint: "Try again." },
      });
    });
    expect(await within(card).findByText(/The history is busy/)).toBeTruthy();
  });
});

describe("a new contract", () => {
  it("by the time of day goes to the house in the words of the file", async () => {
    const { house, card } = await open();
    const save = vi.spyOn(house, "saveContract");
    const dialog = await enter(card);
    await user.click(within(dialog).getByRole("radio", { name: /By the time of day/ }));
    await user.type(within(dialog).getByLabelText("Name"), "Night");
    await user.type(within(dialog).getByLabelText("Price (ct/kWh)"), "24");
    await user.click(saveButton(dialog));
    expect(save).toHaveBeenCalledTimes(1);
    const sent = save.mock.calls[0]?.[0] as ContractForm;
    expect(sent.zones).toEqual([
      {
        name: "Night",
        hours: ["22:00-06:00"],
        days: [],
        months: [],
        retail: { ...NO_CONTRACT.retail, price: "0.240000 EUR/kWh" },
        feed_in: null,
      },
    ]);
    expect(await within(card).findByText("to come")).toBeTruthy();
  });

  it("is not sent while a field is wrong, and says which", async () => {
    const { house, card } = await open();
    const save = vi.spyOn(house, "saveContract");
    const dialog = await enter(card);
    const price = within(dialog).getByLabelText("Price with all taxes (ct/kWh)");
    await user.clear(price);
    await user.type(price, "thirty");
    await user.click(saveButton(dialog));
    expect(save).not.toHaveBeenCalled();
    expect(within(dialog).getByText("Write a price, such as 32.5.")).toBeTruthy();
    expect(price.getAttribute("aria-invalid")).toBe("true");
  });

  it("shows what a day would have cost with it", async () => {
    const { card } = await open();
    const dialog = await enter(card);
    await user.click(within(dialog).getByRole("button", { name: "Show" }));
    const table = await within(dialog).findByRole("table");
    expect(within(table).getByRole("columnheader", { name: "As it was" })).toBeTruthy();
    expect(within(table).getByRole("rowheader", { name: "Together" })).toBeTruthy();
  });

  it("that the house refuses stays open with the reason", async () => {
    const { card } = await open((house) => {
      house.saveContract = async () => ({
        status: "error",
        error: { code: "alters_the_past", message: "That day has begun.", hint: "Later." },
      });
    });
    const dialog = await enter(card);
    await user.click(saveButton(dialog));
    expect(await within(dialog).findByText(/That day has begun/)).toBeTruthy();
  });
});

describe("a form", () => {
  const dynamic: ContractForm = {
    ...NO_CONTRACT,
    valid_from: "2026-07-01",
    retail: {
      ...NO_CONTRACT.retail,
      price: "0.015 EUR/kWh",
      spot: "100 %",
      surcharge: "3 %",
      charges: [{ name: "Grid fee", price: "0.0853 EUR/kWh", taxed: true }],
      at_most: "0.500 EUR/kWh",
      tax: "19 %",
      below_zero: "sum_untaxed",
    },
    feed_in: { ...NO_CONTRACT.feed_in, price: "0.0794 EUR/kWh", zero_if_spot_negative: true },
    standing: ["12.90 EUR/month", "-596.86 EUR/year"],
    by_the_hour: true,
  };

  it("keeps what it has no field for", () => {
    const draft = draftOf(dynamic, formats);
    expect(faultsOf(draft, formats, "2026-07-01")).toEqual(new Set());
    const again = formOf(draft, dynamic, formats, "EUR");
    expect(again.retail).toMatchObject({
      surcharge: "3 %",
      at_most: "0.500 EUR/kWh",
      below_zero: "sum_untaxed",
      charges: [{ name: "Grid fee", price: "0.085300 EUR/kWh", taxed: true }],
    });
    expect(again.standing).toEqual(["12.90 EUR/month", "-596.86 EUR/year"]);
    expect(again.feed_in.zero_if_spot_negative).toBe(true);
  });

  it("that begins too early, or lacks a zone's name, is at fault there", () => {
    const draft = { ...draftOf(dynamic, formats), kind: "clock" as const, retail: "30" };
    draft.zones = [{ name: "", days: [], from: "22:00", to: "22:00", price: "" }];
    const faults = faultsOf(draft, formats, "2026-07-02");
    expect([...faults].sort()).toEqual([
      "validFrom",
      "zone.0.days",
      "zone.0.hours",
      "zone.0.name",
      "zone.0.price",
    ]);
  });

  it("is said in words", () => {
    const sentences = sentencesOf(dynamic, formats);
    expect(sentences[0]).toMatch(/price plus 1\.5\sct and Grid fee 8\.53\sct/);
    expect(sentences.some((sentence) => sentence.includes("below zero"))).toBe(true);
  });
});

describe("the sources", () => {
  it("are chosen by the owner, with their age", async () => {
    const { house } = await open();
    const save = vi.spyOn(house, "saveSources");
    const card = await screen.findByRole("region", { name: "Prices, weather and your home" });
    expect(await within(card).findByText(/Energy-Charts \(DE-LU\), .* ago/)).toBeTruthy();
    await user.selectOptions(within(card).getByLabelText("Prices of the power market"), "none");
    await user.click(within(card).getByRole("button", { name: "Save" }));
    expect(save.mock.calls[0]?.[0]).toMatchObject({ prices: null, weather: true });
    expect(await within(card).findByText(/the sources are asked now/)).toBeTruthy();
  });

  it("need a place for the weather", async () => {
    const { house } = await open();
    const save = vi.spyOn(house, "saveSources");
    const card = await screen.findByRole("region", { name: "Prices, weather and your home" });
    await user.clear(await within(card).findByLabelText("Latitude of the home"));
    await user.click(within(card).getByRole("button", { name: "Save" }));
    expect(save).not.toHaveBeenCalled();
    expect(within(card).getByText(/weather is asked for a place/)).toBeTruthy();
  });
});

describe("the next 48 hours", () => {
  it("are summed up, spoken bar by bar, and there as a table", async () => {
    location.hash = "#/rules";
    render(App, { house: new DemoHouse() });
    const chart = await screen.findByRole("slider", { name: "The next 48 hours" });
    expect(await screen.findByText(/are expected to be left over/)).toBeTruthy();
    chart.focus();
    await user.keyboard("{Home}");
    expect(chart.getAttribute("aria-valuetext")).toMatch(/Your utility asks 32\.0\sct/);
    await user.keyboard("t");
    const table = await screen.findByRole("table", { name: "The next 48 hours" });
    expect(within(table).getAllByRole("row").length).toBe(193);
  });

  it("say what is missing where nothing is foretold", async () => {
    location.hash = "#/rules";
    render(App, { house: new DemoHouse({ state: "empty" }) });
    expect(await screen.findByText(/as soon as there is a day of your own readings/)).toBeTruthy();
  });
});
