//! The power market's price of each slot, as far as it is known.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Range;

use units::{Currency, Price, Slot};

use crate::kind::{PriceKind, Published, Settled};

/// Spot prices by slot, all of one kind. A slot that is not in it has no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpotCurve<K> {
    currency: Currency,
    prices: BTreeMap<Slot, Price>,
    kind: PhantomData<K>,
}

impl<K: PriceKind> SpotCurve<K> {
    /// Makes a curve that knows nothing yet.
    pub fn new(currency: Currency) -> Self {
        Self { currency, prices: BTreeMap::new(), kind: PhantomData }
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Sets the price of a slot; a later one takes the place of an earlier.
    pub fn set(&mut self, slot: Slot, price: Price) {
        self.prices.insert(slot, price);
    }

    pub fn get(&self, slot: Slot) -> Option<Price> {
        self.prices.get(&slot).copied()
    }

    /// Iterates over the known slots in `[from, to)`, oldest first.
    pub fn range(&self, slots: Range<Slot>) -> impl DoubleEndedIterator<Item = (Slot, Price)> + '_ {
        self.prices.range(slots).map(|(slot, price)| (*slot, *price))
    }

    /// Returns the first slot behind the last known one: until there prices are known, gaps apart.
    pub fn end(&self) -> Option<Slot> {
        self.prices.last_key_value().map(|(slot, _)| slot.next())
    }

    pub fn len(&self) -> usize {
        self.prices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }
}

impl SpotCurve<Published> {
    /// Declares the published prices of a range as those that were billed. The only way from one to the other.
    pub fn settle(&self, slots: Range<Slot>) -> SpotCurve<Settled> {
        let prices = self.range(slots).collect();
        SpotCurve { currency: self.currency, prices, kind: PhantomData }
    }
}

impl<K: PriceKind> Extend<(Slot, Price)> for SpotCurve<K> {
    fn extend<I: IntoIterator<Item = (Slot, Price)>>(&mut self, prices: I) {
        self.prices.extend(prices);
    }
}
