//! The vectors of `docs/protocols/market-clearing.json`, which another implementation can run too.

use market::{Area, Book, Clearing, EdgeCapacity, clear_after_deals, verify_after_deals};
use serde::Deserialize;
use units::WattHours;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    book: Book,
    /// What deals have left of each edge's capacity, by the book's order of areas; absent where there are none.
    #[serde(default)]
    left: Option<Vec<Left>>,
    clearing: Clearing,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    to_parent_wh: Option<i64>,
    from_parent_wh: Option<i64>,
}

impl Left {
    fn capacity(&self) -> EdgeCapacity {
        let left = |capacity: Option<i64>| capacity.map(WattHours::new);
        EdgeCapacity { to_parent: left(self.to_parent_wh), from_parent: left(self.from_parent_wh) }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../../docs/protocols/market-clearing.json")).unwrap()
}

#[test]
fn the_vectors_of_the_protocol_hold() {
    for Vector { name, book, left, clearing } in vectors() {
        let stated = |areas: &[Area]| areas.iter().map(EdgeCapacity::of).collect();
        let capacities: Vec<_> =
            left.map_or_else(|| stated(&book.areas), |left| left.iter().map(Left::capacity).collect());
        assert_eq!(clear_after_deals(&book, &capacities).as_ref(), Ok(&clearing), "{name}");
        assert_eq!(verify_after_deals(&book, &capacities, &clearing), Ok(()), "{name}");
    }
}

#[test]
fn the_vectors_name_each_case_once() {
    let mut names: Vec<_> = vectors().into_iter().map(|vector| vector.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), count >= 12), (count, true));
}
