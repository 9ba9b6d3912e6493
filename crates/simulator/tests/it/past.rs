//! The past that a street is born with.

use std::sync::Arc;

use market::Side;
use rules::RuleBook;
use settlement::{Account, Fees, What};
use simulator::house::{House, HousePlan, plan_street};
use simulator::past::{PastHouse, PastMarket, PastSlot, tell};
use simulator::street::{area_of, market_config};
use simulator::world::UtcDay;
use units::{Currency, MemberId, Power, Price, Slot};

fn day() -> std::ops::Range<Slot> {
    let first: Slot = "2026-05-20T00:00:00Z".parse().unwrap();
    first..first.offset(96)
}

fn past(seed: u64) -> Vec<PastSlot> {
    past_of(seed, 6, day())
}

fn past_of(seed: u64, count: u32, slots: std::ops::Range<Slot>) -> Vec<PastSlot> {
    let areas = market_config(count, 450.0, None).market_areas();
    let market = PastMarket { areas, fees: Fees::default() };
    let first_day = UtcDay::containing(slots.start.start());
    let houses: Vec<PastHouse> = plan_street(seed, count)
        .into_iter()
        .map(|plan| PastHouse {
            member: MemberId::new(plan.id.clone()).unwrap(),
            area: area_of(&plan),
            rules: rules_of(&plan),
            contracts: simulator::street::contracts(&plan),
            fuse: Power::from_watts(17_000),
            house: Arc::new(House::new(plan, seed, first_day)),
        })
        .collect();
    tell(&market, &houses, slots).map(Result::unwrap).collect()
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

/// Prices of the substation and its two feeders, and what flows on the second one's line.
fn local_prices(slot: &PastSlot) -> Option<([i64; 3], i64)> {
    let areas = &slot.settlement.clearing.areas;
    let [Some(substation), Some(first), Some(second)] = [0, 1, 2].map(|place: usize| areas[place].price)
    else {
        return None;
    };
    let prices = [substation, first, second].map(Price::micros_per_kwh);
    Some((prices, areas[2].flow_to_parent.get()))
}

#[test]
fn feeders_differ_by_the_grid_fee_and_by_more_where_the_line_is_full_at_noon() {
    let config = market_config(6, 450.0, None).market_areas();
    let (fee, line) = (config[2].fee.unwrap().micros_per_kwh(), config[2].capacity.flatten().unwrap().get());
    for seed in [1, 7] {
        let slots = past_of(seed, 6, day().start..day().start.offset(2 * 96));
        let (mut by_the_fee, mut apart) = (0, 0);
        for slot in &slots {
            let Some(([substation, first, second], flow)) = local_prices(slot) else { continue };
            assert!((first - substation).abs() <= fee, "the first feeder's line is wide");
            let gap = (first - second).abs();
            if flow.abs() < line {
                assert!(gap <= 2 * fee && (flow == 0 || gap == 2 * fee), "{}: {gap}", slot.slot);
            }
            by_the_fee += i32::from(flow != 0 && gap == 2 * fee);
            if gap > 2 * fee {
                let hour = slot.slot.start().seconds() / 3600 % 24;
                apart += i32::from((8..14).contains(&hour));
                assert_eq!(flow.abs(), line, "{}", slot.slot);
            }
        }
        assert!(by_the_fee > 0 && apart > 0, "seed {seed}: {by_the_fee} by the fee, {apart} apart at noon");
    }
}

#[test]
fn what_the_network_gets_is_what_buyers_pay_beyond_what_sellers_get() {
    let (mut fees, mut rent) = (0, 0);
    for slot in past_of(7, 6, day()) {
        let sum = |wanted: &dyn Fn(&settlement::Posting) -> bool| -> i64 {
            let found = slot.settlement.postings.iter().filter(|posting| wanted(posting));
            found.map(|posting| posting.amount.nanos()).sum()
        };
        let network = sum(&|it| it.account == Account::Network);
        let traded = sum(&|it| matches!(it.account, Account::Member(_)) && it.what == What::Energy);
        assert_eq!(network, -traded, "{}", slot.slot);
        fees += sum(&|it| it.account == Account::Network && it.what == What::GridFee);
        rent += sum(&|it| it.account == Account::Network && it.what == What::Congestion);
    }
    assert!(fees > 0 && rent > 0, "{fees} in fees, {rent} for the full line");
}
