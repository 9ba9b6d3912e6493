//! How long clearing takes, beside what sorting the same orders for a single price takes.
//!
//! The reference knows no areas, no fees, no lines, no fair ties, and does not order its answer by id: it is
//! the least that any auction must do.
//! Prints a line a figure; with `--json` as JSON.

#![allow(clippy::unwrap_used, reason = "a bench that cannot make its book has failed")]

#[path = "../../../tests/system/benches/shared/figure.rs"]
mod figure;
#[path = "../../../tests/system/benches/shared/medians.rs"]
mod medians;

use std::hint::black_box;

use figure::Figure;
use market::{Area, Book, Order, Side, clear, verify};
use medians::medians_ms;
use units::{AreaId, OrderId, Price, Slot, WattHours};

/// So many runs that the median of the small case is steady; the large ones take longer.
const SIZES: [(&str, usize, usize); 3] =
    [("10k+10k", 10_000, 31), ("100k+100k", 100_000, 9), ("1M+1M", 1_000_000, 3)];

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let mut ns_per_order = Vec::with_capacity(SIZES.len());
    for (size, orders, runs) in SIZES {
        let book = book(orders);
        agree_where_both_can(&book);
        let clearing = clear(&book).unwrap();
        assert!(!clearing.fills.is_empty(), "a book in which nothing trades measures nothing");
        let [reference_ms, clear_ms, verify_ms] = medians_ms(
            runs,
            [
                &mut || drop(black_box(single_price(black_box(&book)))),
                &mut || drop(black_box(clear(black_box(&book)).unwrap())),
                &mut || verify(black_box(&book), black_box(&clearing)).unwrap(),
            ],
        );
        Figure::new(format!("clear/{size}/8-areas"), clear_ms, "ms")
            .against("single price by sorting", reference_ms)
            .tell(json);
        Figure::new(format!("verify/{size}/8-areas"), verify_ms, "ms").against("clear", clear_ms).tell(json);
        ns_per_order.push((size, clear_ms * 1e6 / (2 * orders) as f64));
    }
    // What grows faster than the book shows here, whatever the machine.
    let (smallest, few) = ns_per_order[0];
    for &(size, many) in &ns_per_order[1..] {
        Figure::new(format!("clear/{size}/per-order"), many, "ns")
            .against(format!("per order at {smallest}"), few)
            .tell(json);
    }
}

/// Returns a book of so many buyers and sellers on a station, two branches and five feeders.
fn book(orders_a_side: usize) -> Book {
    let parents = [None, Some(0), Some(0), Some(1), Some(1), Some(2), Some(2), Some(2)];
    let name = |area: usize| AreaId::new(format!("area-{area}")).unwrap();
    let area = |(place, parent): (usize, &Option<usize>)| Area {
        id: name(place),
        parent: parent.map(name),
        fee: parent.map(|_| Price::from_micros_per_kwh(5_000 * place as i64)),
        // Every other line is too thin for what would like to pass.
        capacity: parent.map(|_| (place % 2 == 0).then_some(WattHours::new(orders_a_side as i64 * 20))),
    };
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let orders = (0..2 * orders_a_side).map(|place| {
        let side = if place % 2 == 0 { Side::Buy } else { Side::Sell };
        Order {
            // As long as the ids that clients make, and as well shuffled.
            id: OrderId::new(format!("{:016x}-{place:019}", chance.next())).unwrap(),
            area: name(chance.below(parents.len() as u64) as usize),
            side,
            quantity: WattHours::new(chance.below(3000) as i64 + 1),
            // A tenth of a cent apart, as people set them, so that there are ties.
            limit: Price::from_micros_per_kwh(60_000 + 1000 * chance.below(270) as i64),
        }
    });
    let orders = orders.collect();
    Book { slot: Slot::from_index(1_980_000), areas: parents.iter().enumerate().map(area).collect(), orders }
}

/// Xorshift: the same book on every machine.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// The reference: sorts both sides by limit and serves them until they no longer meet. Answers by place in
/// the book; equal limits come as they come.
fn single_price(book: &Book) -> (Option<i64>, Vec<i64>) {
    let of = |side: Side, sign: i64| {
        let orders = book.orders.iter().enumerate().filter(|(_, order)| order.side == side);
        let mut sorted: Vec<(i64, u32)> =
            orders.map(|(place, order)| (sign * order.limit.micros_per_kwh(), place as u32)).collect();
        sorted.sort_unstable();
        sorted
    };
    let (buyers, sellers) = (of(Side::Buy, -1), of(Side::Sell, 1));
    let wants = |place: u32| book.orders[place as usize].quantity.get();
    let mut fills = vec![0; book.orders.len()];
    let (mut buyer, mut seller, mut price) = (0, 0, None);
    while let (Some(&(bid, buy)), Some(&(ask, sell))) = (buyers.get(buyer), sellers.get(seller)) {
        if -bid < ask {
            break;
        }
        price = Some((ask - bid).div_euclid(2));
        let open = |place: u32| wants(place) - fills[place as usize];
        let step = open(buy).min(open(sell));
        for place in [buy, sell] {
            fills[place as usize] += step;
        }
        buyer += usize::from(fills[buy as usize] == wants(buy));
        seller += usize::from(fills[sell as usize] == wants(sell));
    }
    (price, fills)
}

/// Both trade the same energy where there is one area, or the comparison would mean nothing.
fn agree_where_both_can(book: &Book) {
    let mut flat = book.clone();
    flat.areas.truncate(1);
    for order in &mut flat.orders {
        order.area = flat.areas[0].id.clone();
    }
    let cleared: i64 = clear(&flat).unwrap().fills.iter().map(|fill| fill.filled.get()).sum();
    assert_eq!(cleared, single_price(&flat).1.iter().sum::<i64>(), "the reference trades the same");
}
