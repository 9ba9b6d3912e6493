//! A home for the tests: Berlin, 30 ct retail, 8 ct feed-in, a fuse of 17 250 W.

use std::time::Duration;

use pricing::SlotPrices;
use rules::{Decision, Equipment, MeterState, Outlook, ReasonCode, RuleBook, Situation, Today, Trading};
use units::{Currency, Power, Price, Slot, WattHours, zone};

/// What 17 250 W make in a quarter of an hour.
pub const FUSE_WH: i64 = 4312;

pub fn micros(value: i64) -> Price {
    Price::from_micros_per_kwh(value)
}

pub fn prices() -> SlotPrices {
    SlotPrices { retail: micros(300_000), feed_in: micros(80_000) }
}

pub fn book(text: &str) -> RuleBook {
    RuleBook::parse(text, Currency::EUR).unwrap()
}

/// A rule with a line or more besides name, side and limit.
pub fn rule(name: &str, side: &str, limit: &str, more: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nside = \"{side}\"\nlimit = {{ {limit} }}\n{more}\n")
}

pub fn selling(more: &str) -> RuleBook {
    book(&rule("Sun", "sell", "at = \"0.120 EUR/kWh\"", more))
}

pub fn at(slot: &str) -> Situation {
    let slot: Slot = slot.parse().unwrap();
    Situation {
        slot,
        zone: zone("Europe/Berlin").unwrap(),
        prices: Some(prices()),
        equipment: Equipment { can_sell: true, can_buy: true },
        meter: MeterState::Fresh { age: Duration::from_secs(2) },
        trading: Trading::Running,
        fuse: Power::from_watts(17_250),
        today: Today::default(),
        outlook: Outlook::default(),
        starting_up: false,
    }
}

/// Noon in Berlin on a Monday in summer.
pub fn noon() -> Situation {
    at("2026-06-01T10:00:00Z")
}

pub fn codes(decision: &Decision) -> Vec<ReasonCode> {
    decision.reasons.iter().map(|reason| reason.code).collect()
}

pub fn terms(decision: &Decision) -> Option<(i64, i64)> {
    Some((decision.quantity?.get(), decision.limit?.micros_per_kwh()))
}

pub fn sold(watt_hours: i64) -> Today {
    Today { sold: WattHours::new(watt_hours), ..Today::default() }
}
