/// The sentence with its editable price, and the reasons.
import { render, screen, within } from "@testing-library/svelte";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import App from "../../App.svelte";
import type { ReasonView, RuleView, RulesView } from "../../lib/api/bindings";
import type { House } from "../../lib/api/house";
import { DemoHouse } from "../../lib/demo/house";
import { Formats } from "../../lib/format";
import { speak } from "../../lib/i18n/index.svelte";
import { betterContractPrice } from "./change";
import { asked } from "./past";
import { reasonSentence } from "./reasons";
import { ruleSentence } from "./sentence";

let user: UserEvent;

beforeEach(() => {
  speak(["en"]);
  location.hash = "#/rules";
  user = userEvent.setup();
});

/** Opens the page on a house whose commands are watched. */
async function open(change: (house: House) => void = () => {}) {
  const house: House = new DemoHouse();
  change(house);
  const setLimit = vi.spyOn(house, "setLimit");
  render(App, { house });
  const price = await screen.findByRole<HTMLInputElement>("spinbutton", { name: /selling price/ });
  return { house, setLimit, price };
}

const sent = (micros: number, confirmed = false) => ({
  rule: "Surplus",
  micros_per_kwh: micros,
  confirmed,
});

describe("the price in the sentence", () => {
  it("is saved by Enter, and the next offers carry it", async () => {
    const { setLimit, price } = await open();
    await user.clear(price);
    await user.type(price, "13,5{Enter}");
    expect(setLimit.mock.calls).toEqual([[sent(135_000)]]);
    expect(await screen.findByText("Saved. The next offers carry 13.5 ct.")).toBeTruthy();
    const ahead = screen.getByRole("region", { name: "Next offers" });
    expect((await within(ahead).findAllByText(/at 13\.5 ct or more/)).length).toBeGreaterThan(0);
    await user.tab();
    expect(setLimit).toHaveBeenCalledTimes(1);
  });

  it("is saved when the field is left", async () => {
    const { setLimit, price } = await open();
    await user.clear(price);
    await user.type(price, "14");
    await user.tab();
    expect(setLimit).toHaveBeenCalledWith(sent(140_000));
  });

  it("steps by a tenth with the arrow keys, and by ten tenths with the page keys", async () => {
    const { setLimit, price } = await open();
    await user.click(price);
    await user.keyboard("{ArrowUp}{ArrowUp}{ArrowDown}{PageUp}");
    expect(price.value).toBe("13.1");
    expect(setLimit).not.toHaveBeenCalled();
    await user.keyboard("{Enter}");
    expect(setLimit).toHaveBeenCalledWith(sent(131_000));
  });

  it("comes back by Escape", async () => {
    const { setLimit, price } = await open();
    await user.clear(price);
    await user.type(price, "99{Escape}");
    expect(price.value).toBe("12.0");
    await user.tab();
    expect(setLimit).not.toHaveBeenCalled();
  });

  it("is not saved when it is no price, and says so", async () => {
    const { setLimit, price } = await open();
    await user.clear(price);
    await user.type(price, "twelve{Enter}");
    expect(price.getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByText(/This is not a price/)).toBeTruthy();
    expect(setLimit).not.toHaveBeenCalled();
  });

  it("stays as typed while the house has news", async () => {
    const { house, price } = await open();
    await user.clear(price);
    await user.type(price, "12.7");
    await house.setRuleEnabled("Evening", false);
    expect(await screen.findByText(/This rule is off/)).toBeTruthy();
    expect(price.value).toBe("12.7");
  });

  it("shows why the house refused it", async () => {
    const { price } = await open((house) => {
      house.setLimit = async () => ({
        status: "error",
        error: { code: "read_only", message: "Another program trades.", hint: "End it first." },
      });
    });
    await user.clear(price);
    await user.type(price, "15{Enter}");
    expect((await screen.findByRole("alert")).textContent).toMatch(
      /Another program trades\..*End it first\./,
    );
  });
});

describe("a price worse than the contract", () => {
  it("is asked about in place before it is sent", async () => {
    const { setLimit, price } = await open();
    await user.clear(price);
    await user.type(price, "5{Enter}");
    const dialog = await screen.findByRole("alertdialog");
    expect(dialog.textContent).toMatch(/5\.0\sct is less than the 8\.1\sct/);
    expect(setLimit).not.toHaveBeenCalled();
    const keep = within(dialog).getByRole("button", { name: /Keep 12\.0/ });
    expect(document.activeElement).toBe(keep);
    await user.click(within(dialog).getByRole("button", { name: /all the same/ }));
    expect(setLimit.mock.calls).toEqual([[sent(50_000, true)]]);
    expect(screen.queryByRole("alertdialog")).toBeNull();
  });

  it("goes back to the old one, with the focus", async () => {
    const { setLimit, price } = await open();
    await user.clear(price);
    await user.type(price, "5{Enter}");
    await user.click(await screen.findByRole("button", { name: /Keep/ }));
    expect(price.value).toBe("12.0");
    expect(document.activeElement).toBe(price);
    expect(setLimit).not.toHaveBeenCalled();
  });

  it("is below feed-in for a seller and above retail for a buyer", () => {
    const contract = { feed_in_micros_per_kwh: 81_000, retail_micros_per_kwh: 320_000 };
    expect(betterContractPrice("sell", 80_999, contract)).toBe(81_000);
    expect(betterContractPrice("sell", 81_000, contract)).toBeNull();
    expect(betterContractPrice("buy", 320_001, contract)).toBe(320_000);
    expect(betterContractPrice("buy", 320_000, contract)).toBeNull();
    const unknown = { feed_in_micros_per_kwh: null, retail_micros_per_kwh: null };
    expect(betterContractPrice("sell", -5, unknown)).toBeNull();
  });
});

describe("a rule", () => {
  const formats = new Formats("en", "EUR", "UTC");
  const rule: RuleView = {
    name: "x",
    side: "sell",
    enabled: true,
    limit: { kind: "at", micros_per_kwh: 120_000 },
    limit_micros_per_kwh: 120_000,
    hours: null,
    days: [],
    cap_wh_per_day: null,
    worse_than_contract: false,
  };
  const text = (change: Partial<RuleView>) =>
    ruleSentence({ ...rule, ...change }, formats)
      .map((part) => part.text)
      .join("")
      .replace(/\u00a0/g, " ");

  it("is a sentence, whatever it says", () => {
    expect(text({})).toBe(
      "Offer my surplus at 12.0 ct or more, all day, and leave the rest to the grid.",
    );
    expect(
      text({ side: "buy", hours: "06:00-22:00", days: ["mon", "sat"], cap_wh_per_day: 4000 }),
    ).toBe(
      "Buy from neighbours up to 12.0 ct, between 06:00 and 22:00 on Mon and Sat, at most 4.00 kWh a day, and take the rest from the grid.",
    );
    expect(text({ limit: { kind: "above_feed_in", micros_per_kwh: 30_000 } })).toContain(
      "at 3.0 ct above feed-in or more",
    );
    expect(text({ limit: { kind: "share_of_spread", thousandths: 500 } })).toContain(
      "50% of the way",
    );
  });

  it("that follows the contract can be given a fixed price", async () => {
    const { setLimit } = await open((house) => {
      const rules = house.rules;
      house.rules = async () => {
        const answer = await rules();
        if (answer.status === "error") return answer;
        const data: RulesView = {
          ...answer.data,
          rules: answer.data.rules.map((each) =>
            each.side === "buy"
              ? { ...each, limit: { kind: "share_of_spread", thousandths: 500 } }
              : each,
          ),
        };
        return { ...answer, data };
      };
    });
    expect(screen.queryByRole("spinbutton", { name: /buying price/ })).toBeNull();
    await user.click(screen.getByRole("button", { name: "Set a fixed price instead" }));
    const price = screen.getByRole("spinbutton", { name: /buying price/ });
    await user.clear(price);
    await user.type(price, "21{Enter}");
    expect(setLimit).toHaveBeenCalledWith({
      rule: "Evening",
      micros_per_kwh: 210_000,
      confirmed: false,
    });
  });

  it("says why, from the numbers that decided", () => {
    const say = (reason: ReasonView) => reasonSentence(reason, formats).replace(/\u00a0/g, " ");
    const number = (name: string, value: number) => ({ name, value });
    expect(
      say({
        code: "daily_cap_reached",
        numbers: [number("cap_wh", 4000), number("already_wh", 4000)],
      }),
    ).toBe("The 4.00 kWh a day were used up.");
    expect(
      say({
        code: "outside_hours",
        numbers: [
          number("rule_number", 2),
          number("minute_of_day", 75),
          number("from_minute", 960),
          number("to_minute", 1440),
        ],
      }),
    ).toBe("Rule 2 speaks only between 16:00 and 24:00.");
    expect(say({ code: "meter_silent", numbers: [] })).toBe(
      "The meter had not answered yet. Only measured energy can be traded.",
    );
    expect(
      say({
        code: "battery_level_unknown",
        numbers: [number("battery_at_least_thousandths_percent", 80_000)],
      }),
    ).toContain("at 80%");
    expect(
      say({
        code: "not_yet",
        numbers: [number("rule_number", 1), number("from_yyyymmdd", 20260701)],
      }),
    ).toContain("Jul 1");
  });

  it("does not fall silent before a reason that it does not know", () => {
    const reason = { code: "new_moon", numbers: [{ name: "rest_wh", value: 50 }] };
    expect(reasonSentence(reason, formats).replace(/\u00a0/g, " ")).toBe(
      "Another reason decided: new moon (rest 50 Wh).",
    );
    expect(reasonSentence({ code: "limit_at", numbers: [] }, formats)).toBe(
      "Another reason decided: limit at.",
    );
  });

  it("opens its reasons with a button", async () => {
    await open();
    const why = screen.getAllByRole("button", { name: /Why\? .* sell/ })[0]!;
    expect(why.getAttribute("aria-expanded")).toBe("false");
    await user.click(why);
    expect(why.getAttribute("aria-expanded")).toBe("true");
    expect(screen.getByText(/Your limit was 12\.0/)).toBeTruthy();
  });
});

describe("what the past depends on", () => {
  it("is the same question while the rules say the same, and another when any of them does not", async () => {
    const told = await new DemoHouse().rules();
    if (told.status !== "ok") throw new Error("the demo answers");
    const rules = told.data.rules;
    const copy: RuleView[] = structuredClone(rules);
    expect(asked(copy, "Surplus")).toBe(asked(rules, "Surplus"));
    copy[1]!.days = ["mon"];
    expect(asked(copy, "Surplus")).not.toBe(asked(rules, "Surplus"));
  });
});
