//! What a slot's market is made of: areas, orders, and the clearing that answers them.

use serde::{Deserialize, Serialize};
use units::{AreaId, OrderId, Price, Slot, WattHours};

/// Everything that the clearing of one slot depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    pub slot: Slot,
    pub areas: Vec<Area>,
    pub orders: Vec<Order>,
}

/// A part of the grid. Fee and capacity belong to the edge from the area to its parent; the root has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub id: AreaId,
    // Named, so that an area without it is refused: the root says null.
    #[serde(deserialize_with = "Option::deserialize")]
    pub parent: Option<AreaId>,
    #[serde(rename = "fee_micros_per_kwh", default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Price>,
    /// `Some(None)` says "no limit" aloud; `None` says nothing, which only the root may.
    #[serde(
        rename = "capacity_wh",
        default,
        skip_serializing_if = "Option::is_none",
        with = "present_or_null"
    )]
    pub capacity: Option<Option<WattHours>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Buy,
    Sell,
}

/// An order in a slot, as the clearing sees it: limits are after fees, quantities what the meter has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: OrderId,
    pub area: AreaId,
    pub side: Side,
    #[serde(rename = "quantity_wh")]
    pub quantity: WattHours,
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Price,
}

/// The outcome of a slot: one price an area, and how much of each order was served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clearing {
    pub slot: Slot,
    /// In the book's order.
    pub areas: Vec<AreaOutcome>,
    /// By order id, only orders that got something.
    pub fills: Vec<Fill>,
    #[serde(rename = "welfare_nanos", with = "decimal_text")]
    pub welfare: i128,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaOutcome {
    pub id: AreaId,
    /// Missing where nothing supports a price: one side only.
    #[serde(rename = "price_micros_per_kwh", deserialize_with = "Option::deserialize")]
    pub price: Option<Price>,
    /// Energy sent to the parent; negative where it is received. The root's is zero.
    #[serde(rename = "flow_to_parent_wh")]
    pub flow_to_parent: WattHours,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    pub order: OrderId,
    #[serde(rename = "filled_wh")]
    pub filled: WattHours,
}

/// Tells an absent field from one that is null.
mod present_or_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}

/// An i128 as a JSON string.
mod decimal_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|_| de::Error::custom("a whole number in a string"))
    }
}
