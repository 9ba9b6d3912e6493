//! What rules would have earned: stories with their sums, and laws over many pasts.

use proptest::prelude::*;
use rules::{
    Equipment, Outlook, Past, PastHome, PastSlot, RuleBook, Side, Situation, Taken, Verdict, decide,
};
use units::{Money, Power, Slot, WattHours, zone};

use crate::home::{at, book, micros, prices, rule, selling};

fn home(fee: i64) -> PastHome {
    PastHome {
        zone: zone("Europe/Berlin").unwrap(),
        fuse: Power::from_watts(17_250),
        equipment: Equipment { can_sell: true, can_buy: true },
        operator_fee: micros(fee),
    }
}

fn slot(text: &str, import: i64, export: i64, price: i64) -> PastSlot {
    PastSlot {
        slot: text.parse().unwrap(),
        energy: Some((WattHours::new(import), WattHours::new(export))),
        contract: Some(prices()),
        area_price: Some(micros(price)),
        outlook: Outlook::default(),
    }
}

fn nanos(money: Money) -> i64 {
    money.nanos()
}

fn both() -> RuleBook {
    let sell = rule("Sun", "sell", "at = \"0.120 EUR/kWh\"", "");
    book(&(sell + &rule("Night", "buy", "at = \"0.250 EUR/kWh\"", "")))
}

#[test]
fn sold_energy_earns_what_lies_above_feed_in_and_bought_energy_saves_what_lies_below_retail() {
    let past = Past::new(
        home(0),
        vec![
            slot("2026-06-01T10:00:00Z", 0, 1000, 150_000),
            slot("2026-06-01T20:00:00Z", 400, 0, 200_000),
            slot("2026-06-01T20:15:00Z", 400, 0, 260_000),
        ],
    );
    let outcome = past.run(&both());
    assert_eq!((outcome.sold.get(), outcome.bought.get(), outcome.days), (1000, 400, 1));
    assert_eq!(nanos(outcome.earned), 1000 * 70_000);
    assert_eq!(nanos(outcome.saved), 400 * 100_000);
    assert_eq!(nanos(outcome.feed_in_only), 1000 * 80_000);
    // With foresight the last quarter hour would have been bought as well, at 26 ct instead of 30.
    assert_eq!(nanos(outcome.best_possible), 1000 * 70_000 + 400 * 100_000 + 400 * 40_000);
}

#[test]
fn half_the_operators_fee_stands_between_the_limit_and_the_price() {
    let at_price = |price| Past::new(home(10_001), vec![slot("2026-06-01T10:00:00Z", 0, 1000, price)]);
    assert_eq!(at_price(125_000).run(&both()).sold.get(), 0);
    let sold = at_price(125_001).run(&both());
    assert_eq!(sold.sold.get(), 1000);
    // 1000 Wh at 10.001 ct: the seller's half is rounded down.
    assert_eq!(nanos(sold.earned), 1000 * 45_001 - 10_001_000 / 2);
}

#[test]
fn only_the_net_of_a_slot_trades() {
    let past = Past::new(home(0), vec![slot("2026-06-01T10:00:00Z", 300, 1000, 150_000)]);
    assert_eq!(past.run(&both()).sold.get(), 700);
}

#[test]
fn a_slot_without_measurement_price_or_contract_trades_nothing() {
    let full = slot("2026-06-01T10:00:00Z", 0, 1000, 150_000);
    for lacking in [
        PastSlot { energy: None, ..full },
        PastSlot { area_price: None, ..full },
        PastSlot { contract: None, ..full },
    ] {
        let outcome = Past::new(home(0), vec![lacking]).run(&both());
        assert_eq!((outcome.sold.get(), nanos(outcome.best_possible), outcome.days), (0, 0, 1));
    }
}

#[test]
fn a_daily_cap_counts_what_the_day_traded_so_far_and_begins_anew_at_local_midnight() {
    let noon =
        ["10:00", "10:15", "10:30"].map(|time| slot(&format!("2026-06-01T{time}:00Z"), 0, 700, 150_000));
    // 22:00 UTC is midnight in Berlin.
    let next = slot("2026-06-01T22:00:00Z", 0, 700, 150_000);
    let past = Past::new(home(0), noon.into_iter().chain([next]).collect());
    let mut traded = Vec::new();
    let outcome = past.each(&selling("cap = \"1 kWh/day\""), |taken| traded.push(taken.traded.get()));
    assert_eq!(traded, [700, 300, 0, 700]);
    assert_eq!(outcome.days, 2);
}

#[test]
fn a_sweep_is_the_same_as_setting_each_limit() {
    let slots = (0..96).map(|i| PastSlot {
        slot: "2026-06-01T00:00:00Z".parse::<Slot>().unwrap().offset(i),
        ..slot("2026-06-01T00:00:00Z", 0, 500, 100_000 + i * 1_000)
    });
    let past = Past::new(home(0), slots.collect());
    let trials = past.sweep(&both(), "Sun", &[micros(110_000), micros(150_000)]).unwrap();
    assert_eq!(trials[0].outcome.sold.get(), 86 * 500);
    assert_eq!(trials[1].outcome.sold.get(), 46 * 500);
    assert!(past.sweep(&both(), "Moon", &[micros(1)]).is_err());
}

fn pasts() -> impl Strategy<Value = Vec<PastSlot>> {
    let one = (0..3000_i64, 0..3000_i64, 60_000..320_000_i64, 0..10_u8);
    prop::collection::vec(one, 1..200).prop_map(|all| {
        // From the day before clocks go back.
        let first: Slot = "2026-10-24T00:00:00Z".parse().unwrap();
        let past = |(index, (import, export, price, gap)): (i64, (i64, i64, i64, u8))| PastSlot {
            slot: first.offset(index),
            energy: (gap != 0).then_some((WattHours::new(import), WattHours::new(export))),
            contract: Some(prices()),
            area_price: (gap != 1).then_some(micros(price)),
            outlook: Outlook::default(),
        };
        (0..).zip(all).map(past).collect()
    })
}

proptest! {
    #[test]
    fn no_rule_earns_more_than_the_best_possible_or_less_than_nothing(
        slots in pasts(), sell in 80_000..300_000_i64, buy in 80_000..300_000_i64, fee in 0..20_000_i64,
    ) {
        let limit = |micros: i64| format!("at = \"0.{micros:06} EUR/kWh\"");
        let text = rule("s", "sell", &limit(sell), "") + &rule("b", "buy", &limit(buy), "");
        let outcome = Past::new(home(fee), slots).run(&book(&text));
        prop_assert!(outcome.earned >= Money::from_nanos(0) && outcome.saved >= Money::from_nanos(0));
        prop_assert!(outcome.earned + outcome.saved <= outcome.best_possible);
    }

    #[test]
    fn what_a_past_decides_is_what_would_have_been_decided_then(slots in pasts()) {
        let rules = both();
        let mut all = Vec::new();
        Past::new(home(0), slots.clone()).each(&rules, |taken| all.push(taken));
        for (taken, past) in all.iter().zip(&slots) {
            let situation = Situation { slot: past.slot, ..at("2026-06-01T10:00:00Z") };
            let live = decide(&rules, &situation, taken.decision.side);
            prop_assert_eq!(&taken.decision, &live);
        }
    }

    #[test]
    fn the_sums_are_those_of_the_slots_in_any_order(slots in pasts(), seed: u64) {
        let mut shuffled = slots.clone();
        let half = (seed as usize) % shuffled.len();
        shuffled.rotate_left(half);
        shuffled.reverse();
        let mut sums = (WattHours::ZERO, WattHours::ZERO);
        let outcome = Past::new(home(0), slots).each(&both(), |taken: Taken| match taken.decision.side {
            Side::Sell => sums.0 += taken.traded,
            Side::Buy => sums.1 += taken.traded,
        });
        prop_assert_eq!(sums, (outcome.sold, outcome.bought));
        prop_assert_eq!(outcome, Past::new(home(0), shuffled).run(&both()));
    }
}

#[test]
fn the_side_without_a_rule_says_so() {
    let past = Past::new(home(0), vec![slot("2026-06-01T20:00:00Z", 400, 0, 200_000)]);
    let mut seen = Vec::new();
    past.each(&selling(""), |taken| seen.push((taken.decision.side, taken.decision.verdict)));
    assert_eq!(seen, [(Side::Buy, Verdict::None)]);
}

#[test]
fn negative_area_prices_are_never_clamped() {
    let mut cheap = slot("2026-06-01T12:00:00Z", 1000, 0, -20_000);
    cheap.contract = Some(pricing::SlotPrices { retail: micros(10_000), feed_in: micros(-30_000) });
    let rules = book(&rule("b", "buy", "at = \"0.000 EUR/kWh\"", ""));
    let outcome = Past::new(home(0), vec![cheap]).run(&rules);
    assert_eq!((outcome.bought.get(), nanos(outcome.saved)), (1000, 1000 * 30_000));
}
