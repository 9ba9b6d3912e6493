//! What the verifier accepts, what it refuses, and by which rule.

use market::{
    Book, Clearing, EdgeCapacity, Rule, Unverified, clear, clear_after_deals, verify, verify_after_deals,
};
use proptest::prelude::*;
use units::{OrderId, Price, WattHours};

use crate::books::{Shape, TIES, WIDE, below, book, books, books_after_deals, buy, large_book, root, sell};

fn broken(book: &Book, clearing: &Clearing) -> Option<(Rule, String)> {
    match verify(book, clearing) {
        Ok(()) => None,
        Err(Unverified::Violation(violation)) => Some((violation.rule, violation.place)),
        Err(Unverified::Book(invalid)) => panic!("{invalid}"),
    }
}

/// Clears the book, spoils the clearing, and names what the verifier then finds.
fn spoilt(book: &Book, spoil: impl FnOnce(&mut Clearing)) -> Option<(Rule, String)> {
    let mut clearing = clear(book).unwrap();
    assert_eq!(broken(book, &clearing), None);
    spoil(&mut clearing);
    broken(book, &clearing)
}

fn found(rule: Rule, place: &str) -> Option<(Rule, String)> {
    Some((rule, place.to_owned()))
}

/// A village that sells to a town over a full line, with a tie among the town's homes.
fn town() -> Book {
    let areas = vec![root("town"), below("town", "village", 10, Some(30)), below("town", "hamlet", 10, None)];
    let orders = vec![
        sell("roof", "village", 100, 50),
        buy("home-1", "town", 20, 200),
        buy("home-2", "town", 20, 120),
        buy("home-3", "town", 20, 120),
        sell("farm", "hamlet", 10, 100),
        sell("mill", "hamlet", 10, 110),
        buy("barn", "hamlet", 5, 90),
    ];
    book(areas, orders)
}

fn fill<'a>(clearing: &'a mut Clearing, order: &str) -> &'a mut WattHours {
    &mut clearing.fills.iter_mut().find(|fill| fill.order.as_str() == order).unwrap().filled
}

fn wh(watt_hours: i64) -> WattHours {
    WattHours::new(watt_hours)
}

fn micros(micros: i64) -> Option<Price> {
    Some(Price::from_micros_per_kwh(micros))
}

#[test]
fn the_town_trades_as_its_tests_expect() {
    let clearing = clear(&town()).unwrap();
    let fills: Vec<_> = clearing.fills.iter().map(|fill| (fill.order.as_str(), fill.filled.get())).collect();
    let expected = [("farm", 10), ("home-1", 20), ("home-2", 15), ("home-3", 15), ("mill", 10), ("roof", 30)];
    assert_eq!(fills, expected);
    let prices: Vec<_> = clearing.areas.iter().map(|area| area.price).collect();
    assert_eq!(prices, [micros(120), micros(50), micros(110)]);
}

#[test]
fn another_slot_or_other_areas_break_the_bounds() {
    let spoilt = |spoil: fn(&mut Clearing)| spoilt(&town(), spoil).map(|(rule, _)| rule);
    assert_eq!(spoilt(|clearing| clearing.slot = clearing.slot.next()), Some(Rule::Bounds));
    assert_eq!(spoilt(|clearing| clearing.areas.swap(0, 1)), Some(Rule::Bounds));
    assert_eq!(spoilt(|clearing| clearing.areas.truncate(2)), Some(Rule::Bounds));
    assert_eq!(spoilt(|clearing| clearing.areas[0].flow_to_parent = wh(1)), Some(Rule::Bounds));
}

#[test]
fn fills_of_strangers_or_beyond_the_quantity_break_the_bounds() {
    let roof = found(Rule::Bounds, "order roof");
    assert_eq!(spoilt(&town(), |clearing| *fill(clearing, "roof") = wh(101)), roof);
    assert_eq!(spoilt(&town(), |clearing| *fill(clearing, "roof") = wh(0)), roof);
    assert_eq!(spoilt(&town(), |clearing| *fill(clearing, "roof") = wh(-1)), roof);
    let twice = |clearing: &mut Clearing| clearing.fills.push(clearing.fills[5].clone());
    assert_eq!(spoilt(&town(), twice), roof);
    let stranger = |clearing: &mut Clearing| clearing.fills[0].order = OrderId::new("a").unwrap();
    assert_eq!(spoilt(&town(), stranger), found(Rule::Bounds, "order a"));
    assert_eq!(spoilt(&town(), |clearing| clearing.fills.swap(0, 1)), found(Rule::Bounds, "order farm"));
}

#[test]
fn energy_from_nowhere_breaks_the_balance() {
    assert_eq!(
        spoilt(&town(), |clearing| *fill(clearing, "roof") = wh(31)),
        found(Rule::Balance, "area village")
    );
    let flow = |clearing: &mut Clearing| clearing.areas[2].flow_to_parent = wh(i64::MIN);
    assert_eq!(spoilt(&town(), flow).map(|(rule, _)| rule), Some(Rule::Balance));
}

#[test]
fn a_price_beyond_a_served_limit_breaks_the_limit() {
    let price = |clearing: &mut Clearing| clearing.areas[0].price = micros(121);
    assert_eq!(spoilt(&town(), price), found(Rule::Limit, "order home-2"));
}

#[test]
fn a_better_limit_left_out_is_unfilled() {
    let price = |clearing: &mut Clearing| clearing.areas[0].price = micros(119);
    assert_eq!(spoilt(&town(), price), found(Rule::Unfilled, "order home-2"));
}

#[test]
fn a_market_that_says_there_is_no_price_and_serves_nobody_leaves_orders_unfilled() {
    let close = |clearing: &mut Clearing| {
        clearing.fills.clear();
        clearing.welfare = 0;
        for area in &mut clearing.areas {
            (area.price, area.flow_to_parent) = (None, wh(0));
        }
    };
    assert_eq!(spoilt(&town(), close).map(|(rule, _)| rule), Some(Rule::Unfilled));
}

#[test]
fn prices_that_a_line_does_not_explain_break_the_edge() {
    // The hamlet sends energy over a line with room: its price is the town's less the fee.
    let price = |clearing: &mut Clearing| clearing.areas[2].price = micros(111);
    assert_eq!(spoilt(&town(), price), found(Rule::Edge, "area hamlet"));
    let no_price = |clearing: &mut Clearing| clearing.areas[2].price = None;
    assert_eq!(spoilt(&town(), no_price), found(Rule::Edge, "area hamlet"));
}

#[test]
fn more_than_a_line_can_carry_breaks_the_capacity() {
    let clearing = clear(&town()).unwrap();
    let mut weaker = town();
    weaker.areas[1].capacity = Some(Some(wh(29)));
    assert_eq!(broken(&weaker, &clearing), found(Rule::Capacity, "area village"));
}

#[test]
fn a_wrong_sum_breaks_the_welfare() {
    assert_eq!(spoilt(&town(), |clearing| clearing.welfare += 1), found(Rule::Welfare, "welfare_nanos"));
}

#[test]
fn a_trade_without_gain_that_is_left_out_breaks_the_volume() {
    let even = book(vec![root("a")], vec![buy("b", "a", 10, 5), sell("s", "a", 7, 5)]);
    let less = |clearing: &mut Clearing| {
        clearing.fills.iter_mut().for_each(|fill| fill.filled = wh(6));
    };
    assert_eq!(spoilt(&even, less), found(Rule::Volume, "area a"));
    // Across a line, the gain is used up by the fee.
    let apart =
        book(vec![root("a"), below("a", "c", 3, None)], vec![buy("b", "a", 10, 8), sell("s", "c", 7, 5)]);
    let none = |clearing: &mut Clearing| {
        clearing.fills.clear();
        clearing.areas[1].flow_to_parent = wh(0);
    };
    assert_eq!(spoilt(&apart, none).map(|(rule, _)| rule), Some(Rule::Volume));
}

#[test]
fn a_price_off_the_middle_breaks_the_price() {
    let wide = book(vec![root("a")], vec![buy("b", "a", 10, 9), sell("s", "a", 10, 5)]);
    let off = |clearing: &mut Clearing| clearing.areas[0].price = micros(8);
    assert_eq!(spoilt(&wide, off), found(Rule::Price, "area a"));
    let none = |clearing: &mut Clearing| clearing.areas[0].price = None;
    assert_eq!(spoilt(&wide, none), found(Rule::Price, "area a"));
    let one_side = book(vec![root("a")], vec![buy("b", "a", 10, 9)]);
    let made_up = |clearing: &mut Clearing| clearing.areas[0].price = micros(9);
    assert_eq!(spoilt(&one_side, made_up), found(Rule::Price, "area a"));
}

#[test]
fn a_favour_among_equals_breaks_the_share() {
    let favour = |clearing: &mut Clearing| {
        *fill(clearing, "home-2") = wh(16);
        *fill(clearing, "home-3") = wh(14);
    };
    assert_eq!(spoilt(&town(), favour), found(Rule::Share, "order home-2"));
}

#[test]
fn a_favour_between_areas_breaks_the_share() {
    let areas = vec![root("r"), below("r", "east", 5, None), below("r", "west", 5, None)];
    let orders = vec![sell("e", "east", 10, 20), sell("w", "west", 10, 20), buy("b", "r", 9, 100)];
    let favour = |clearing: &mut Clearing| {
        assert_eq!((*fill(clearing, "e"), *fill(clearing, "w")), (wh(5), wh(4)));
        (*fill(clearing, "e"), *fill(clearing, "w")) = (wh(4), wh(5));
        clearing.areas[1].flow_to_parent = wh(4);
        clearing.areas[2].flow_to_parent = wh(5);
    };
    assert_eq!(spoilt(&book(areas, orders), favour), found(Rule::Share, "area east"));
}

/// A change of one or several numbers of a clearing, balanced or not.
#[derive(Clone, Debug)]
enum Spoil {
    Fill(prop::sample::Index, i64),
    Move(prop::sample::Index, prop::sample::Index, i64),
    Both(prop::sample::Index, prop::sample::Index, i64),
    Price(prop::sample::Index, i64),
    AllPrices(i64),
    Flow(prop::sample::Index, i64),
    Welfare(i64),
    Forget(prop::sample::Index),
}

fn spoils() -> impl Strategy<Value = Spoil> {
    let index = || any::<prop::sample::Index>();
    prop_oneof![
        (index(), -3..=3i64).prop_map(|(at, by)| Spoil::Fill(at, by)),
        (index(), index(), 1..=3i64).prop_map(|(a, b, by)| Spoil::Move(a, b, by)),
        (index(), index(), -2..=2i64).prop_map(|(a, b, by)| Spoil::Both(a, b, by)),
        (index(), -2..=2i64).prop_map(|(at, by)| Spoil::Price(at, by)),
        (-2..=2i64).prop_map(Spoil::AllPrices),
        (index(), -2..=2i64).prop_map(|(at, by)| Spoil::Flow(at, by)),
        (-2..=2i64).prop_map(Spoil::Welfare),
        index().prop_map(Spoil::Forget),
    ]
}

/// Applies a change to the fills of any order, served or not, and states the welfare anew.
fn apply(book: &Book, clearing: &mut Clearing, spoil: Spoil) {
    let mut add = |at: usize, by: i64| {
        let order = &book.orders[at].id;
        match clearing.fills.binary_search_by(|fill| fill.order.cmp(order)) {
            Ok(found) => {
                clearing.fills[found].filled += wh(by);
                if clearing.fills[found].filled == wh(0) {
                    clearing.fills.remove(found);
                }
            }
            Err(place) if by != 0 => {
                clearing.fills.insert(place, market::Fill { order: order.clone(), filled: wh(by) });
            }
            Err(_) => {}
        }
    };
    let (orders, areas) = (book.orders.len(), book.areas.len());
    match spoil {
        Spoil::Fill(at, by) if orders > 0 => add(at.index(orders), by),
        Spoil::Move(from, to, by) if orders > 0 => {
            add(from.index(orders), -by);
            add(to.index(orders), by);
        }
        Spoil::Both(a, b, by) if orders > 0 && a.index(orders) != b.index(orders) => {
            add(a.index(orders), by);
            add(b.index(orders), by);
        }
        Spoil::Price(at, by) => {
            let area = &mut clearing.areas[at.index(areas)];
            area.price = area.price.map(|price| price + Price::from_micros_per_kwh(by));
        }
        Spoil::AllPrices(by) => {
            for area in &mut clearing.areas {
                area.price = area.price.map(|price| price + Price::from_micros_per_kwh(by));
            }
        }
        Spoil::Flow(at, by) => clearing.areas[at.index(areas)].flow_to_parent += wh(by),
        Spoil::Welfare(by) => clearing.welfare += i128::from(by),
        Spoil::Forget(at) => clearing.areas[at.index(areas)].price = None,
        Spoil::Fill(..) | Spoil::Move(..) | Spoil::Both(..) => {}
    }
    if !matches!(spoil, Spoil::Welfare(_)) {
        clearing.welfare = stated_welfare(book, clearing);
    }
}

fn stated_welfare(book: &Book, clearing: &Clearing) -> i128 {
    let of_order = |fill: &market::Fill| {
        let order = book.orders.iter().find(|order| order.id == fill.order).unwrap();
        let worth = fill.filled.at_wide(order.limit);
        if order.side == market::Side::Buy { worth } else { -worth }
    };
    let fee = |(area, outcome): (&market::Area, &market::AreaOutcome)| {
        wh(outcome.flow_to_parent.get().abs()).at_wide(area.fee.unwrap_or(Price::ZERO))
    };
    clearing.fills.iter().map(of_order).sum::<i128>()
        - book.areas.iter().zip(&clearing.areas).map(fee).sum::<i128>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_clearing_is_verified(ties in books(TIES), wide in books(WIDE)) {
        prop_assert_eq!(verify(&ties, &clear(&ties).unwrap()), Ok(()));
        prop_assert_eq!(verify(&wide, &clear(&wide).unwrap()), Ok(()));
    }

    #[test]
    fn every_clearing_after_deals_is_verified((book, capacities) in books_after_deals(TIES)) {
        let clearing = clear_after_deals(&book, &capacities).unwrap();
        prop_assert_eq!(verify_after_deals(&book, &capacities, &clearing), Ok(()));
    }

    /// The rules leave one answer, so that whatever differs from it breaks one of them.
    #[test]
    fn no_other_clearing_is_verified(book in books(TIES), spoils in prop::collection::vec(spoils(), 1..4)) {
        let right = clear(&book).unwrap();
        let mut other = right.clone();
        spoils.into_iter().for_each(|spoil| apply(&book, &mut other, spoil));
        prop_assert_eq!(verify(&book, &other).is_ok(), other == right);
    }

    /// Fills of a market in which the same orders have other ids: right but for who comes first.
    #[test]
    fn another_order_of_ids_breaks_the_share_and_nothing_else(book in books(TIES)) {
        let mut renamed = book.clone();
        let flip = |id: &str| OrderId::new(id.bytes().map(|byte| if byte.is_ascii_digit() {
            char::from(b'0' + b'9' - byte)
        } else {
            char::from(byte)
        }).collect::<String>()).unwrap();
        renamed.orders.iter_mut().for_each(|order| order.id = flip(order.id.as_str()));
        let mut clearing = clear(&renamed).unwrap();
        clearing.fills.iter_mut().for_each(|fill| fill.order = flip(fill.order.as_str()));
        clearing.fills.sort_by(|a, b| a.order.cmp(&b.order));
        if clearing == clear(&book).unwrap() {
            prop_assert_eq!(broken(&book, &clearing), None);
        } else {
            prop_assert_eq!(broken(&book, &clearing).map(|(rule, _)| rule), Some(Rule::Share));
        }
    }
}

#[test]
fn clearings_of_deep_and_broad_trees_are_verified() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (areas, orders, quantity, price, fee) in
        [(300, 3000, 1 << 40, 1_000_000, 100), (60, 3000, 20, 50, 3), (3, 3000, 1000, 1_000_000, 30_000)]
    {
        for _ in 0..10 {
            let book = large_book(Shape { areas, orders, quantity, price, fee }, &mut runner);
            assert_eq!(verify(&book, &clear(&book).unwrap()), Ok(()));
        }
    }
}

#[test]
fn a_line_that_deals_have_filled_is_full() {
    let capacities: Vec<_> = town().areas.iter().map(EdgeCapacity::of).collect();
    let mut after = capacities.clone();
    after[1].to_parent = Some(wh(0));
    let clearing = clear_after_deals(&town(), &after).unwrap();
    assert_eq!(clearing.areas[1].flow_to_parent, wh(0));
    assert_eq!(verify_after_deals(&town(), &after, &clearing), Ok(()));
    assert!(verify_after_deals(&town(), &capacities, &clearing).is_err());
}
