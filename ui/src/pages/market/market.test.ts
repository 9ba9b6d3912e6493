/// The market: what stands, what was traded, deals in the owner's words, and a book that adds up.
import { render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import App from "../../App.svelte";
import type { BookView, MarketView } from "../../lib/api/bindings";
import { curvesOf, pathOf } from "../../lib/charts/curves";
import { DemoHouse } from "../../lib/demo/house";
import { speak } from "../../lib/i18n/index.svelte";

/** What jsdom lacks of a window. */
beforeEach(() => {
  Element.prototype.scrollIntoView = () => {};
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
    this.dispatchEvent(new Event("close"));
  };
});

beforeEach(() => {
  speak(["en-GB"]);
  location.hash = "#/market";
});

async function market(house: DemoHouse): Promise<MarketView> {
  const answer = await house.market();
  if (answer.status === "error") throw new Error(answer.error.code);
  return answer.data;
}

async function book(house: DemoHouse, slot: string): Promise<BookView> {
  const answer = await house.marketBook(slot);
  if (answer.status === "error") throw new Error(answer.error.code);
  return answer.data;
}

const sum = (orders: BookView["orders"], side: string) =>
  orders.reduce((wh, order) => (order.side === side ? wh + order.filled_wh : wh), 0);

describe("the demo's books", () => {
  it("sell what they buy, serve nobody beyond his limit, and leave nobody better unserved", async () => {
    const house = new DemoHouse();
    const { trades } = await market(house);
    expect(trades.length).toBeGreaterThan(10);
    for (const { slot } of trades) {
      const { orders, price_micros_per_kwh: price, traded_wh: traded } = await book(house, slot);
      expect([sum(orders, "sell"), sum(orders, "buy")]).toEqual([traded, traded]);
      for (const order of orders) {
        expect(order.filled_wh).toBeGreaterThanOrEqual(0);
        expect(order.filled_wh).toBeLessThanOrEqual(order.quantity_wh);
        const spare = (order.here_micros_per_kwh - (price ?? 0)) * (order.side === "sell" ? -1 : 1);
        if (spare < 0) expect(order.filled_wh).toBe(0);
        if (spare > 0) expect(order.filled_wh).toBe(order.quantity_wh);
      }
    }
  });
});

it("lays orders end to end, supply upwards and demand downwards", () => {
  const order = (side: "sell" | "buy", here: number, quantity: number) => ({
    side,
    area: "a",
    quantity_wh: quantity,
    filled_wh: 0,
    limit_micros_per_kwh: here,
    here_micros_per_kwh: here,
    mine: false,
  });
  const curves = curvesOf([order("sell", 10, 5), order("sell", 20, 7), order("buy", 30, 4)], 25);
  expect(curves.supply.map(({ fromWh, toWh }) => [fromWh, toWh])).toEqual([
    [0, 5],
    [5, 12],
  ]);
  expect([curves.mostWh, curves.low, curves.high]).toEqual([12, 10, 30]);
  const path = pathOf(
    curves.supply,
    (wh) => wh,
    (price) => price,
  );
  expect(path).toBe("M0,10L5,10L5,20L12,20");
});

it("shows where each quarter hour is in its life, and opens one to its book", async () => {
  const house = new DemoHouse();
  render(App, { house });
  const line = await screen.findByRole("region", { name: /My offers/ });
  expect(within(line).getByText("now")).toBeTruthy();
  expect(within(line).getAllByText("settled").length).toBeGreaterThan(2);
  expect(within(line).getAllByText(/^Can be changed until/).length).toBeGreaterThan(2);
  const user = userEvent.setup();
  await screen.findByRole("region", { name: /The last cleared quarter hour/ });
  const [first] = within(line).getAllByRole("button", { name: /^Details of/ });
  await user.click(first!);
  const opened = await screen.findByRole("region", { name: /^How .* was cleared$/ });
  expect(await within(opened).findByText(/offered, .* wanted/)).toBeTruthy();
  expect(within(opened).getByText(/The price stops at a buyer/)).toBeTruthy();
  expect(within(opened).getByText(/Checked here/)).toBeTruthy();
});

it("withdraws an offer that can still be changed", async () => {
  const house = new DemoHouse();
  const asked = vi.spyOn(house, "withdrawOrder");
  render(App, { house });
  const user = userEvent.setup();
  const [offer] = await screen.findAllByRole("button", { name: /^Withdraw: Sell up to/ });
  await user.click(offer!);
  expect(asked).toHaveBeenCalledOnce();
});

describe("deals", () => {
  it("are read as sentences and accepted after one question", async () => {
    const house = new DemoHouse();
    const asked = vi.spyOn(house, "acceptDeal");
    render(App, { house });
    const user = userEvent.setup();
    const card = await screen.findByRole("region", { name: "Deals with neighbours" });
    expect(
      within(card).getByText(
        /You buy from home-11 up to 0.80\skWh a quarter hour at 21.0\sct: every day, all day\./,
      ),
    ).toBeTruthy();
    await user.click(within(card).getByRole("button", { name: "Accept" }));
    const dialog = await screen.findByRole("dialog", { name: "Agree to this deal?" });
    await user.click(within(dialog).getByRole("button", { name: "Accept" }));
    expect(asked).toHaveBeenCalledWith("deal-2");
    // One was agreed before, so the answer is there once there are two.
    await vi.waitFor(() => expect(within(card).getAllByText(/^agreed, from/).length).toBe(2));
  });

  it("are proposed only when nothing is missing, and the sentence says what is sent", async () => {
    const house = new DemoHouse();
    const asked = vi.spyOn(house, "proposeDeal");
    render(App, { house });
    const user = userEvent.setup();
    await user.click(await screen.findByRole("button", { name: "Propose a deal" }));
    const dialog = await screen.findByRole("dialog", { name: "Propose a deal" });
    const send = () => within(dialog).getAllByRole("button", { name: "Send the proposal" }).at(-1)!;
    await user.click(send());
    expect(asked).not.toHaveBeenCalled();
    expect(within(dialog).getByText("Name your neighbour.")).toBeTruthy();
    await user.type(within(dialog).getByLabelText("Neighbour"), "home-09");
    await user.type(within(dialog).getByLabelText(/^Price in/), "14,5");
    expect(within(dialog).getByText(/6.4\sct more than the 8.1\sct/)).toBeTruthy();
    expect(within(dialog).getByText(/You sell home-09 up to 0.50\skWh/)).toBeTruthy();
    await user.click(send());
    expect(asked).toHaveBeenCalledWith(
      expect.objectContaining({ partner: "home-09", price_micros_per_kwh: 145_000, cap_wh: 500 }),
    );
    expect(await screen.findByText(/You sell home-09 up to/)).toBeTruthy();
  });
});
