//! What is known of the time ahead: the power market's prices, the weather, and what was foretold with them.

use std::ops::Range;
use std::time::Duration;

use rusqlite::{Row, named_params};
use units::{Energy, Price, Slot, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row::{self, worded};
use crate::writer::Durability;

/// Weather and forecasts are learned from and scored within a year; what is older is dropped.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// How far ahead a forecast must be made to replace an earlier one.
const A_DAY_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// What the power market published for a slot, in the home's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpotPrice {
    pub slot: Slot,
    pub price: Price,
}

/// The mean weather of a slot. What is not known is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlotWeather {
    pub slot: Slot,
    pub global_w_m2: Option<f64>,
    pub diffuse_w_m2: Option<f64>,
    pub temperature_c: Option<f64>,
}

worded!(
    /// Whose energy a forecast is about.
    ForecastOf {
        Roof = "roof",
        House = "house",
    }
);

/// P10, P50 and P90 of a slot's energy, as they were foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotForecast {
    pub slot: Slot,
    pub of: ForecastOf,
    pub quantiles: [Energy; 3],
}

impl History {
    /// Records published prices; a later word replaces an earlier one.
    pub fn record_spot_prices(
        &self,
        prices: &[SpotPrice],
        source: &str,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        let (prices, source) = (prices.to_vec(), source.to_owned());
        self.write("recording the power market's prices in", Durability::OnDisk, move |connection| {
            // A price that did not change writes nothing: sources are asked many times a day.
            let mut insert = connection.prepare_cached(
                "insert into spot_prices values (?1, ?2, ?3, ?4)
                 on conflict do update set micros_per_kwh = excluded.micros_per_kwh, source = excluded.source,
                    fetched_at_ms = excluded.fetched_at_ms
                 where micros_per_kwh is not excluded.micros_per_kwh",
            )?;
            for SpotPrice { slot, price } in &prices {
                insert.execute((slot.index(), price.micros_per_kwh(), &source, now.millis()))?;
            }
            Ok(())
        })
    }

    /// Returns the published prices of a range, half-open, oldest first. A slot without one is absent.
    pub fn spot_prices(&self, range: Range<Slot>) -> Result<Vec<SpotPrice>, HistoryError> {
        self.read("reading the power market's prices from", |connection| {
            let mut query = connection.prepare_cached(
                "select slot_index, micros_per_kwh from spot_prices
                 where slot_index >= ?1 and slot_index < ?2 order by slot_index",
            )?;
            let price = |row: &Row| {
                Ok(SpotPrice { slot: row::slot(row)?, price: row::price(row, "micros_per_kwh")? })
            };
            let rows = query.query_map((range.start.index(), range.end.index()), price)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Records weather; a later word replaces an earlier one. Weather of more than a year ago is dropped.
    pub fn record_weather(&self, weather: &[SlotWeather], now: Timestamp) -> Result<(), HistoryError> {
        let weather = weather.to_vec();
        self.write("recording weather in", Durability::InFile, move |connection| {
            let mut insert = connection.prepare_cached(
                "insert into weather values (:slot, :global, :diffuse, :temperature, :now)
                 on conflict do update set global_w_m2 = excluded.global_w_m2,
                    diffuse_w_m2 = excluded.diffuse_w_m2, temperature_c = excluded.temperature_c,
                    fetched_at_ms = excluded.fetched_at_ms
                 where global_w_m2 is not excluded.global_w_m2 or diffuse_w_m2 is not excluded.diffuse_w_m2
                    or temperature_c is not excluded.temperature_c",
            )?;
            for one in &weather {
                insert.execute(named_params! {
                    ":slot": one.slot.index(),
                    ":global": one.global_w_m2,
                    ":diffuse": one.diffuse_w_m2,
                    ":temperature": one.temperature_c,
                    ":now": now.millis(),
                })?;
            }
            let oldest = Slot::containing(now - KEPT).index();
            connection.execute("delete from weather where slot_index < ?1", [oldest])?;
            Ok(())
        })
    }

    /// Returns the weather of a range, half-open, oldest first.
    pub fn weather(&self, range: Range<Slot>) -> Result<Vec<SlotWeather>, HistoryError> {
        self.read("reading weather from", |connection| {
            let mut query = connection.prepare_cached(
                "select * from weather where slot_index >= ?1 and slot_index < ?2 order by slot_index",
            )?;
            let rows = query.query_map((range.start.index(), range.end.index()), slot_weather)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Records forecasts. One takes the place of an earlier one only while its slot is at least a day away, so
    /// that all are scored by what was said a day ahead. Forecasts of more than a year ago are dropped.
    pub fn record_forecasts(&self, forecasts: &[SlotForecast], now: Timestamp) -> Result<(), HistoryError> {
        let forecasts = forecasts.to_vec();
        self.write("recording forecasts in", Durability::InFile, move |connection| {
            let mut insert = connection.prepare_cached(
                "insert into forecasts values (:slot, :of, :p10, :p50, :p90, :now)
                 on conflict do update set p10_milliwatt_hours = excluded.p10_milliwatt_hours,
                    p50_milliwatt_hours = excluded.p50_milliwatt_hours,
                    p90_milliwatt_hours = excluded.p90_milliwatt_hours, made_at_ms = excluded.made_at_ms
                 where slot_index >= :replaceable",
            )?;
            let tomorrow = Slot::containing(now + A_DAY_AHEAD).index();
            for SlotForecast { slot, of, quantiles } in &forecasts {
                let [p10, p50, p90] = quantiles.map(Energy::milliwatt_hours);
                insert.execute(named_params! {
                    ":slot": slot.index(),
                    ":of": of.word(),
                    ":p10": p10,
                    ":p50": p50,
                    ":p90": p90,
                    ":now": now.millis(),
                    ":replaceable": tomorrow,
                })?;
            }
            let oldest = Slot::containing(now - KEPT).index();
            connection.execute("delete from forecasts where slot_index < ?1", [oldest])?;
            Ok(())
        })
    }

    /// Returns what was foretold in a range, half-open, oldest first.
    pub fn forecasts(&self, of: ForecastOf, range: Range<Slot>) -> Result<Vec<SlotForecast>, HistoryError> {
        self.read("reading forecasts from", |connection| {
            let mut query = connection.prepare_cached(
                "select * from forecasts where what = ?1 and slot_index >= ?2 and slot_index < ?3
                 order by slot_index",
            )?;
            let rows = query.query_map((of.word(), range.start.index(), range.end.index()), slot_forecast)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn slot_weather(row: &Row) -> rusqlite::Result<SlotWeather> {
    Ok(SlotWeather {
        slot: row::slot(row)?,
        global_w_m2: row.get("global_w_m2")?,
        diffuse_w_m2: row.get("diffuse_w_m2")?,
        temperature_c: row.get("temperature_c")?,
    })
}

fn slot_forecast(row: &Row) -> rusqlite::Result<SlotForecast> {
    let energy = |column| row.get(column).map(Energy::from_milliwatt_hours);
    Ok(SlotForecast {
        slot: row::slot(row)?,
        of: row::word(row, "what", ForecastOf::from_word)?,
        quantiles: [
            energy("p10_milliwatt_hours")?,
            energy("p50_milliwatt_hours")?,
            energy("p90_milliwatt_hours")?,
        ],
    })
}
