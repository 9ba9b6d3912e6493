//! Books for tests: written by hand in a line, or drawn at random.

use market::{Area, Book, EdgeCapacity, Order, Side};
use proptest::prelude::*;
use units::{AreaId, OrderId, Price, Slot, WattHours};

pub fn root(id: &str) -> Area {
    Area { id: AreaId::new(id).unwrap(), parent: None, fee: None, capacity: None }
}

pub fn below(parent: &str, id: &str, fee: i64, capacity: Option<i64>) -> Area {
    Area {
        id: AreaId::new(id).unwrap(),
        parent: Some(AreaId::new(parent).unwrap()),
        fee: Some(Price::from_micros_per_kwh(fee)),
        capacity: Some(capacity.map(WattHours::new)),
    }
}

pub fn order(id: &str, area: &str, side: Side, quantity: i64, limit: i64) -> Order {
    Order {
        id: OrderId::new(id).unwrap(),
        area: AreaId::new(area).unwrap(),
        side,
        quantity: WattHours::new(quantity),
        limit: Price::from_micros_per_kwh(limit),
    }
}

pub fn buy(id: &str, area: &str, quantity: i64, limit: i64) -> Order {
    order(id, area, Side::Buy, quantity, limit)
}

pub fn sell(id: &str, area: &str, quantity: i64, limit: i64) -> Order {
    order(id, area, Side::Sell, quantity, limit)
}

pub fn book(areas: Vec<Area>, orders: Vec<Order>) -> Book {
    Book { slot: Slot::from_index(1_980_000), areas, orders }
}

/// What random books look like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub areas: usize,
    pub orders: usize,
    pub quantity: i64,
    pub price: i64,
    pub fee: i64,
}

/// Few prices and small quantities: nearly everything is a tie.
pub const TIES: Shape = Shape { areas: 6, orders: 14, quantity: 5, price: 3, fee: 2 };

/// Prices far apart, large quantities.
pub const WIDE: Shape =
    Shape { areas: 7, orders: 16, quantity: 1 << 40, price: 1_000_000_000, fee: 100_000_000 };

/// A random tree whose area ids sort differently from their order, with orders in all areas.
pub fn books(shape: Shape) -> impl Strategy<Value = Book> {
    let capacity = prop_oneof![
        2 => Just(None),
        1 => Just(Some(0)),
        4 => (0..=2 * shape.quantity).prop_map(Some),
    ];
    let edges =
        prop::collection::vec((any::<prop::sample::Index>(), 0..=shape.fee, capacity), 0..shape.areas);
    let orders = prop::collection::vec(
        (any::<prop::sample::Index>(), any::<bool>(), 0..=shape.quantity, -shape.price..=shape.price),
        0..=shape.orders,
    );
    (edges, orders).prop_map(|(edges, orders)| {
        // 7 and 11 are coprime to the counts, so that ids come in an order of their own.
        let name = |area: usize| format!("a{:02}", (area * 7 + 3) % 101);
        let mut areas = vec![root(&name(0))];
        for (parent, fee, capacity) in edges {
            let parent = areas[parent.index(areas.len())].id.clone();
            areas.push(below(parent.as_str(), &name(areas.len()), fee, capacity));
        }
        let place = |(nr, (area, buys, quantity, limit)): (usize, (prop::sample::Index, bool, i64, i64))| {
            let area = areas[area.index(areas.len())].id.as_str();
            let side = if buys { Side::Buy } else { Side::Sell };
            order(&format!("o{:02}", (nr * 11 + 5) % 97), area, side, quantity, limit)
        };
        let orders = orders.into_iter().enumerate().map(place).collect();
        book(areas, orders)
    })
}

/// A book with capacities that deals have used up unevenly.
pub fn books_after_deals(shape: Shape) -> impl Strategy<Value = (Book, Vec<EdgeCapacity>)> {
    let used = prop::collection::vec((0..=shape.quantity, 0..=shape.quantity), shape.areas);
    (books(shape), used).prop_map(|(book, used)| {
        let left = |capacity: Option<WattHours>, used: i64| {
            capacity.map(|capacity| WattHours::new((capacity.get() - used).max(0)))
        };
        let capacities = book.areas.iter().zip(used).map(|(area, (up, down))| {
            let whole = EdgeCapacity::of(area);
            EdgeCapacity { to_parent: left(whole.to_parent, up), from_parent: left(whole.from_parent, down) }
        });
        let capacities = capacities.collect();
        (book, capacities)
    })
}

/// A book too large to be worth shrinking.
pub fn large_book(shape: Shape, runner: &mut proptest::test_runner::TestRunner) -> Book {
    use proptest::strategy::ValueTree;
    let mut draw = |from: i64, to: i64| (from..=to).new_tree(runner).unwrap().current();
    let mut areas = vec![root("a0")];
    for nr in 1..shape.areas as i64 {
        // Half the areas hang on the one before: long chains with branches.
        let parent = if draw(0, 1) == 0 { nr - 1 } else { draw(0, nr - 1) };
        let capacity = match draw(0, 9) {
            0..=3 => None,
            4 => Some(0),
            5..=7 => Some(draw(0, shape.quantity * 100)),
            _ => Some(draw(0, shape.quantity)),
        };
        areas.push(below(&format!("a{parent}"), &format!("a{nr}"), draw(0, shape.fee), capacity));
    }
    let orders = (0..shape.orders).map(|nr| {
        let side = if draw(0, 1) == 0 { Side::Buy } else { Side::Sell };
        let area = format!("a{}", draw(0, shape.areas as i64 - 1));
        order(&format!("o{nr}"), &area, side, draw(0, shape.quantity), draw(-shape.price, shape.price))
    });
    let orders = orders.collect();
    book(areas, orders)
}
