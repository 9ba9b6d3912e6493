//! A day of a household put into its history, and the same readings as lines of JSON.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use history::{
    Decision, Fill, History, OpenMode, OrderChange, OutgoingOrder, OutgoingReading, Posting, PriceKind,
    ReadingChange, Settlement, SlotPrice, Verdict, WholeRegisters,
};
use market::Side;
use metering::{Borders, Method, Quality, Sample, SlotEnergy};
use units::{
    Current, DayKey, Energy, Frequency, LocalDay, MeterId, Money, OrderId, Power, Price, Slot, Timestamp,
    Voltage, WattHours,
};

/// Each meter is read every ten seconds.
const EVERY: Duration = Duration::from_secs(10);
const READINGS_A_SLOT: u32 = 90;
const METERS: [&str; 3] = ["grid", "solar", "battery"];
/// Syncing at each reading is slow, so the naive way is measured over a tenth of a day.
const NAIVE_SHARE: u64 = 10;

/// What a day takes, in bytes.
pub struct Cost {
    /// What stays in the file.
    pub size: u64,
    /// What this process gave the disk to write.
    pub written: u64,
}

/// Fills two days and returns what the second one cost, so that the empty file does not count.
pub fn of_history(folder: &Path) -> Cost {
    let path = folder.join("history.sqlite");
    let first = Slot::starting_at("2026-06-15T22:00:00Z".parse().unwrap()).unwrap();
    let mut house = House::new();
    fill(&path, &mut house, first);
    let (size, written) = (file_size(&path), written_bytes());
    fill(&path, &mut house, first.offset(96));
    Cost { size: file_size(&path) - size, written: written_bytes() - written }
}

/// Writes a tenth of a day of the same samples as lines of JSON, synced at each reading.
pub fn of_json_lines(folder: &Path) -> Cost {
    let path = folder.join("samples.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    let (mut house, written) = (House::new(), written_bytes());
    let start: Timestamp = "2026-06-15T22:00:00Z".parse().unwrap();
    for reading in 0..96 * READINGS_A_SLOT / NAIVE_SHARE as u32 {
        for (meter, sample) in METERS.iter().zip(house.read(start + EVERY * reading)) {
            writeln!(file, "{}", json_of(meter, &sample)).unwrap();
        }
        file.sync_data().unwrap();
    }
    Cost { size: file_size(&path) * NAIVE_SHARE, written: (written_bytes() - written) * NAIVE_SHARE }
}

fn json_of(meter: &str, sample: &Sample) -> serde_json::Value {
    fn each<T: Copy>(values: &Option<Vec<T>>, get: fn(T) -> f64) -> Vec<f64> {
        values.iter().flatten().map(|value| get(*value)).collect()
    }
    serde_json::json!({
        "meter": meter, "at": sample.at, "power_w": sample.power.map(Power::as_f64),
        "import_wh": sample.import.map(Energy::as_f64), "export_wh": sample.export.map(Energy::as_f64),
        "phase_power_w": each(&sample.phase_power, Power::as_f64),
        "voltage_v": each(&sample.voltage, Voltage::as_f64),
        "current_a": each(&sample.current, Current::as_f64),
        "frequency_hz": sample.frequency.map(Frequency::as_f64),
    })
}

fn file_size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// Returns what this process has given the disk to write so far, as Linux counts it.
fn written_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

/// Puts a day into the history as the running household does, and closes it.
fn fill(path: &Path, house: &mut House, first: Slot) {
    let history = History::open(path, OpenMode::ReadWrite).unwrap();
    let meters = METERS.map(|name| MeterId::new(name).unwrap());
    for slot in Slot::range(first..first.offset(96)) {
        for reading in 0..READINGS_A_SLOT {
            let at = slot.start() + EVERY * reading;
            for (meter, sample) in meters.iter().zip(house.read(at)) {
                history.record_sample(meter, &sample, at).unwrap();
            }
        }
        slot_ends(&history, house, &meters, slot);
    }
    history.flush().unwrap();
}

fn slot_ends(history: &History, house: &House, meters: &[MeterId], slot: Slot) {
    let (end, day) = (slot.end(), local_day(slot));
    for (meter, counter) in meters.iter().zip(&house.counters) {
        history.record_slot(meter, day, &energy(slot, *counter), end).unwrap();
    }
    let price = |micros| Some(Price::from_micros_per_kwh(micros));
    let prices =
        [SlotPrice { slot, kind: PriceKind::Contract, retail: price(320_000), feed_in: price(80_000) }];
    history.record_prices(&prices, end).unwrap();
    // What is traded four slots ahead, and what was settled of this one.
    let ahead = slot.offset(4);
    history.record_decisions(&[Side::Sell, Side::Buy].map(|side| decision(ahead, side))).unwrap();
    let orders = [Side::Sell, Side::Buy].map(|side| order(ahead, side));
    history.queue_orders(&orders).unwrap();
    for change in [OrderChange::Sent, OrderChange::Accepted { accepted_at: end }] {
        let changes = orders.iter().map(|order| (order.id.clone(), change.clone())).collect();
        history.mark_orders(changes, end).unwrap();
    }
    history.pass_gates(end).unwrap();
    history.queue_reading(&reading(slot)).unwrap();
    for change in [ReadingChange::Sent, ReadingChange::Accepted] {
        history.mark_reading(&reading(slot).market, slot, change, end).unwrap();
    }
    history.record_settlement(&settlement(slot), end + Duration::from_secs(60)).unwrap();
}

fn local_day(slot: Slot) -> DayKey {
    LocalDay::containing(slot.start(), units::zone("Europe/Berlin").unwrap()).key()
}

/// A house whose values move as a real one's do: each digit that a meter tells is another one.
struct House {
    chance: u64,
    counters: [Energy; 3],
}

impl House {
    fn new() -> Self {
        Self { chance: 0x9e37_79b9_7f4a_7c15, counters: [Energy::from_watt_hours(12_345_678); 3] }
    }

    fn read(&mut self, at: Timestamp) -> [Sample; 3] {
        std::array::from_fn(|meter| {
            let power = Power::from_milliwatts(self.below(4_000_000));
            let moved = Energy::from_milliwatt_hours(self.below(11_000));
            self.counters[meter] += moved;
            Sample {
                at: at + Duration::from_millis(self.below(40) as u64),
                power: Some(power),
                import: Some(self.counters[meter]),
                export: Some(self.counters[meter]),
                phase_power: Some(self.three(1_500_000).map(Power::from_milliwatts).to_vec()),
                voltage: Some(
                    self.three(4000).map(|value| Voltage::from_millivolts(228_000 + value)).to_vec(),
                ),
                current: Some(self.three(7000).map(Current::from_milliamperes).to_vec()),
                frequency: Some(Frequency::from_millihertz(49_980 + self.below(40))),
                serial: None,
                flags: Vec::new(),
            }
        })
    }

    fn three(&mut self, limit: u64) -> [i64; 3] {
        std::array::from_fn(|_| self.below(limit))
    }

    fn below(&mut self, limit: u64) -> i64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance % limit) as i64
    }
}

fn energy(slot: Slot, counter: Energy) -> SlotEnergy {
    let (start, moved) = (Some(counter - Energy::from_watt_hours(500)), Some(Energy::from_watt_hours(500)));
    SlotEnergy {
        start: slot.start(),
        seconds: 900,
        import: moved,
        export: moved,
        borders: Borders {
            import_start: start,
            import_end: Some(counter),
            export_start: start,
            export_end: Some(counter),
        },
        quality: Quality::Measured,
        method: Method::Counter,
    }
}

fn decision(slot: Slot, side: Side) -> Decision {
    Decision {
        slot,
        side,
        decided_at: slot.start() - Duration::from_secs(3600),
        verdict: Verdict::Offer,
        rule: Some("Noon surplus".to_owned()),
        quantity: Some(WattHours::new(2750)),
        limit: Some(Price::from_micros_per_kwh(120_000)),
        reasons_json:
            r#"[{"code":"rule_speaks","limit_micros_per_kwh":120000},{"code":"fuse","quantity_wh":2750}]"#
                .to_owned(),
    }
}

/// As long as the ids, salts and signatures of real orders.
fn order(slot: Slot, side: Side) -> OutgoingOrder {
    OutgoingOrder {
        id: order_id(slot, side),
        market: "wattle-street".parse().unwrap(),
        member: "home-01".parse().unwrap(),
        slot,
        side,
        quantity: WattHours::new(2750),
        limit: Price::from_micros_per_kwh(120_000),
        key: "k".repeat(43).parse().unwrap(),
        salt: "s".repeat(22),
        signature: "x".repeat(86),
        gate: slot.start() - Duration::from_secs(300),
        queued_at: slot.start() - Duration::from_secs(3600),
        by_owner: false,
    }
}

fn order_id(slot: Slot, side: Side) -> OrderId {
    format!("0197{:012x}-7000-8000-{:010}", slot.index(), if side == Side::Buy { 1 } else { 2 })
        .parse()
        .unwrap()
}

fn reading(slot: Slot) -> OutgoingReading {
    let register = WattHours::new(12_345_678);
    OutgoingReading {
        market: "wattle-street".parse().unwrap(),
        slot,
        registers: Some(WholeRegisters {
            import_start: register,
            import_end: register,
            export_start: register,
            export_end: register,
        }),
        // As long as a signed reading.
        signed_json: format!("{{\"body\":\"{}\",\"signature\":\"{}\"}}", "b".repeat(260), "x".repeat(86)),
        queued_at: slot.end(),
    }
}

fn settlement(slot: Slot) -> Settlement {
    let traded = order_id(slot, Side::Sell);
    let posting =
        |what, nanos| Posting { reference: traded.to_string(), what, amount: Money::from_nanos(nanos) };
    Settlement {
        market: "wattle-street".parse().unwrap(),
        cursor: slot.index(),
        slot,
        version: 1,
        local_day: local_day(slot),
        settled_at: slot.end() + Duration::from_secs(60),
        area: "feeder-1".parse().unwrap(),
        price: Some(Price::from_micros_per_kwh(150_000)),
        measured: true,
        source: Some(history::Source::Member),
        import: WattHours::ZERO,
        export: WattHours::new(500),
        sold: WattHours::new(400),
        bought: WattHours::ZERO,
        from_utility: WattHours::ZERO,
        to_utility: WattHours::new(100),
        retail: Price::from_micros_per_kwh(320_000),
        feed_in: Price::from_micros_per_kwh(80_000),
        fills: vec![Fill { order: traded.clone(), side: Side::Sell, filled: WattHours::new(400) }],
        deals: Vec::new(),
        postings: vec![
            posting(history::What::Energy, 60_000_000),
            posting(history::What::OperatorFee, -800_000),
            posting(history::What::FeedIn, 8_000_000),
        ],
    }
}
