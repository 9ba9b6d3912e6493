//! Small markets with a known answer, and the sizes at which others break.

use market::{Area, Clearing, clear};

use crate::books::{below, book, buy, root, sell};
use crate::laws::check_duality;

fn fills(clearing: &Clearing) -> Vec<(&str, i64)> {
    clearing.fills.iter().map(|fill| (fill.order.as_str(), fill.filled.get())).collect()
}

fn prices(clearing: &Clearing) -> Vec<Option<i64>> {
    clearing.areas.iter().map(|area| area.price.map(|price| price.micros_per_kwh())).collect()
}

fn flows(clearing: &Clearing) -> Vec<i64> {
    clearing.areas.iter().map(|area| area.flow_to_parent.get()).collect()
}

#[test]
fn bids_of_3000_and_7000_against_offers_of_5000_and_5000_clear_10000() {
    let orders = vec![
        buy("b1", "street", 3000, 250_000),
        buy("b2", "street", 7000, 250_000),
        sell("s1", "street", 5000, 100_000),
        sell("s2", "street", 5000, 100_000),
    ];
    let clearing = clear(&book(vec![root("street")], orders)).unwrap();
    assert_eq!(fills(&clearing), [("b1", 3000), ("b2", 7000), ("s1", 5000), ("s2", 5000)]);
    assert_eq!(prices(&clearing), [Some(175_000)]);
    assert_eq!(clearing.welfare, 10_000 * 150_000);
}

#[test]
fn the_middle_of_negative_prices_is_rounded_down() {
    let orders = vec![buy("b", "a", 1, 0), sell("s", "a", 1, -1)];
    let clearing = clear(&book(vec![root("a")], orders)).unwrap();
    assert_eq!(prices(&clearing), [Some(-1)]);
}

#[test]
fn a_trade_that_gains_nothing_is_made_all_the_same() {
    let orders = vec![buy("b", "a", 10, 5), sell("s", "a", 7, 5)];
    let clearing = clear(&book(vec![root("a")], orders)).unwrap();
    assert_eq!(fills(&clearing), [("b", 7), ("s", 7)]);
    assert_eq!((prices(&clearing), clearing.welfare), (vec![Some(5)], 0));
}

#[test]
fn the_neighbour_on_the_same_feeder_is_the_cheapest() {
    let areas = vec![
        root("substation"),
        below("substation", "east", 10, None),
        below("substation", "west", 10, None),
    ];
    let orders = vec![
        sell("east-roof", "east", 4, 100),
        sell("west-roof", "west", 4, 105),
        buy("east-home", "east", 6, 200),
    ];
    let clearing = clear(&book(areas, orders)).unwrap();
    assert_eq!(fills(&clearing), [("east-home", 6), ("east-roof", 4), ("west-roof", 2)]);
    assert_eq!(prices(&clearing), [Some(115), Some(125), Some(105)]);
    assert_eq!(flows(&clearing), [0, -2, 2]);
    assert_eq!(clearing.welfare, 6 * 200 - 4 * 100 - 2 * 105 - 2 * 10 - 2 * 10);
}

#[test]
fn a_full_line_parts_the_prices() {
    let areas = vec![root("town"), below("town", "village", 10, Some(3))];
    let orders =
        vec![sell("roof", "village", 10, 50), buy("home", "town", 10, 200), sell("plant", "town", 10, 120)];
    let clearing = clear(&book(areas, orders)).unwrap();
    assert_eq!(fills(&clearing), [("home", 10), ("plant", 7), ("roof", 3)]);
    assert_eq!((prices(&clearing), flows(&clearing)), (vec![Some(120), Some(50)], vec![0, 3]));
}

#[test]
fn one_side_alone_has_no_price() {
    let alone = clear(&book(vec![root("a")], vec![sell("s", "a", 5, 100)])).unwrap();
    assert_eq!((prices(&alone), alone.fills.len(), alone.welfare), (vec![None], 0, 0));
    let nobody = clear(&book(vec![root("a")], vec![])).unwrap();
    assert_eq!(prices(&nobody), [None]);
    let nothing_to_buy = vec![sell("s", "a", 5, 100), buy("b", "a", 0, 200)];
    assert_eq!(prices(&clear(&book(vec![root("a")], nothing_to_buy)).unwrap()), [None]);
}

#[test]
fn a_chain_of_10000_areas_carries_energy_from_end_to_end() {
    let mut areas = vec![root("a0")];
    areas.extend((1..10_000).map(|nr| below(&format!("a{}", nr - 1), &format!("a{nr}"), 1, None)));
    let orders = vec![sell("s", "a9999", 1 << 40, 0), buy("b", "a0", 1 << 40, 10_000)];
    let clearing = clear(&book(areas.clone(), orders)).unwrap();
    assert_eq!(clearing.welfare, 1i128 << 40);
    assert_eq!(clearing.areas[0].price.unwrap() - clearing.areas[9999].price.unwrap(), price(9999));
    let mut orders = Vec::new();
    for nr in 0..5000 {
        orders.push(sell(&format!("s{nr}"), &format!("a{}", nr * 7919 % 10_000), 1 << 39, nr * 31 % 1000));
        orders.push(buy(&format!("b{nr}"), &format!("a{}", nr * 104_729 % 10_000), 1 << 39, nr * 17 % 1200));
    }
    let reversed = book(areas.into_iter().rev().collect::<Vec<Area>>(), orders);
    check_duality(&reversed, &clear(&reversed).unwrap());
}

fn price(micros: i64) -> units::Price {
    units::Price::from_micros_per_kwh(micros)
}
