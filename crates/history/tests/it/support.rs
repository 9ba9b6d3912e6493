//! Small houses to tell stories about.

use std::time::Duration;

use history::{OutgoingOrder, Settlement};
use market::Side;
use metering::{Borders, Method, Quality, Sample, SlotEnergy};
use units::{Energy, MeterId, Power, Price, Slot, Timestamp, WattHours};

/// Noon of a summer day, the start of a slot.
pub fn noon() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub fn noon_slot() -> Slot {
    Slot::starting_at(noon()).unwrap()
}

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub fn grid() -> MeterId {
    MeterId::new("grid").unwrap()
}

pub fn sample_at(at: Timestamp, watts: i64) -> Sample {
    Sample { at, power: Some(Power::from_watts(watts)), ..Sample::default() }
}

pub fn slot_energy(slot: Slot, export_wh: i64, quality: Quality) -> SlotEnergy {
    let register = Energy::from_watt_hours;
    SlotEnergy {
        start: slot.start(),
        seconds: 900,
        import: Some(Energy::ZERO),
        export: Some(register(export_wh)),
        borders: Borders {
            import_start: Some(register(1000)),
            import_end: Some(register(1000)),
            export_start: Some(register(5000)),
            export_end: Some(register(5000 + export_wh)),
        },
        quality,
        method: Method::Counter,
    }
}

pub fn order(id: &str, slot: Slot) -> OutgoingOrder {
    OutgoingOrder {
        id: id.parse().unwrap(),
        market: "street".parse().unwrap(),
        member: "home-01".parse().unwrap(),
        slot,
        side: Side::Sell,
        quantity: WattHours::new(800),
        limit: Price::from_micros_per_kwh(120_000),
        key: "key".parse().unwrap(),
        salt: "salt".to_owned(),
        signature: "signature".to_owned(),
        gate: slot.start() - seconds(300),
        queued_at: slot.start() - seconds(3600),
        by_owner: false,
    }
}

/// A settlement in which nothing was traded.
pub fn settlement(cursor: i64, slot: Slot, version: u32) -> Settlement {
    Settlement {
        market: "street".parse().unwrap(),
        cursor,
        slot,
        version,
        local_day: units::LocalDay::containing(slot.start(), units::zone("Europe/Berlin").unwrap()).key(),
        settled_at: slot.end() + seconds(60),
        area: "feeder-1".parse().unwrap(),
        price: Some(Price::from_micros_per_kwh(150_000)),
        measured: true,
        import: WattHours::ZERO,
        export: WattHours::ZERO,
        sold: WattHours::ZERO,
        bought: WattHours::ZERO,
        from_utility: WattHours::ZERO,
        to_utility: WattHours::ZERO,
        retail: Price::from_micros_per_kwh(320_000),
        feed_in: Price::from_micros_per_kwh(80_000),
        source: None,
        fills: Vec::new(),
        deals: Vec::new(),
        postings: Vec::new(),
    }
}
