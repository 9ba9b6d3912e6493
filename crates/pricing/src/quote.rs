//! What a kWh costs and brings in one slot, with its parts.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use units::{Price, Slot};

use crate::formula::Part;
use crate::kind::{Kind, PriceKind, Settled};

/// What a kWh costs from the utility, and brings from it, in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotPrices {
    #[serde(rename = "retail_micros_per_kwh")]
    pub retail: Price,
    #[serde(rename = "feed_in_micros_per_kwh")]
    pub feed_in: Price,
}

/// Why there is no price. It is never taken for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPrice {
    #[error("no contract holds on that day; add one that does")]
    NoContract,
    #[error("the power market's price is not known for that time; it comes with the next prices")]
    SpotUnknown,
    #[error(
        "the power market's price is in another currency than the contract; choose the home's price zone"
    )]
    OtherCurrency,
    #[error("the contract has tiers, and how much was imported since they began is not known")]
    UseUnknown,
}

/// Both prices of a slot with their parts; `K` says how sure they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote<K> {
    pub slot: Slot,
    pub retail: Priced,
    pub feed_in: Priced,
    kind: PhantomData<K>,
}

/// A price, what it is made of, and the zone that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    pub price: Price,
    /// They sum to the price.
    pub parts: Vec<Part>,
    /// The name of the contract's zone; `None` for the base price and tiers.
    pub zone: Option<String>,
}

/// What becomes of a kWh that is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportTerms {
    YouEarn(Price),
    Nothing,
    /// The feed-in price is negative: so much must be paid a kWh.
    YouPay(Price),
}

impl<K: PriceKind> Quote<K> {
    pub(crate) fn new(slot: Slot, retail: Priced, feed_in: Priced) -> Self {
        Self { slot, retail, feed_in, kind: PhantomData }
    }

    pub fn kind(&self) -> Kind {
        K::KIND
    }

    pub fn prices(&self) -> SlotPrices {
        SlotPrices { retail: self.retail.price, feed_in: self.feed_in.price }
    }

    /// Says what an exported kWh means to the owner.
    pub fn export_terms(&self) -> ExportTerms {
        self.prices().export_terms()
    }
}

impl Quote<Settled> {
    /// Returns by how much the settled prices are above those that a quote of another kind had named.
    pub fn above<K: PriceKind>(&self, named: &Quote<K>) -> SlotPrices {
        let (settled, named) = (self.prices(), named.prices());
        SlotPrices { retail: settled.retail - named.retail, feed_in: settled.feed_in - named.feed_in }
    }
}

impl SlotPrices {
    /// Says what an exported kWh means to the owner.
    pub fn export_terms(&self) -> ExportTerms {
        match self.feed_in {
            price if price.is_negative() => ExportTerms::YouPay(-price),
            price if price.is_zero() => ExportTerms::Nothing,
            price => ExportTerms::YouEarn(price),
        }
    }
}
