//! Prices: what the utility charges and pays, and what cleared in each area.

use std::ops::Range;

use rusqlite::{Row, named_params};
use units::{AreaId, Price, Slot, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row::{self, worded};
use crate::writer::Durability;

worded!(
    /// How sure a price is. Each kind is a series of its own.
    PriceKind {
        /// From the owner's contract.
        Contract = "contract",
        Forecast = "forecast",
        Indicative = "indicative",
        Settled = "settled",
    }
);

/// What the utility charges and pays in a slot. What is not known is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotPrice {
    pub slot: Slot,
    pub kind: PriceKind,
    pub retail: Option<Price>,
    pub feed_in: Option<Price>,
}

/// What cleared in an area; missing where nothing supported a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaPrice {
    pub slot: Slot,
    pub area: AreaId,
    pub price: Option<Price>,
}

impl History {
    /// Records prices; a later one of the same slot and kind replaces the earlier.
    pub fn record_prices(&self, prices: &[SlotPrice], now: Timestamp) -> Result<(), HistoryError> {
        let prices = prices.to_vec();
        self.write("recording prices in", Durability::InFile, move |connection| {
            // A price that did not change writes nothing: they come again every hour.
            let mut insert = connection.prepare_cached(
                "insert into prices values (:slot, :kind, :retail, :feed_in, :now)
                 on conflict do update set retail_micros_per_kwh = excluded.retail_micros_per_kwh,
                    feed_in_micros_per_kwh = excluded.feed_in_micros_per_kwh,
                    recorded_at_ms = excluded.recorded_at_ms
                 where retail_micros_per_kwh is not excluded.retail_micros_per_kwh
                    or feed_in_micros_per_kwh is not excluded.feed_in_micros_per_kwh",
            )?;
            for price in &prices {
                insert.execute(named_params! {
                    ":slot": price.slot.index(),
                    ":kind": price.kind.word(),
                    ":retail": price.retail.map(Price::micros_per_kwh),
                    ":feed_in": price.feed_in.map(Price::micros_per_kwh),
                    ":now": now.millis(),
                })?;
            }
            Ok(())
        })
    }

    /// Returns the prices of a kind in a range, half-open, oldest first.
    pub fn prices(&self, kind: PriceKind, range: Range<Slot>) -> Result<Vec<SlotPrice>, HistoryError> {
        self.read("reading prices from", |connection| {
            let mut query = connection.prepare_cached(
                "select * from prices where kind = ?1 and slot_index >= ?2 and slot_index < ?3
                 order by slot_index",
            )?;
            let rows = query.query_map((kind.word(), range.start.index(), range.end.index()), slot_price)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Records what cleared; a slot clears once, so the first price of a slot and area stays.
    pub fn record_area_prices(&self, prices: &[AreaPrice], now: Timestamp) -> Result<(), HistoryError> {
        let prices = prices.to_vec();
        self.write("recording area prices in", Durability::InFile, move |connection| {
            let mut insert = connection
                .prepare_cached("insert into area_prices values (?1, ?2, ?3, ?4) on conflict do nothing")?;
            for AreaPrice { slot, area, price } in &prices {
                let price = price.map(Price::micros_per_kwh);
                insert.execute((slot.index(), area.as_str(), price, now.millis()))?;
            }
            Ok(())
        })
    }

    /// Returns what cleared in a range, half-open, by slot and area.
    pub fn area_prices(&self, range: Range<Slot>) -> Result<Vec<AreaPrice>, HistoryError> {
        self.read("reading area prices from", |connection| {
            let mut query = connection.prepare_cached(
                "select * from area_prices where slot_index >= ?1 and slot_index < ?2
                 order by slot_index, area",
            )?;
            let rows = query.query_map((range.start.index(), range.end.index()), area_price)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn slot_price(row: &Row) -> rusqlite::Result<SlotPrice> {
    Ok(SlotPrice {
        slot: row::slot(row)?,
        kind: row::word(row, "kind", PriceKind::from_word)?,
        retail: row::optional_price(row, "retail_micros_per_kwh")?,
        feed_in: row::optional_price(row, "feed_in_micros_per_kwh")?,
    })
}

fn area_price(row: &Row) -> rusqlite::Result<AreaPrice> {
    Ok(AreaPrice {
        slot: row::slot(row)?,
        area: row::parsed(row, "area")?,
        price: row::optional_price(row, "price_micros_per_kwh")?,
    })
}
