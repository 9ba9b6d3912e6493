//! Sorts a book's orders by id.

use units::OrderId;

use crate::book::Order;
use crate::invalid::InvalidBook;

/// Sorts the orders by id, bytewise.
///
/// Ids lie scattered in memory, so each is visited once for its head; the eight bytes after what all heads
/// share decide nearly always, and only ids that tie in them are compared in full.
pub(crate) fn orders_by_id(orders: &[Order]) -> Result<Vec<u32>, InvalidBook> {
    let heads: Vec<Head> = orders.iter().map(|order| Head::of(&order.id)).collect();
    let shared =
        heads.first().map_or(0, |first| heads.iter().map(|head| first.shared_with(head)).min().unwrap_or(0));
    let mut keyed: Vec<(u64, u32)> = heads.iter().map(|head| head.after(shared)).zip(0..).collect();
    keyed.sort_unstable_by_key(|&(key, _)| key);
    let id = |place: u32| &orders[place as usize].id;
    for tied in keyed.chunk_by_mut(|a, b| a.0 == b.0).filter(|tied| tied.len() > 1) {
        tied.sort_unstable_by_key(|&(_, place)| id(place));
        if let Some(twice) = tied.windows(2).find(|pair| id(pair[0].1) == id(pair[1].1)) {
            return Err(InvalidBook::DuplicateOrder(id(twice[0].1).clone()));
        }
    }
    Ok(keyed.into_iter().map(|(_, place)| place).collect())
}

/// The first 32 bytes of an id, padded with zeros.
#[derive(Clone, Copy)]
struct Head([u8; 32]);

impl Head {
    fn of(id: &OrderId) -> Self {
        let mut head = [0; 32];
        let bytes = id.as_str().as_bytes();
        let kept = bytes.len().min(32);
        head[..kept].copy_from_slice(&bytes[..kept]);
        Self(head)
    }

    /// Returns how many bytes two heads share from the start, at most 24.
    fn shared_with(&self, other: &Self) -> usize {
        let word =
            |head: &Self, at: usize| u64::from_be_bytes(head.0[at..at + 8].try_into().unwrap_or_default());
        for at in [0, 8, 16] {
            let differing = word(self, at) ^ word(other, at);
            if differing != 0 {
                return at + differing.leading_zeros() as usize / 8;
            }
        }
        24
    }

    /// Returns the eight bytes after so many as a number that sorts like them.
    fn after(&self, shared: usize) -> u64 {
        u64::from_be_bytes(self.0[shared..shared + 8].try_into().unwrap_or_default())
    }
}

/// Turns a sorted list of places into the rank of each place.
pub(crate) fn ranks(sorted: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; sorted.len()];
    sorted.iter().zip(0..).for_each(|(&place, rank)| ranks[place as usize] = rank);
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use units::{AreaId, Price, WattHours};

    use super::*;
    use crate::book::Side;

    fn orders(ids: &[String]) -> Vec<Order> {
        let order = |id: &String| Order {
            id: OrderId::new(id.as_str()).unwrap(),
            area: AreaId::new("a").unwrap(),
            side: Side::Buy,
            quantity: WattHours::ZERO,
            limit: Price::ZERO,
        };
        ids.iter().map(order).collect()
    }

    fn check(ids: &[String]) {
        let orders = orders(ids);
        let sorted = orders_by_id(&orders);
        let mut plain = ids.to_vec();
        plain.sort();
        if plain.windows(2).any(|pair| pair[0] == pair[1]) {
            assert!(matches!(sorted, Err(InvalidBook::DuplicateOrder(_))));
        } else {
            let sorted: Vec<_> = sorted.unwrap().iter().map(|&at| ids[at as usize].clone()).collect();
            assert_eq!(sorted, plain);
        }
    }

    #[test]
    fn an_id_that_begins_another_comes_first() {
        check(&["ab", "a", "abc", "abcdefghi", "abcdefgh"].map(str::to_owned));
    }

    #[test]
    fn ids_that_differ_late_are_compared_in_full() {
        let long = |end: &str| format!("{}{end}", "x".repeat(60));
        check(&["b", "a", "c"].map(long));
        check(&["b", "a", "b"].map(long));
        check(&[long("b"), long("a"), "y".to_owned()]);
    }

    proptest! {
        #[test]
        fn ids_sort_as_their_bytes_do(ids in prop::collection::vec("[abé]{1,3}(x{0,12}|x{20,30})[ab~]{0,2}", 0..12)) {
            check(&ids);
        }
    }
}
