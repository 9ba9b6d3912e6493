//! The six properties of the clearing, on random books.

use std::collections::HashMap;

use market::{Book, Clearing, EdgeCapacity, Side, clear, clear_after_deals};
use proptest::prelude::*;
use units::{Price, WattHours};

use crate::books::{Shape, TIES, WIDE, books, books_after_deals};
use crate::reference::{Network, Sharing};

fn stated(book: &Book) -> Vec<EdgeCapacity> {
    book.areas.iter().map(EdgeCapacity::of).collect()
}

fn filled(clearing: &Clearing) -> HashMap<String, i64> {
    clearing.fills.iter().map(|fill| (fill.order.to_string(), fill.filled.get())).collect()
}

fn traded(book: &Book, clearing: &Clearing, side: Side) -> i128 {
    let fills = filled(clearing);
    let of_side = book.orders.iter().filter(|order| order.side == side);
    of_side.map(|order| i128::from(fills.get(order.id.as_str()).copied().unwrap_or(0))).sum()
}

/// Welfare, traded quantity and prices are those of a network that was solved without any of our methods.
fn check_optimum(book: &Book, capacities: &[EdgeCapacity], clearing: &Clearing) {
    let network = Network::solve(book, capacities);
    assert_eq!(clearing.welfare, network.welfare, "welfare");
    assert_eq!(traded(book, clearing, Side::Buy), network.volume, "bought");
    assert_eq!(traded(book, clearing, Side::Sell), network.volume, "sold");
    for (area, (least, greatest)) in clearing.areas.iter().zip(network.supporting()) {
        let middle = least.zip(greatest).map(|(least, greatest)| (least + greatest).div_euclid(2));
        let price = area.price.map(|price| i128::from(price.micros_per_kwh()));
        assert_eq!(price, middle, "price of {} within {least:?} and {greatest:?}", area.id);
    }
}

/// Who gets what at the margin is what the rules say by the letter.
fn check_shares(book: &Book, capacities: &[EdgeCapacity], clearing: &Clearing) {
    let sharing = Sharing::of(book, capacities);
    let flows: Vec<i64> = clearing.areas.iter().map(|area| area.flow_to_parent.get()).collect();
    assert_eq!(flows, sharing.flows, "flows");
    let got: HashMap<_, _> = sharing.fills.into_iter().filter(|(_, filled)| *filled > 0).collect();
    assert_eq!(filled(clearing), got, "fills");
}

/// Energy in each area to the Wh, money to the nano: what buyers pay beyond what sellers get is fees and rent.
fn check_conservation(book: &Book, clearing: &Clearing) {
    let fills = filled(clearing);
    let mut export: HashMap<&str, i64> = HashMap::new();
    let mut surplus = 0;
    let price: HashMap<_, _> = clearing.areas.iter().map(|area| (&area.id, area.price)).collect();
    for order in &book.orders {
        let Some(&filled) = fills.get(order.id.as_str()) else { continue };
        let cost = WattHours::new(filled).at_wide(price[&order.area].expect("who trades has a price"));
        let sign = if order.side == Side::Sell { 1 } else { -1 };
        *export.entry(order.area.as_str()).or_default() += sign * filled;
        surplus -= i128::from(sign) * cost;
    }
    let mut for_the_network = 0;
    for (area, outcome) in book.areas.iter().zip(&clearing.areas) {
        let flow = outcome.flow_to_parent.get();
        *export.entry(area.id.as_str()).or_default() -= flow;
        let Some(parent) = &area.parent else { continue };
        *export.entry(parent.as_str()).or_default() += flow;
        if flow == 0 {
            continue;
        }
        let rise = price[parent].unwrap() - outcome.price.unwrap();
        let fee = i128::from(area.fee.unwrap().micros_per_kwh());
        let earned = outcome.flow_to_parent.at_wide(rise);
        assert!(earned >= fee * i128::from(flow.abs()), "congestion rent is not negative");
        for_the_network += earned;
    }
    assert!(export.values().all(|&left| left == 0), "energy left over: {export:?}");
    assert_eq!(surplus, for_the_network, "money");
}

/// No one trades at worse than his limit; no one who is strictly better is left unfilled; edges explain the
/// difference of prices.
fn check_fairness(book: &Book, capacities: &[EdgeCapacity], clearing: &Clearing) {
    let fills = filled(clearing);
    let price: HashMap<_, _> = clearing.areas.iter().map(|area| (&area.id, area.price)).collect();
    for order in &book.orders {
        let Some(price) = price[&order.area] else { continue };
        let filled = fills.get(order.id.as_str()).copied().unwrap_or(0);
        let gain = match order.side {
            Side::Buy => order.limit - price,
            Side::Sell => price - order.limit,
        };
        assert!(filled == 0 || gain >= Price::ZERO, "{} trades at a loss", order.id);
        assert!(filled == order.quantity.get() || gain <= Price::ZERO, "{} is left unfilled", order.id);
    }
    for ((area, outcome), capacity) in book.areas.iter().zip(&clearing.areas).zip(capacities) {
        let Some((below, above)) = outcome.price.zip(area.parent.as_ref().and_then(|parent| price[parent]))
        else {
            continue;
        };
        let (fee, flow) = (area.fee.unwrap(), outcome.flow_to_parent);
        for (flow, rise, most) in
            [(flow, above - below, capacity.to_parent), (-flow, below - above, capacity.from_parent)]
        {
            assert!(most.is_none_or(|most| flow <= most), "capacity");
            if most.is_none_or(|most| flow < most) {
                assert!(rise <= fee, "prices differ by more than the fee though capacity is left");
            }
            if flow > WattHours::ZERO {
                assert!(rise >= fee, "energy flows although the rise in price does not pay the fee");
            }
        }
    }
}

fn check(book: &Book, capacities: &[EdgeCapacity], clearing: &Clearing) {
    check_optimum(book, capacities, clearing);
    check_conservation(book, clearing);
    check_fairness(book, capacities, clearing);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn where_nearly_everything_is_a_tie_all_laws_hold(book in books(TIES)) {
        let clearing = clear(&book).unwrap();
        check(&book, &stated(&book), &clearing);
        check_shares(&book, &stated(&book), &clearing);
    }

    #[test]
    fn after_deals_all_laws_hold((book, capacities) in books_after_deals(TIES)) {
        let clearing = clear_after_deals(&book, &capacities).unwrap();
        check(&book, &capacities, &clearing);
        check_shares(&book, &capacities, &clearing);
    }

    #[test]
    fn with_large_quantities_and_prices_all_laws_hold(book in books(WIDE)) {
        check(&book, &stated(&book), &clear(&book).unwrap());
    }

    #[test]
    fn a_price_is_missing_exactly_where_a_connected_part_lacks_a_side(book in books(TIES)) {
        let clearing = clear(&book).unwrap();
        let mut part: HashMap<_, usize> = HashMap::new();
        for (at, area) in book.areas.iter().enumerate() {
            let joined = area.parent.as_ref().filter(|_| area.capacity != Some(Some(WattHours::ZERO)));
            let part_of = joined.map_or(at, |parent| part[parent]);
            part.insert(&area.id, part_of);
        }
        let has = |at: usize, side| book.orders.iter().any(|order| {
            order.side == side && order.quantity > WattHours::ZERO && part[&order.area] == at
        });
        for area in &clearing.areas {
            let at = part[&area.id];
            prop_assert_eq!(area.price.is_some(), has(at, Side::Buy) && has(at, Side::Sell));
        }
    }

    #[test]
    fn the_order_of_input_does_not_matter((book, seed) in (books(TIES), any::<u64>())) {
        let clearing = clear(&book).unwrap();
        let mut shuffled = book.clone();
        let key = |text: &str| text.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3).rotate_left(23));
        shuffled.orders.sort_by_key(|order| key(order.id.as_str()));
        shuffled.areas.sort_by_key(|area| key(area.id.as_str()));
        let mut again = clear(&shuffled).unwrap();
        again.areas.sort_by_key(|area| book.areas.iter().position(|other| other.id == area.id));
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&clearing).unwrap());
    }
}

/// Curves of thousands of steps in trees of hundreds of areas: chunks are split, cut and merged. Too large for
/// the references, so optimality is proved by its own prices: primal equals dual.
#[test]
fn in_deep_and_broad_trees_primal_equals_dual() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (areas, orders, quantity, price, fee) in [
        (300, 3000, 1 << 40, 1_000_000, 100),
        (300, 3000, 1 << 40, 1_000_000_000, 1_000_000),
        (40, 6000, 1000, 500, 3),
        (3, 6000, 1000, 1_000_000, 30_000),
    ] {
        for _ in 0..6 {
            let shape = Shape { areas, orders, quantity, price, fee };
            let book = crate::books::large_book(shape, &mut runner);
            let clearing = clear(&book).unwrap();
            check_fairness(&book, &stated(&book), &clearing);
            check_conservation(&book, &clearing);
            check_duality(&book, &clearing);
        }
    }
}

/// The dual: what every order and every edge is worth at the prices, in i128.
pub fn check_duality(book: &Book, clearing: &Clearing) {
    let price: HashMap<_, _> = clearing.areas.iter().map(|area| (&area.id, area.price)).collect();
    let worth = |quantity: i64, gain: i64| i128::from(quantity) * i128::from(gain.max(0));
    let mut dual = 0;
    for order in &book.orders {
        let Some(price) = price[&order.area] else { continue };
        let gain = match order.side {
            Side::Buy => order.limit - price,
            Side::Sell => price - order.limit,
        };
        dual += worth(order.quantity.get(), gain.micros_per_kwh());
    }
    for area in &book.areas {
        let Some((below, above)) = price[&area.id].zip(area.parent.as_ref().and_then(|parent| price[parent]))
        else {
            continue;
        };
        let rent = (above - below).micros_per_kwh().abs() - area.fee.unwrap().micros_per_kwh();
        match area.capacity.flatten() {
            Some(capacity) => dual += worth(capacity.get(), rent),
            None => assert!(rent <= 0, "an edge without limit earns no rent"),
        }
    }
    assert_eq!(clearing.welfare, dual, "primal and dual");
}
