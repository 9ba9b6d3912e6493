//! Known prices as bytes, so that a restart without the internet knows them.

use pricing::{Published, SpotCurve};
use serde::{Deserialize, Serialize};
use units::{Currency, Price, Slot, Timestamp};

use crate::source::PriceSource;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CachedPrices {
    source: PriceSource,
    currency: Currency,
    fetched_at: Option<Timestamp>,
    prices: Vec<(Slot, Price)>,
}

impl CachedPrices {
    pub(crate) fn of(
        source: &PriceSource,
        known: &SpotCurve<Published>,
        fetched_at: Option<Timestamp>,
    ) -> Self {
        let ever = Slot::from_index(i64::MIN)..Slot::from_index(i64::MAX);
        Self {
            source: source.clone(),
            currency: known.currency(),
            fetched_at,
            prices: known.range(ever).collect(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("known prices are plain data")
    }

    /// Reads what was kept; `None` where it is damaged, of another source or in another currency.
    pub(crate) fn read(
        bytes: &[u8],
        source: &PriceSource,
        currency: Currency,
    ) -> Option<(SpotCurve<Published>, Option<Timestamp>)> {
        let cached: Self = serde_json::from_slice(bytes).ok()?;
        if cached.source != *source || cached.currency != currency {
            return None;
        }
        let mut known = SpotCurve::new(currency);
        known.extend(cached.prices);
        Some((known, cached.fetched_at))
    }
}
