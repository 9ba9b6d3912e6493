/// Meters: their words, and the way from nothing to a meter that is read.
import { render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import App from "../../App.svelte";
import type { JournalEntry, RequestsView } from "../../lib/api/bindings";
import { DemoHouse } from "../../lib/demo/house";
import { Formats } from "../../lib/format";
import { speak } from "../../lib/i18n/index.svelte";
import { entryWords, placeOf, powerWords, registerValue, requestsLine, troublesOf } from "./words";

const en = new Formats("en-GB", "EUR", "Europe/Berlin");
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");
const REQUESTS: RequestsView = {
  readings: 0,
  good: 0,
  error_share: null,
  late: 0,
  noise_bytes: 0,
  troubles: [],
};

beforeEach(() => {
  speak(["en"]);
  localStorage.clear();
});

describe("words", () => {
  it("say which way power flows, and nothing of a direction where none does", () => {
    expect(plain(powerWords("grid", 2_400_000, en))).toBe("2.4 kW comes in");
    expect(plain(powerWords("grid", -2_400_000, en))).toBe("2.4 kW goes out");
    expect(plain(powerWords("solar", 800_000, en))).toBe("800 W is made");
    expect(plain(powerWords("battery", -800_000, en))).toBe("800 W goes in");
    expect(plain(powerWords("grid", -400, en))).toBe("0 W: nothing flows");
    expect(powerWords("grid", null, en)).toBe("No value yet");
  });

  it("never round a failure away", () => {
    const said = (readings: number, good: number) =>
      plain(requestsLine({ ...REQUESTS, readings, good }, en));
    expect(said(0, 0)).toBe("Nothing was asked yet.");
    expect(said(1, 1)).toBe("The one reading since the start gave values.");
    expect(said(10_000, 10_000)).toBe("All 10,000 readings since the start gave values.");
    expect(said(100_000, 99_999)).toBe("1 of 100,000 readings failed: 0.1%.");
    expect(said(10, 5)).toBe("5 of 10 readings failed: 50%.");
    expect(en.percentFine(0.9999)).toBe("99.9%");
    expect(en.percentFine(1)).toBe("100%");
  });

  it("name what went wrong, the most frequent first, known or not", () => {
    const troubles = [
      { code: "timeout", count: 1 },
      { code: "crc", count: 1200 },
      { code: "gremlin", count: 2 },
    ];
    expect(troublesOf({ ...REQUESTS, troubles })).toEqual([
      "Damaged on the line: 1,200 times",
      "gremlin: 2 times",
      "No answer in time: once",
    ]);
  });

  it("show an adapter by its name, not by its path", () => {
    const place = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0";
    const device = { profile: "", maker: "", model: "", line: null, unit: 1, instance: null };
    expect(placeOf({ ...device, protocol: "modbus", way: "serial", place })).toBe(
      "FTDI FT232R USB UART A50285BI",
    );
    expect(placeOf({ ...device, protocol: "modbus", way: "serial", place: "/dev/ttyUSB0" })).toBe(
      "ttyUSB0",
    );
  });

  it("keep every digit of a register", () => {
    const row = { name: "import", phase: null, place: "4:0x0048", raw: "", text: null };
    expect(plain(registerValue({ ...row, value: 4_588_067, unit: "kWh" }, en))).toBe(
      "4,588.067 kWh",
    );
    expect(registerValue({ ...row, value: null, unit: "kWh" }, en)).toBe("not sent");
  });

  it("tell what a counter did", () => {
    const entry = {
      kind: "reset",
      register: "import",
      before_milliwatt_hours: 4_498_120_000,
      after_milliwatt_hours: 0,
      serial: null,
    } as JournalEntry;
    expect(plain(entryWords(entry, en))).toBe(
      "Import counter: It began anew at 0.000 kWh, after 4,498.120 kWh",
    );
  });

  it("read what an owner types from a display", () => {
    expect(en.parseKilo("12345.678")).toBe(12_345_678);
    expect(en.parseKilo(" 12 345,6 ")).toBe(12_345_600);
    for (const wrong of ["", "-1", "1.2345", "12kWh", "1.234,5"])
      expect(en.parseKilo(wrong)).toBeNull();
  });
});

describe("the page", () => {
  async function open(house = new DemoHouse()) {
    location.hash = "#/meters";
    render(App, { house });
    await screen.findByRole("heading", { level: 2, name: "The grid" });
    return userEvent.setup();
  }

  it("shows each meter with its counters, its age and how well it is read", async () => {
    await open();
    const battery = screen.getByRole("region", { name: "The battery" });
    expect(within(battery).getByText(/readings failed: 0\.4%/)).toBeTruthy();
    expect(within(battery).getByText(/Carlo Gavazzi EM340/)).toBeTruthy();
    expect(screen.getAllByText("fresh").length).toBeGreaterThanOrEqual(3);
  });

  it("asks before it turns a meter round, and does nothing on no", async () => {
    const user = await open();
    const press = (name: string) => user.click(screen.getByRole("button", { name }));
    await press("Change: The grid");
    await user.click(screen.getByRole("menuitem", { name: "Read it the other way round" }));
    expect(await screen.findByRole("dialog", { name: /Read it the other way round/ })).toBeTruthy();
    await press("Cancel");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(screen.queryByText(/read the other way round/)).toBeNull();
  });

  it("offers no change where another program trades", async () => {
    await open(new DemoHouse({ state: "readonly" }));
    expect(screen.queryByRole("button", { name: "Add a meter" })).toBeNull();
    expect(screen.getByText(/Another program trades for this home: meters/)).toBeTruthy();
  });
});
