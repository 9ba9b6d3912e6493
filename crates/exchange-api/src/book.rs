//! The published book of a settled slot: everyone can clear it again, nobody can tell whose order is whose.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use market::{Area, AreaOutcome, Book, Clearing, EdgeCapacity, Fill, Order, Side};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use units::{AreaId, OrderId, Price, Slot, WattHours};

/// `GET /v1/slots/{slot}/book`: what was left to the auction after the direct deals, and how it was cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SlotBook {
    pub slot: Slot,
    /// Of which each side pays a half; limits in the book are without it.
    pub operator_fee_micros_per_kwh: Price,
    pub areas: Vec<BookArea>,
    /// By id, which is the order in which ties are broken.
    pub orders: Vec<BookOrder>,
    /// A whole number in a string.
    pub welfare_nanos: String,
}

/// An area with the edge to its parent, and what the clearing came to there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BookArea {
    pub id: AreaId,
    /// `null` at the root, which has no edge.
    pub parent: Option<AreaId>,
    pub fee_micros_per_kwh: Option<Price>,
    /// `null` where there is no limit.
    pub capacity_wh: Option<WattHours>,
    /// What deals have left of it in each direction.
    pub left_to_parent_wh: Option<WattHours>,
    pub left_from_parent_wh: Option<WattHours>,
    pub price_micros_per_kwh: Option<Price>,
    pub flow_to_parent_wh: WattHours,
}

/// An order as it was cleared: up to what its member's meter had left for it, its limit without fees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BookOrder {
    /// See [`id_in_book`]; before it stands its place among the true ids, so that ties break alike.
    pub id: OrderId,
    pub area: AreaId,
    #[cfg_attr(feature = "schema", schemars(with = "crate::openapi::Side"))]
    pub side: Side,
    pub quantity_wh: WattHours,
    pub limit_price_micros_per_kwh: Price,
    pub filled_wh: WattHours,
}

/// What can be cleared again, verified and explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedAuction {
    pub book: Book,
    pub capacities: Vec<EdgeCapacity>,
    pub clearing: Clearing,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("welfare_nanos is \"{0}\" and no whole number")]
pub struct InvalidSlotBook(String);

const ID_DOMAIN: &str = "wattle/order-in-book/v1";

/// Returns by what an order is known in the published book of its slot, after its place there and a hyphen.
///
/// Only who knows the id, which is random, finds it again; SHA-256 over the domain, the slot and the id, each
/// ended by a newline.
pub fn id_in_book(slot: Slot, order: &OrderId) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{ID_DOMAIN}\n{slot}\n{order}\n")))
}

impl SlotBook {
    /// Publishes an auction of orders with their true ids.
    pub fn of(
        book: &Book,
        capacities: &[EdgeCapacity],
        clearing: &Clearing,
        operator_fee_micros_per_kwh: Price,
    ) -> Self {
        let areas = book.areas.iter().zip(capacities).zip(&clearing.areas);
        let areas = areas.map(|((area, left), outcome)| BookArea {
            id: area.id.clone(),
            parent: area.parent.clone(),
            fee_micros_per_kwh: area.fee,
            capacity_wh: area.capacity.flatten(),
            left_to_parent_wh: left.to_parent.filter(|_| area.parent.is_some()),
            left_from_parent_wh: left.from_parent.filter(|_| area.parent.is_some()),
            price_micros_per_kwh: outcome.price,
            flow_to_parent_wh: outcome.flow_to_parent,
        });
        let mut orders: Vec<&Order> = book.orders.iter().collect();
        orders.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        let filled = |id: &OrderId| {
            let found = clearing.fills.binary_search_by(|fill| fill.order.cmp(id));
            found.map_or(WattHours::ZERO, |at| clearing.fills[at].filled)
        };
        let orders = (0..).zip(orders).map(|(place, order)| BookOrder {
            id: placed_id(place, book.slot, &order.id),
            area: order.area.clone(),
            side: order.side,
            quantity_wh: order.quantity,
            limit_price_micros_per_kwh: order.limit,
            filled_wh: filled(&order.id),
        });
        Self {
            slot: book.slot,
            operator_fee_micros_per_kwh,
            areas: areas.collect(),
            orders: orders.collect(),
            welfare_nanos: clearing.welfare.to_string(),
        }
    }

    /// Returns the row of one's own order, if it entered the auction.
    pub fn row_of(&self, order: &OrderId) -> Option<&BookOrder> {
        let hashed = id_in_book(self.slot, order);
        self.orders.iter().find(|row| row.id.as_str().split_once('-').is_some_and(|(_, id)| id == hashed))
    }

    /// Reads it back as what the market's own functions take.
    pub fn auction(&self) -> Result<PublishedAuction, InvalidSlotBook> {
        let welfare = self.welfare_nanos.parse().map_err(|_| InvalidSlotBook(self.welfare_nanos.clone()))?;
        let areas = self.areas.iter().map(|area| Area {
            id: area.id.clone(),
            parent: area.parent.clone(),
            fee: area.fee_micros_per_kwh,
            capacity: area.parent.as_ref().map(|_| area.capacity_wh),
        });
        let left = |area: &BookArea, left: Option<WattHours>| match area.parent {
            Some(_) => left,
            None => Some(WattHours::ZERO),
        };
        let orders = self.orders.iter().map(|row| Order {
            id: row.id.clone(),
            area: row.area.clone(),
            side: row.side,
            quantity: row.quantity_wh,
            limit: row.limit_price_micros_per_kwh,
        });
        let served = self.orders.iter().filter(|row| !row.filled_wh.is_zero());
        Ok(PublishedAuction {
            book: Book { slot: self.slot, areas: areas.collect(), orders: orders.collect() },
            capacities: self
                .areas
                .iter()
                .map(|area| EdgeCapacity {
                    to_parent: left(area, area.left_to_parent_wh),
                    from_parent: left(area, area.left_from_parent_wh),
                })
                .collect(),
            clearing: Clearing {
                slot: self.slot,
                areas: self
                    .areas
                    .iter()
                    .map(|area| AreaOutcome {
                        id: area.id.clone(),
                        price: area.price_micros_per_kwh,
                        flow_to_parent: area.flow_to_parent_wh,
                    })
                    .collect(),
                fills: served.map(|row| Fill { order: row.id.clone(), filled: row.filled_wh }).collect(),
                welfare,
            },
        })
    }
}

/// Writes the place with eight digits, so that ids sort as the true ones do.
fn placed_id(place: usize, slot: Slot, order: &OrderId) -> OrderId {
    OrderId::new(format!("{place:08}-{}", id_in_book(slot, order))).expect("52 bytes are an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str, side: Side, wh: i64, limit: i64) -> Order {
        Order {
            id: OrderId::new(id).unwrap(),
            area: AreaId::new("feeder").unwrap(),
            side,
            quantity: WattHours::new(wh),
            limit: Price::from_micros_per_kwh(limit),
        }
    }

    fn area(id: &str, parent: Option<&str>) -> Area {
        let parent = parent.map(|parent| AreaId::new(parent).unwrap());
        Area {
            id: AreaId::new(id).unwrap(),
            fee: parent.as_ref().map(|_| Price::from_micros_per_kwh(1_000)),
            capacity: parent.as_ref().map(|_| Some(WattHours::new(5_000))),
            parent,
        }
    }

    /// Three sellers tie at the margin for 100 Wh: two get 33, and the one with the least id the odd one.
    fn published() -> (Book, SlotBook) {
        let sell = |id| order(id, Side::Sell, 70, 100_000);
        let book = Book {
            slot: "2026-06-01T12:00:00Z".parse().unwrap(),
            areas: vec![area("root", None), area("feeder", Some("root"))],
            orders: vec![sell("c"), order("d", Side::Buy, 100, 200_000), sell("a"), sell("b")],
        };
        let left = [
            EdgeCapacity::of(&book.areas[0]),
            EdgeCapacity { to_parent: Some(WattHours::new(4_000)), ..EdgeCapacity::of(&book.areas[1]) },
        ];
        let clearing = market::clear_after_deals(&book, &left).unwrap();
        let published = SlotBook::of(&book, &left, &clearing, Price::from_micros_per_kwh(4_000));
        (book, published)
    }

    #[test]
    fn a_published_book_verifies_down_to_the_ties_and_names_nobody() {
        let (book, published) = published();
        let text = serde_json::to_string(&published).unwrap();
        let read: SlotBook = serde_json::from_str(&text).unwrap();
        let auction = read.auction().unwrap();
        market::verify_after_deals(&auction.book, &auction.capacities, &auction.clearing).unwrap();
        assert_eq!(auction.clearing.fills.iter().map(|fill| fill.filled.get()).sum::<i64>(), 200);
        for order in &book.orders {
            assert!(!text.contains(&format!("\"{}\"", order.id)), "{text}");
            let row = read.row_of(&order.id).unwrap();
            assert_eq!((row.side, row.quantity_wh), (order.side, order.quantity));
        }
        assert_eq!(read.row_of(&OrderId::new("e").unwrap()), None);
    }

    #[test]
    fn an_order_has_another_name_in_each_slot() {
        let (slot, order): (Slot, _) = ("2026-06-01T12:00:00Z".parse().unwrap(), OrderId::new("a").unwrap());
        assert_ne!(id_in_book(slot, &order), id_in_book(slot.next(), &order));
        // A fixed example, so that another implementation finds its own orders too.
        assert_eq!(id_in_book(slot, &order), "8PldzGA6cNXqewTchcKZTQ8lYvB0C2Gy2wIkGk7TSbU");
    }

    #[test]
    fn welfare_that_is_no_number_is_refused() {
        let (_, published) = published();
        let bad = SlotBook { welfare_nanos: "many".to_owned(), ..published };
        assert_eq!(bad.auction(), Err(InvalidSlotBook("many".to_owned())));
    }
}
