//! What makes a book unusable, named by its place.

use units::{AreaId, OrderId};

/// The largest size of a price or fee, in micros per kWh: a thousand units of the currency.
pub const MAX_PRICE: i64 = 1_000_000_000;

/// The largest quantity of one order, in Wh.
pub const MAX_QUANTITY: i64 = 1 << 40;

/// The largest capacity and the largest sum of quantities, in Wh: what every reader of JSON holds exactly.
pub const MAX_SUM: i64 = (1 << 53) - 1;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBook {
    #[error("no area is the root: exactly one must have \"parent\": null")]
    NoRoot,
    #[error("areas \"{0}\" and \"{1}\" both have no parent: exactly one is the root")]
    SeveralRoots(AreaId, AreaId),
    #[error("area \"{0}\" is its own ancestor: the areas must form a tree")]
    Cycle(AreaId),
    #[error("area id \"{0}\" appears twice")]
    DuplicateArea(AreaId),
    #[error("area \"{area}\" names an unknown parent \"{parent}\"")]
    UnknownParent { area: AreaId, parent: AreaId },
    #[error("area \"{0}\" is the root and has no edge: fee_micros_per_kwh and capacity_wh must be absent")]
    EdgeOnRoot(AreaId),
    #[error("area \"{0}\" has no fee_micros_per_kwh")]
    MissingFee(AreaId),
    #[error("area \"{0}\" has no capacity_wh: write null where there is no limit")]
    MissingCapacity(AreaId),
    #[error("area \"{area}\": fee_micros_per_kwh is {fee}; it must lie between 0 and {MAX_PRICE}")]
    Fee { area: AreaId, fee: i64 },
    #[error("area \"{area}\": capacity_wh is {capacity}; it must lie between 0 and {MAX_SUM}")]
    Capacity { area: AreaId, capacity: i64 },
    #[error("{given} remaining capacities for {areas} areas: there must be one an area")]
    CapacityCount { given: usize, areas: usize },
    #[error("order id \"{0}\" appears twice")]
    DuplicateOrder(OrderId),
    #[error("order \"{order}\" names an unknown area \"{area}\"")]
    UnknownArea { order: OrderId, area: AreaId },
    #[error("order \"{order}\": quantity_wh is {quantity}; it must lie between 0 and {MAX_QUANTITY}")]
    Quantity { order: OrderId, quantity: i64 },
    #[error(
        "order \"{order}\": limit_price_micros_per_kwh is {limit}; it must lie between -{MAX_PRICE} and {MAX_PRICE}"
    )]
    Limit { order: OrderId, limit: i64 },
    #[error("with order \"{0}\" the quantities add up to more than {MAX_SUM} Wh")]
    Sum(OrderId),
}
