/// The frame: what it says in every state, and the button that stops.
import { render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import App from "../../App.svelte";
import type {
  ExchangeStateView,
  FrameView,
  LogAlarmKindView,
  LogStateView,
  MeterStateView,
  TradingStateView,
} from "../../lib/api/bindings";
import type { House } from "../../lib/api/house";
import { DemoHouse } from "../../lib/demo/house";
import { Formats } from "../../lib/format";
import { speak } from "../../lib/i18n/index.svelte";
import { statuses } from "./status";

beforeEach(() => speak(["en"]));

async function frameOf(house: House): Promise<FrameView> {
  const answer = await house.frame();
  if (answer.status === "error") throw new Error(answer.error.code);
  return answer.data;
}

/** A house that says what the change makes of the demo's frame. */
function houseWith(change: (frame: FrameView) => FrameView): House {
  const house: House = new DemoHouse();
  const frame = house.frame;
  house.frame = async () => {
    const answer = await frame();
    return answer.status === "ok" ? { ...answer, data: change(answer.data) } : answer;
  };
  return house;
}

describe("the status line", () => {
  const formats = new Formats("en", "EUR", "Europe/Berlin");
  const METER: MeterStateView[] = ["none", "starting", "fresh", "stale", "silent"];
  const EXCHANGE: ExchangeStateView[] = [
    "not_a_member",
    "connecting",
    "connected",
    "unreachable",
    "clock_off",
    "refused",
  ];
  const LOG: LogStateView[] = ["none", "waiting", "verified", "old", "alarm", "answered"];
  const ALARM: LogAlarmKindView[] = [
    "rollback",
    "fork",
    "missing_entry",
    "wrong_signature",
    "unproved",
  ];
  const TRADING: TradingStateView[] = ["running", "stopped", "read_only"];

  it("has a word and a meaning for every state, in both languages, and a way out of trouble", async () => {
    const frame = await frameOf(new DemoHouse());
    for (const language of ["en", "de"]) {
      speak([language]);
      const all = [
        ...METER.map((state) => ({ ...frame, meter: { ...frame.meter, state } })),
        ...EXCHANGE.map((state) => ({ ...frame, exchange: { ...frame.exchange, state } })),
        ...LOG.map((state) => ({ ...frame, log: { ...frame.log, state } })),
        ...ALARM.map((kind) => ({
          ...frame,
          log: { ...frame.log, alarm: { kind, at: frame.market_time, message: "What was found." } },
        })),
        ...TRADING.map((state) => ({ ...frame, trading: { ...frame.trading, state } })),
      ];
      for (const status of all.flatMap((each) => statuses(each, formats))) {
        expect(status.word).not.toMatch(/status\./);
        expect(status.meaning).not.toMatch(/status\./);
        expect(status.details.map(({ text }) => text).join(" ")).not.toMatch(/status\./);
        if (status.tone === "trouble" || status.tone === "warn") expect(status.todo).toBeTruthy();
      }
    }
  });

  it("says how many orders wait for an exchange that is not reached", async () => {
    const frame = await frameOf(new DemoHouse());
    const exchange = {
      ...frame.exchange,
      state: "unreachable" as const,
      waiting: 3,
      missed_orders: 1,
    };
    const status = statuses({ ...frame, exchange }, formats)[1]!;
    expect(status.word).toBe("3 waiting");
    expect(status.details.map(({ text }) => text).join(" ")).toMatch(
      /3 orders and readings wait.*One order was dropped/,
    );
  });

  it("says what broke in the exchange's log, and what to do", async () => {
    const frame = await frameOf(new DemoHouse());
    const alarm = { kind: "fork" as const, at: frame.market_time, message: "The log differs." };
    const status = statuses(
      { ...frame, log: { ...frame.log, state: "alarm", alarm } },
      formats,
    )[2]!;
    expect([status.name, status.tone, status.word]).toEqual(["log", "trouble", "alarm"]);
    expect(status.details.map(({ text }) => text)).toEqual([
      expect.stringMatching(/rewritten/),
      "The log differs.",
    ]);
    expect(status.todo).toMatch(/Resume trading only if/);
  });

  it("opens what it means, and closes by Escape", async () => {
    const trouble = { code: "timeout", message: "No answer from 127.0.0.1:5020." };
    render(App, {
      house: houseWith((f) => ({ ...f, meter: { state: "silent", age_s: 720, trouble } })),
    });
    const user = userEvent.setup();
    const button = await screen.findByRole("button", { name: /Meter silent/ });
    await user.click(button);
    expect(button.getAttribute("aria-expanded")).toBe("true");
    expect(screen.getByText("No answer from 127.0.0.1:5020.")).toBeTruthy();
    expect(screen.getByText(/No reading for 12 min/)).toBeTruthy();
    await user.keyboard("{Escape}");
    expect(button.getAttribute("aria-expanded")).toBe("false");
    expect(document.activeElement).toBe(button);
  });
});

describe("stop trading", () => {
  it("stops at once, says what was bound, and resumes; the focus stays on the button", async () => {
    const house = new DemoHouse();
    const stop = vi.spyOn(house, "stopTrading");
    render(App, { house });
    const user = userEvent.setup();
    const button = await screen.findByRole("button", { name: "Stop trading" });
    await user.click(button);
    expect(stop).toHaveBeenCalledTimes(1);
    expect(await screen.findByText("Trading is stopped")).toBeTruthy();
    const bound = /One quarter hour had closed before .*: 13:15–13:30\./;
    expect(screen.getByText(bound, { selector: "main *" })).toBeTruthy();
    expect(document.activeElement?.textContent).toContain("Resume trading");
    await user.keyboard("{Enter}");
    expect(await screen.findByRole("button", { name: "Stop trading" })).toBeTruthy();
    expect(screen.queryByText("Trading is stopped")).toBeNull();
  });

  it("says why it could not", async () => {
    const house: House = new DemoHouse();
    house.stopTrading = async () => ({
      status: "error",
      error: { code: "x", message: "No.", hint: "Wait." },
    });
    render(App, { house });
    await userEvent.setup().click(await screen.findByRole("button", { name: "Stop trading" }));
    expect((await screen.findByRole("alert")).textContent).toContain("Wait.");
  });

  it("is not offered where another program trades", async () => {
    const trading = { state: "read_only" as const, bound_slots: [], held_by: "wattle run" };
    render(App, { house: houseWith((f) => ({ ...f, trading })) });
    expect(
      await screen.findByText("wattle run trades for this home. This window only looks on.", {
        selector: "main *",
      }),
    ).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Stop trading" })).toBeNull();
  });
});

describe("the frame", () => {
  it("has one heading of the first level, and leads only where something is", async () => {
    render(App, { house: new DemoHouse() });
    await screen.findByRole("button", { name: "Stop trading" });
    expect(screen.getAllByRole("heading", { level: 1 })).toHaveLength(1);
    const links = within(screen.getByRole("navigation")).getAllByRole("link");
    expect(links.map((link) => link.textContent)).toEqual([
      "Now",
      "Energy",
      "Prices & rules",
      "Market",
      "Earnings",
      "Meters",
      "Settings",
    ]);
  });

  it("says so when the program behind it does not answer, and tries again", async () => {
    const house: House = new DemoHouse();
    const frame = house.frame;
    house.frame = async () => ({
      status: "error",
      error: { code: "ui_broken", message: "", hint: "" },
    });
    render(App, { house });
    expect((await screen.findByRole("alert")).textContent).toContain("lost its connection");
    house.frame = frame;
    await userEvent.setup().click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("button", { name: "Stop trading" })).toBeTruthy();
  });

  it("tells that the street is simulated, and how fast its time runs", async () => {
    render(App, { house: new DemoHouse() });
    expect(await screen.findByText("Time runs 60×")).toBeTruthy();
  });

  it("shows no banner in the real world", async () => {
    render(App, { house: houseWith((f) => ({ ...f, simulated: false, speed: 1 })) });
    await screen.findByRole("button", { name: "Stop trading" });
    expect(screen.queryByText("Simulated street")).toBeNull();
  });

  it("takes hostile names as text", async () => {
    render(App, { house: new DemoHouse({ state: "hostile" }) });
    expect(
      (await screen.findAllByText(/<script>window\.broken=1<\/script>/)).length,
    ).toBeGreaterThan(0);
    expect(document.querySelector("#app img, body img, main script")).toBeNull();
  });
});
