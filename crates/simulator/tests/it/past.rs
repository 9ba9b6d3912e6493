//! The past that a street is born with.

use std::sync::Arc;

use market::{Area, Side};
use pricing::SlotPrices;
use rules::RuleBook;
use settlement::Fees;
use simulator::house::{House, HousePlan, plan_street};
use simulator::past::{PastHouse, PastMarket, PastSlot, tell};
use simulator::world::UtcDay;
use units::{AreaId, Currency, MemberId, Power, Price, Slot};

fn day() -> std::ops::Range<Slot> {
    let first: Slot = "2026-05-20T00:00:00Z".parse().unwrap();
    first..first.offset(96)
}

fn past(seed: u64) -> Vec<PastSlot> {
    let area = Area { id: AreaId::new("feeder-1").unwrap(), parent: None, fee: None, capacity: None };
    let market = PastMarket { areas: vec![area], fees: Fees::default() };
    let first_day = UtcDay::containing(day().start.start());
    let houses: Vec<PastHouse> = plan_street(seed, 6)
        .into_iter()
        .map(|plan| PastHouse {
            member: MemberId::new(plan.id.clone()).unwrap(),
            rules: rules_of(&plan),
            prices: SlotPrices {
                retail: Price::from_micros_per_kwh(320_000),
                feed_in: Price::from_micros_per_kwh(81_000),
            },
            fuse: Power::from_watts(17_000),
            house: Arc::new(House::new(plan, seed, first_day)),
        })
        .collect();
    tell(&market, &houses, day()).map(Result::unwrap).collect()
}

fn rules_of(plan: &HousePlan) -> RuleBook {
    RuleBook::parse(&plan.terms.rules_toml(), Currency::EUR).unwrap()
}

#[test]
fn the_past_trades_by_day_and_not_by_night() {
    let past = past(7);
    let traded = |slots: std::ops::Range<usize>| -> i64 {
        past[slots]
            .iter()
            .flat_map(|slot| &slot.settlement.clearing.fills)
            .map(|fill| fill.filled.get())
            .sum()
    };
    assert_eq!(traded(0..10), 0);
    assert!(traded(30..70) > 2000, "{} Wh", traded(30..70));
    assert_eq!(traded(84..96), 0);
}

#[test]
fn every_slot_of_the_past_conserves_energy_and_money() {
    for slot in past(7) {
        let sum: i128 =
            slot.settlement.postings.iter().map(|posting| i128::from(posting.amount.nanos())).sum();
        assert_eq!(sum, 0, "{}", slot.slot);
        let filled = |side: Side| -> i64 {
            let of_side = |id| slot.input.orders.iter().find(|order| order.id == id).unwrap().side == side;
            let fills = slot.settlement.clearing.fills.iter().filter(|fill| of_side(fill.order.clone()));
            fills.map(|fill| fill.filled.get()).sum()
        };
        assert_eq!(filled(Side::Sell), filled(Side::Buy));
        for area in &slot.settlement.clearing.areas {
            let price = area.price.map(Price::micros_per_kwh);
            assert!(price.is_none_or(|price| (81_000..=320_000).contains(&price)), "{price:?}");
        }
    }
}

#[test]
fn nobody_of_the_past_is_worse_off_than_with_the_utility_alone() {
    for slot in past(3) {
        for member in &slot.input.members {
            let money = slot.settlement.member_money(member).unwrap();
            assert!(!money.earned.is_negative() && !money.saved.is_negative(), "{} {money:?}", slot.slot);
        }
    }
}

#[test]
fn the_same_seed_has_the_same_past() {
    let told = |seed| past(seed).into_iter().map(|slot| (slot.input, slot.settlement)).collect::<Vec<_>>();
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}
