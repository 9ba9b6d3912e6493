//! How many member-slots a second one core settles: a day of a street with deals, orders and fees.
//!
//! The reference only clears the auctions of the same slots: no deals, no postings, nothing to the utility.
//! Prints a line a figure; with `--json` as JSON.

#![allow(clippy::unwrap_used, reason = "a bench that cannot make its street has failed")]

#[path = "../../../tests/system/benches/shared/figure.rs"]
mod figure;
#[path = "../../../tests/system/benches/shared/medians.rs"]
mod medians;

use std::hint::black_box;

use figure::Figure;
use market::{Area, Side, clear_after_deals};
use medians::medians_ms;
use settlement::{Deal, Fees, MemberOrder, MeteredMember, SlotInput, auction_of, settle};
use units::{AreaId, DealId, MemberId, Money, OrderId, Price, Slot, Timestamp, WattHours};

const MEMBERS: usize = 1_000;
const SLOTS: i64 = 96;
const RUNS: usize = 11;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let slots: Vec<SlotInput> = (0..SLOTS).map(slot).collect();
    let auctions: Vec<_> = slots.iter().map(|slot| auction_of(slot).unwrap()).collect();
    slots.iter().for_each(all_of_it_happens);
    let (mut clear_ms, mut settle_ms) = (0.0, 0.0);
    for (slot, auction) in slots.iter().zip(&auctions) {
        let [clear, settle] = medians_ms(
            RUNS,
            [
                &mut || {
                    drop(black_box(clear_after_deals(black_box(&auction.book), &auction.capacities).unwrap()))
                },
                &mut || drop(black_box(settle(black_box(slot)).unwrap())),
            ],
        );
        clear_ms += clear;
        settle_ms += settle;
    }
    let rate = |milliseconds: f64| (MEMBERS as f64 * SLOTS as f64 * 1000.0 / milliseconds).round();
    Figure::new("settle/1000-members/8-areas", rate(settle_ms), "member-slots/s")
        .against("only clearing the same books", rate(clear_ms))
        .tell(json);
}

/// A slot in which nothing trades, or whose books do not close, measures nothing.
fn all_of_it_happens(slot: &SlotInput) {
    let settlement = settle(slot).unwrap();
    assert!(settlement.deals.iter().any(|deal| deal.settled > WattHours::ZERO), "deals are served");
    assert!(settlement.clearing.fills.iter().any(|fill| fill.filled > WattHours::ZERO), "the auction trades");
    let sum: i64 = settlement.postings.iter().map(|posting| posting.amount.nanos()).sum();
    assert_eq!(Money::from_nanos(sum), Money::ZERO, "the books sum to zero");
}

/// Every other member has sun left, nine in ten order, one in ten sells to a neighbour by a deal.
fn slot(index: i64) -> SlotInput {
    let parents = [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), Some(2)];
    let area_id = |area: usize| AreaId::new(format!("area-{area}")).unwrap();
    let areas = parents.iter().enumerate().map(|(place, parent)| Area {
        id: area_id(place),
        parent: parent.map(area_id),
        fee: parent.map(|_| Price::from_micros_per_kwh(5_000 * place as i64)),
        // Every other line is too thin for what would like to pass.
        capacity: parent.map(|_| (place % 2 == 0).then_some(WattHours::new(MEMBERS as i64 * 10))),
    });
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1));
    let member_id = |place: usize| MemberId::new(format!("member-{place:04}")).unwrap();
    let mut members = Vec::with_capacity(MEMBERS);
    let mut orders = Vec::new();
    let mut deals = Vec::new();
    for place in 0..MEMBERS {
        let (side, much, little) = (side_of(place), chance.below(1500) + 20, chance.below(20));
        let (import, export) = if side == Side::Buy { (much, little) } else { (little, much) };
        members.push(MeteredMember {
            id: member_id(place),
            area: area_id(chance.below(parents.len() as i64) as usize),
            import: WattHours::new(import),
            export: WattHours::new(export),
            retail: Price::from_micros_per_kwh(300_000 + 1_000 * chance.below(60)),
            feed_in: Price::from_micros_per_kwh(60_000 + 1_000 * chance.below(25)),
        });
        if chance.below(10) < 9 {
            orders.push(MemberOrder {
                // As long as the ids that clients make, and as well shuffled.
                id: OrderId::new(format!("{:016x}-{place:019}", chance.next())).unwrap(),
                member: member_id(place),
                side,
                quantity: WattHours::new(chance.below(1500) + 1),
                limit: Price::from_micros_per_kwh(60_000 + 1_000 * chance.below(270)),
            });
        }
        if place % 10 == 1 {
            deals.push(Deal {
                id: DealId::new(format!("{:016x}-{place:019}", chance.next())).unwrap(),
                agreed_at: Timestamp::from_seconds(1_770_000_000 + chance.below(1_000_000)),
                seller: member_id(place),
                buyer: member_id((place + 1 + 2 * chance.below(400) as usize) % MEMBERS),
                cap: WattHours::new(chance.below(800) + 1),
                price: Price::from_micros_per_kwh(150_000),
            });
        }
    }
    SlotInput {
        slot: Slot::from_index(1_980_000 + index),
        areas: areas.collect(),
        members,
        deals,
        orders,
        fees: Fees { operator: Price::from_micros_per_kwh(4_000) },
    }
}

fn side_of(place: usize) -> Side {
    if place.is_multiple_of(2) { Side::Buy } else { Side::Sell }
}

/// Xorshift: the same street on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: i64) -> i64 {
        (self.next() % limit as u64) as i64
    }
}
