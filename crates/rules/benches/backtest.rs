//! How long a year of one's own past takes: once with reasons, and for two hundred thresholds.
//!
//! The reference is the same year decided slot by slot as the days ahead are.
//! Prints a line a figure; with `--json` as JSON.

#![allow(clippy::unwrap_used, reason = "a bench that cannot make its past has failed")]

#[path = "../../../tests/system/benches/shared/figure.rs"]
mod figure;
#[path = "../../../tests/system/benches/shared/medians.rs"]
mod medians;

use std::hint::black_box;
use std::time::Duration;

use figure::Figure;
use medians::medians_ms;
use pricing::SlotPrices;
use rules::{
    Equipment, MeterState, Outlook, Past, PastHome, PastSlot, RuleBook, Side, Situation, Today, Trading,
};
use units::{Currency, Power, Price, Slot, WattHours, zone};

const YEAR: i64 = 35_040;
const THRESHOLDS: i64 = 200;
const RULE: &str = "[[rule]]\nname = \"Sun\"\nside = \"sell\"\nlimit = { at = \"0.120 EUR/kWh\" }\n";

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let book = RuleBook::parse(RULE, Currency::EUR).unwrap();
    let home = PastHome {
        zone: zone("Europe/Berlin").unwrap(),
        fuse: Power::from_watts(24_000),
        equipment: Equipment { can_sell: true, can_buy: true },
        operator_fee: Price::from_micros_per_kwh(4_000),
    };
    let slots: Vec<PastSlot> = (0..YEAR).map(slot).collect();
    let past = Past::new(home, slots.clone());
    assert!(past.run(&book).sold > WattHours::ZERO, "a past in which nothing trades measures nothing");
    let limits: Vec<Price> =
        (0..THRESHOLDS).map(|step| Price::from_micros_per_kwh(80_000 + step * 1_000)).collect();
    let [live_ms, year_ms] = medians_ms(
        15,
        [
            &mut || {
                for past in &slots {
                    black_box(rules::decide(&book, &situation(&home, past), Side::Sell));
                }
            },
            &mut || {
                let past = Past::new(home, slots.clone());
                past.each(&book, |taken| drop(black_box(taken)));
            },
        ],
    );
    let [sweep_ms] = medians_ms(3, [&mut || drop(black_box(past.sweep(&book, "Sun", &limits)))]);
    Figure::new("backtest/year-with-reasons", year_ms, "ms")
        .against("deciding each slot as it comes", live_ms)
        .tell(json);
    Figure::new("backtest/year-x-200-thresholds", sweep_ms, "ms")
        .against("one year with reasons, 200 times", year_ms * 200.0)
        .tell(json);
}

/// A roof by day, a house at all times, and prices that go up and down.
fn slot(index: i64) -> PastSlot {
    let quarter = index % 96;
    let sun = (0.max(1200 - (quarter - 48).abs() * 50)) * (1 + index % 7) / 7;
    let house = 60 + (index * 37) % 90;
    PastSlot {
        slot: Slot::from_index(1_980_000 + index),
        energy: Some((WattHours::new(0.max(house - sun)), WattHours::new(0.max(sun - house)))),
        contract: Some(SlotPrices {
            retail: Price::from_micros_per_kwh(320_000),
            feed_in: Price::from_micros_per_kwh(81_000),
        }),
        area_price: Some(Price::from_micros_per_kwh(90_000 + (index * 7919) % 150_000)),
        outlook: Outlook::default(),
    }
}

fn situation(home: &PastHome, past: &PastSlot) -> Situation {
    Situation {
        slot: past.slot,
        zone: home.zone,
        prices: past.contract,
        equipment: home.equipment,
        meter: MeterState::Fresh { age: Duration::ZERO },
        trading: Trading::Running,
        fuse: home.fuse,
        today: Today::default(),
        outlook: Outlook::default(),
        starting_up: false,
    }
}
