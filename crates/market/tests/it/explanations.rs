//! What an order is told about its price.

use market::{Inexplicable, Marginal, clear, explain};
use proptest::prelude::*;
use units::OrderId;

use crate::books::{TIES, below, book, books, buy, root, sell};

fn id(text: &str) -> OrderId {
    OrderId::new(text).unwrap()
}

fn marginal(book: &market::Book, order: &str) -> Marginal {
    explain(book, &clear(book).unwrap(), &id(order)).unwrap().marginal
}

#[test]
fn an_explanation_has_the_shape_of_the_contract() {
    let book = book(vec![root("a")], vec![buy("b", "a", 10, 9), sell("s", "a", 4, 5)]);
    let explanation = explain(&book, &clear(&book).unwrap(), &id("s")).unwrap();
    assert_eq!(
        serde_json::to_value(&explanation).unwrap(),
        serde_json::json!({
            "order": "s",
            "filled_wh": 4,
            "price_micros_per_kwh": 9,
            "marginal": "buyer",
            "would_fill": [
                {"limit_price_micros_per_kwh": 4, "filled_wh": 4},
                {"limit_price_micros_per_kwh": 6, "filled_wh": 4},
                {"limit_price_micros_per_kwh": 8, "filled_wh": 4},
                {"limit_price_micros_per_kwh": 9, "filled_wh": 4},
                {"limit_price_micros_per_kwh": 10, "filled_wh": 0},
            ],
        })
    );
}

#[test]
fn the_margin_is_a_seller_who_sold_a_part() {
    let orders = vec![buy("b", "a", 3, 9), sell("s", "a", 4, 5)];
    assert_eq!(marginal(&book(vec![root("a")], orders), "b"), Marginal::Seller);
}

#[test]
fn the_margin_may_be_in_another_area_of_the_same_price_zone() {
    let areas = vec![root("a"), below("a", "c", 1, Some(10))];
    let orders = vec![buy("b", "a", 3, 9), sell("s", "c", 4, 5)];
    assert_eq!(marginal(&book(areas, orders), "b"), Marginal::Seller);
}

#[test]
fn the_margin_is_a_full_line() {
    let areas = vec![root("a"), below("a", "c", 1, Some(3))];
    let orders = vec![buy("b", "a", 3, 9), buy("poor", "a", 3, 7), sell("s", "c", 4, 5)];
    let book = book(areas, orders);
    assert_eq!(marginal(&book, "b"), Marginal::Capacity);
    assert_eq!(marginal(&book, "s"), Marginal::Seller);
}

#[test]
fn there_is_no_margin_between_those_served_and_those_not() {
    let orders = vec![buy("b", "a", 3, 9), sell("s", "a", 3, 5), sell("t", "a", 3, 20)];
    assert_eq!(marginal(&book(vec![root("a")], orders), "t"), Marginal::None);
}

#[test]
fn a_market_of_one_side_explains_that_nothing_is_to_be_had() {
    let book = book(vec![root("a")], vec![buy("b", "a", 3, 1_000_000_000)]);
    let explanation = explain(&book, &clear(&book).unwrap(), &id("b")).unwrap();
    assert_eq!((explanation.price, explanation.marginal), (None, Marginal::None));
    // A limit beyond what a book may state is no alternative.
    let limits: Vec<_> = explanation.would_fill.iter().map(|other| other.limit.micros_per_kwh()).collect();
    assert_eq!(limits, [999_999_999]);
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let book = book(vec![root("a")], vec![buy("b", "a", 3, 9)]);
    let mut clearing = clear(&book).unwrap();
    assert_eq!(explain(&book, &clearing, &id("x")), Err(Inexplicable::UnknownOrder(id("x"))));
    clearing.areas.clear();
    assert!(matches!(explain(&book, &clearing, &id("b")), Err(Inexplicable::Clearing(_))));
}

proptest! {
    #[test]
    fn a_better_limit_never_gets_less(book in books(TIES)) {
        let clearing = clear(&book).unwrap();
        for order in &book.orders {
            let explanation = explain(&book, &clearing, &order.id).unwrap();
            let mut fills: Vec<_> = explanation.would_fill.iter().map(|other| (other.limit, other.filled)).collect();
            fills.push((order.limit, explanation.filled));
            fills.sort();
            if order.side == market::Side::Sell {
                fills.reverse();
            }
            prop_assert!(fills.is_sorted_by_key(|fill| fill.1), "{fills:?}");
        }
    }
}
