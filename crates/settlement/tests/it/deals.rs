//! Direct deals: served before the auction, the earliest agreed first, never a shortfall.

use settlement::{What, settle};

use crate::street::{areas, deal, input, member, nanos, order, settled, slot};

const EARLY: &str = "2026-05-01T00:00:00Z";
const LATE: &str = "2026-05-02T00:00:00Z";

fn amounts(settlement: &settlement::Settlement) -> Vec<(String, i64, i64)> {
    let deals = settlement.deals.iter();
    deals.map(|deal| (deal.id.to_string(), deal.settled.get(), deal.grid_fee.nanos())).collect()
}

fn sun_and_load() -> [serde_json::Value; 3] {
    [
        member("sun", "feeder-1", 0, 1000),
        member("near", "feeder-1", 700, 0),
        member("far", "feeder-2", 700, 0),
    ]
}

#[test]
fn the_earliest_agreed_deal_is_served_first() {
    let deals = [deal("a", LATE, "sun", "near", 700, 100_000), deal("b", EARLY, "sun", "far", 700, 100_000)];
    let settlement = settled(slot(areas(None), &sun_and_load(), &deals, &[], 0));
    assert_eq!(amounts(&settlement), [("a".into(), 300, 0), ("b".into(), 700, 14_000_000)]);
}

#[test]
fn deals_of_one_moment_are_served_by_id() {
    let deals = [deal("b", EARLY, "sun", "far", 700, 100_000), deal("a", EARLY, "sun", "near", 700, 100_000)];
    let settlement = settled(slot(areas(None), &sun_and_load(), &deals, &[], 0));
    assert_eq!(amounts(&settlement), [("a".into(), 700, 0), ("b".into(), 300, 6_000_000)]);
}

#[test]
fn a_deal_never_exceeds_its_cap_or_what_the_meters_show() {
    let capped = [deal("d", EARLY, "sun", "near", 250, 100_000)];
    assert_eq!(amounts(&settled(slot(areas(None), &sun_and_load(), &capped, &[], 0)))[0].1, 250);
    let night = [member("sun", "feeder-1", 40, 0), member("near", "feeder-1", 700, 0)];
    let settlement = settled(slot(areas(None), &night, &capped, &[], 0));
    assert_eq!(
        amounts(&settlement),
        [("d".into(), 0, 0)],
        "a deal without sun is listed with zero, nothing is owed"
    );
}

#[test]
fn the_buyer_pays_the_price_and_every_edge_on_the_path() {
    let deals = [deal("d", EARLY, "sun", "far", 1000, 100_000)];
    let settlement = settled(slot(areas(None), &sun_and_load(), &deals, &[], 0));
    assert_eq!(nanos(&settlement, "member:far", "d", What::Energy), -70_000_000);
    assert_eq!(nanos(&settlement, "member:sun", "d", What::Energy), 70_000_000);
    assert_eq!(nanos(&settlement, "member:far", "d", What::GridFee), -14_000_000);
    assert_eq!(nanos(&settlement, "network", "d", What::GridFee), 14_000_000);
    assert_eq!(nanos(&settlement, "member:sun", "sun", What::FeedIn), 300 * 80_000);
    assert_eq!(nanos(&settlement, "utility:near", "near", What::Retail), 700 * 300_000);
}

#[test]
fn a_gift_costs_the_grid_and_the_operator_only() {
    let deals = [deal("gift", EARLY, "sun", "far", 101, 0)];
    let settlement = settled(slot(areas(None), &sun_and_load(), &deals, &[], 3));
    assert_eq!(nanos(&settlement, "member:far", "gift", What::Energy), 0);
    assert_eq!(nanos(&settlement, "member:far", "gift", What::GridFee), -101 * 20_000);
    // 303 nanos: the buyer's half is rounded up, the seller's down.
    assert_eq!(nanos(&settlement, "member:far", "gift", What::OperatorFee), -152);
    assert_eq!(nanos(&settlement, "member:sun", "gift", What::OperatorFee), -151);
    assert_eq!(nanos(&settlement, "operator", "gift", What::OperatorFee), 303);
}

#[test]
fn a_line_bounds_deals_in_each_direction_by_itself() {
    let members = [
        member("sun-1", "feeder-1", 0, 1000),
        member("load-1", "feeder-1", 1000, 0),
        member("sun-2", "feeder-2", 0, 1000),
        member("load-2", "feeder-2", 1000, 0),
    ];
    let deals = [
        deal("there", EARLY, "sun-1", "load-2", 1000, 100_000),
        deal("back", LATE, "sun-2", "load-1", 1000, 100_000),
        deal("there-too", LATE, "sun-1", "load-2", 1000, 100_000),
    ];
    let settlement = settled(slot(areas(Some(400)), &members, &deals, &[], 0));
    assert_eq!(
        amounts(&settlement),
        [("back".into(), 400, 8_000_000), ("there".into(), 400, 8_000_000), ("there-too".into(), 0, 0),]
    );
}

#[test]
fn the_auction_gets_what_deals_leave_of_meters() {
    let deals = [deal("d", EARLY, "sun", "near", 600, 100_000)];
    let orders = [order("s", "sun", "sell", 1000, 90_000), order("b", "near", "buy", 700, 200_000)];
    let settlement = settled(slot(areas(None), &sun_and_load(), &deals, &orders, 0));
    let fills: Vec<_> = settlement.clearing.fills.iter().map(|fill| fill.filled.get()).collect();
    assert_eq!(fills, [100, 100], "the buyer's meter had 100 Wh left");
}

#[test]
fn the_auction_gets_what_deals_leave_of_lines_in_each_direction() {
    let members = [
        member("sun-1", "feeder-1", 0, 1000),
        member("load-1", "feeder-1", 1000, 0),
        member("sun-2", "feeder-2", 0, 1000),
        member("load-2", "feeder-2", 1000, 0),
    ];
    let deals = [deal("there", EARLY, "sun-1", "load-2", 300, 100_000)];
    let there = [order("s", "sun-1", "sell", 1000, 90_000), order("b", "load-2", "buy", 1000, 250_000)];
    let settlement = settled(slot(areas(Some(400)), &members, &deals, &there, 0));
    assert_eq!(settlement.clearing.fills[0].filled.get(), 100, "the deal used 300 of 400 Wh this way");
    let back = [order("s", "sun-2", "sell", 1000, 90_000), order("b", "load-1", "buy", 1000, 250_000)];
    let settlement = settled(slot(areas(Some(400)), &members, &deals, &back, 0));
    assert_eq!(
        settlement.clearing.fills[0].filled.get(),
        400,
        "the deal frees nothing and takes nothing this way"
    );
}

#[test]
fn the_order_of_the_input_is_irrelevant() {
    let deals = [
        deal("a", LATE, "sun", "near", 700, 100_000),
        deal("b", EARLY, "sun", "far", 200, 110_000),
        deal("c", EARLY, "sun", "near", 300, 120_000),
    ];
    let forwards = settle(&input(slot(areas(None), &sun_and_load(), &deals, &[], 7))).unwrap();
    let mut reversed = input(slot(areas(None), &sun_and_load(), &deals, &[], 7));
    reversed.deals.reverse();
    reversed.members.reverse();
    assert_eq!(settle(&reversed).unwrap(), forwards);
}
