//! How much a day writes: memory cards wear out.

use std::path::Path;

use history::{
    Decision, History, LogEntry, LogPage, OpenMode, OrderChange, OutgoingReading, Posting, PriceKind,
    ReadingChange, SeenCheckpoint, SlotPrice, Verdict, What, WholeRegisters,
};
use market::Side;
use metering::{Quality, Sample};
use units::{
    Current, Energy, Frequency, LocalDay, MeterId, Money, Power, Price, Slot, Timestamp, Voltage, WattHours,
};

use crate::children::child_of_this;
use crate::support::{order, seconds, settlement, slot_energy};

/// What the field calls acceptable at a sample each ten seconds.
const BYTES_A_DAY: u64 = 10_000_000;

#[test]
fn a_day_of_three_meters_every_ten_seconds_writes_less_than_ten_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let output = child_of_this("write for a day", folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let written = text.lines().find_map(|line| line.split_once("written ")?.1.parse::<u64>().ok());
    let written = written.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    assert!(written > 500_000, "the measurement sees the writes: {written}");
    eprintln!("WRITTEN {written}");
    assert!(written < BYTES_A_DAY, "{written} bytes");
}

/// The child: lives through a day, and says how many bytes it handed to the system.
pub fn write_for_a_day(folder: &Path) {
    let history = History::open(&folder.join("history.sqlite"), OpenMode::ReadWrite).unwrap();
    let day = LocalDay::new("2026-06-01".parse().unwrap(), units::zone("Europe/Berlin").unwrap());
    let before = bytes_written();
    let meters: Vec<MeterId> = ["grid", "solar", "battery"].map(|name| name.parse().unwrap()).into();
    for (number, slot) in (0i64..).zip(Slot::range(day.slots())) {
        live_through(&history, &meters, day, slot, number);
    }
    drop(history);
    println!("written {}", bytes_written() - before);
}

fn live_through(history: &History, meters: &[MeterId], day: LocalDay, slot: Slot, number: i64) {
    for second in (0..900).step_by(10) {
        let at = slot.start() + seconds(second);
        for meter in meters {
            history.record_sample(meter, &sample(at), at).unwrap();
        }
    }
    let now = slot.end();
    for meter in meters {
        history.record_slot(meter, day.key(), &slot_energy(slot, 321, Quality::Measured), now).unwrap();
    }
    let next = slot.offset(2);
    history.record_prices(&[price(next)], now).unwrap();
    history.record_decisions(&[Side::Sell, Side::Buy].map(|side| decision(next, side, now))).unwrap();
    let order = order(&format!("0190f5a0-0000-7000-8000-{number:012}"), next);
    history.queue_order(&order).unwrap();
    history.mark_order(&order.id, OrderChange::Sent, now).unwrap();
    history.mark_order(&order.id, OrderChange::Accepted { accepted_at: now }, now).unwrap();
    history.pass_gates(now).unwrap();
    let reading = reading(slot, now);
    history.queue_reading(&reading).unwrap();
    history.mark_reading(&reading.market, slot, ReadingChange::Accepted, now).unwrap();
    let mut settled = settlement(number + 1, slot.offset(-4), 1);
    for what in [What::Energy, What::GridFee, What::OperatorFee, What::Retail, What::FeedIn] {
        let reference = order.id.to_string();
        settled.postings.push(Posting { reference, what, amount: Money::from_nanos(48_150_000) });
    }
    history.record_settlement(&settled, now).unwrap();
    follow_the_log(history, slot, number, now);
}

/// What the exchange's log brings of an hour: each slot's order, reading, prices and settlement.
fn follow_the_log(history: &History, slot: Slot, number: i64, now: Timestamp) {
    if number % 4 != 3 {
        return;
    }
    let log = history.begin_log(&"street".parse().unwrap(), "key", now).unwrap();
    let first = 40 * number as u64;
    let entry = |place, bytes: usize| LogEntry {
        index: first + place,
        domain: "wattle/settlement/v1".to_owned(),
        slot: Some(slot),
        salt: noise(43, first + place),
        // Half of a body are ids and figures that do not shrink.
        body: noise(bytes / 2, first + place) + &"x".repeat(bytes / 2),
        signatures: noise(160, first + place),
    };
    let entries = (0..4).flat_map(|nth| {
        [(1, 350), (2, 300), (20, 300), (30, 900)].map(|(place, bytes)| entry(40 * nth + place, bytes))
    });
    let page = LogPage {
        entries: entries.collect(),
        next_index: first + 150,
        checkpoint: SeenCheckpoint { note: "x".repeat(220), size: first + 160, checked_at: now },
        kept: vec![],
    };
    history.record_log_page(log.id, page).unwrap();
}

/// Returns letters that cannot be compressed below six bits each.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(letters[(state >> 32) as usize % 64])
    };
    (0..length).map(|_| letter()).collect()
}

fn sample(at: Timestamp) -> Sample {
    let drift = at.seconds() % 1000;
    Sample {
        at,
        power: Some(Power::from_milliwatts(-2_400_000 + drift)),
        import: Some(Energy::from_milliwatt_hours(12_345_678_000 + drift)),
        export: Some(Energy::from_milliwatt_hours(9_876_543_000 + drift)),
        phase_power: Some(vec![Power::from_milliwatts(-800_000 + drift); 3]),
        voltage: Some(vec![Voltage::from_millivolts(230_000 + drift); 3]),
        current: Some(vec![Current::from_milliamperes(-3_480 + drift); 3]),
        frequency: Some(Frequency::from_millihertz(50_000)),
        serial: Some("12345678".to_owned()),
        flags: Vec::new(),
    }
}

fn price(slot: Slot) -> SlotPrice {
    let price = |micros| Some(Price::from_micros_per_kwh(micros));
    SlotPrice { slot, kind: PriceKind::Contract, retail: price(320_000), feed_in: price(80_000) }
}

fn decision(slot: Slot, side: Side, now: Timestamp) -> Decision {
    Decision {
        slot,
        side,
        decided_at: now,
        verdict: if side == Side::Sell { Verdict::Offer } else { Verdict::Bid },
        rule: Some("surplus at a fair price".to_owned()),
        quantity: Some(WattHours::new(2500)),
        limit: Some(Price::from_micros_per_kwh(120_000)),
        reasons_json: format!("[{}]", [r#"{"code":"limit_at","limit_micros_per_kwh":120000}"#; 4].join(",")),
    }
}

fn reading(slot: Slot, now: Timestamp) -> OutgoingReading {
    let register = |wh| WattHours::new(wh);
    OutgoingReading {
        market: "street".parse().unwrap(),
        slot,
        registers: Some(WholeRegisters {
            import_start: register(12_345_678),
            import_end: register(12_345_678),
            export_start: register(9_876_543),
            export_end: register(9_876_864),
        }),
        signed_json: "x".repeat(600),
        queued_at: now,
    }
}

/// Returns how many bytes this process has handed to `write` and its kin.
fn bytes_written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap()
}
