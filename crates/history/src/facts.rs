//! What the meters of a home and the exchange say of each slot, side by side.
//!
//! A page that shows a year asks for 35,000 slots of up to three meters and their settlements. They are
//! walked in order, once, and handed to the caller; nothing is collected here. Measured on a year of
//! three meters, joining and grouping in SQL took three times as long, since SQLite sorts what the keys
//! have in order already.

use std::cmp::Ordering;
use std::ops::Range;

use metering::Quality;
use rusqlite::{Connection, Row, Rows};
use units::{DayKey, Energy, MeterId, Price, Slot, WattHours};

use crate::error::HistoryError;
use crate::handle::History;
use crate::keys::{key, meter_in, place_in, slots_around};
use crate::row;
use crate::samples::number_of;

/// One slot as the meters and the exchange tell it. At least one of them says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotFacts<const METERS: usize> {
    pub slot: Slot,
    pub local_day: DayKey,
    /// In the order in which the meters were asked for.
    pub meters: [Option<MeterFacts>; METERS],
    /// The latest version.
    pub settled: Option<SettledFacts>,
}

/// What one meter measured in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterFacts {
    pub import: Option<Energy>,
    pub export: Option<Energy>,
    pub quality: Quality,
}

/// What the exchange made of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledFacts {
    /// Whether the meter's figures entered.
    pub measured: bool,
    /// Missing where nothing supported a price.
    pub price: Option<Price>,
    pub sold: WattHours,
    pub bought: WattHours,
    pub from_utility: WattHours,
    pub to_utility: WattHours,
    pub retail: Price,
    pub feed_in: Price,
}

impl History {
    /// Calls back for each slot of local days, half-open, that any of the meters or the exchange knows,
    /// oldest first. A place without a meter stays empty.
    pub fn each_slot<const METERS: usize>(
        &self,
        meters: [Option<&MeterId>; METERS],
        days: Range<DayKey>,
        mut visit: impl FnMut(&SlotFacts<METERS>),
    ) -> Result<(), HistoryError> {
        self.read("walking through the slots of", |connection| {
            let mut numbers = [None; METERS];
            for (number, meter) in numbers.iter_mut().zip(meters) {
                *number = meter.map(|meter| number_of(connection, meter)).transpose()?.flatten();
            }
            walk(connection, numbers, &days, &mut visit)?;
            Ok(())
        })
    }

    /// Returns the first and the last local day that any slot or settlement belongs to.
    pub fn days_known(&self) -> Result<Option<(DayKey, DayKey)>, HistoryError> {
        self.read("looking for the first day of", |connection| {
            let mut query = connection.prepare_cached(
                "select min(day), max(day) from (
                    select * from (select local_day as day from slots order by key limit 1) union all
                    select * from (select local_day from slots order by key desc limit 1) union all
                    select * from (select local_day from settlements order by slot_index limit 1) union all
                    select * from (select local_day from settlements order by slot_index desc limit 1))",
            )?;
            let known: (Option<String>, Option<String>) =
                query.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            match known {
                (Some(first), Some(last)) => Ok(Some((day_of(&first)?, day_of(&last)?))),
                _ => Ok(None),
            }
        })
    }
}

fn day_of(text: &str) -> Result<DayKey, HistoryError> {
    text.parse().map_err(|_| HistoryError::Contradiction {
        subject: "a local day".to_owned(),
        detail: format!("\"{text}\" is not a date"),
    })
}

/// Walks slots and settlements as one merges two sorted lists.
fn walk<const METERS: usize>(
    connection: &Connection,
    numbers: [Option<i64>; METERS],
    days: &Range<DayKey>,
    visit: &mut impl FnMut(&SlotFacts<METERS>),
) -> Result<(), HistoryError> {
    let around = slots_around(days);
    let mut measured = connection.prepare_cached(
        "select key, import_milliwatt_hours, export_milliwatt_hours, quality, local_day
         from slots where key >= ?1 and key < ?2 order by key",
    )?;
    // The index has the slots in order, so the last version of a slot is the last row of it. Versions of
    // one market alone are compared: a home that moves to another market is settled by one at a time.
    let mut settled = connection.prepare_cached(
        "select slot_index, measured, price_micros_per_kwh, sold_wh, bought_wh, from_utility_wh,
            to_utility_wh, retail_micros_per_kwh, feed_in_micros_per_kwh, local_day
         from settlements where slot_index >= ?1 and slot_index < ?2 order by slot_index, market, version",
    )?;
    let mut measured = Measured {
        rows: measured.query((key(around.start.index(), 0), key(around.end.index(), 0)))?,
        numbers,
        next: None,
        day: None,
    };
    let mut settled =
        Settled { rows: settled.query((around.start.index(), around.end.index()))?, next: None, day: None };
    measured.advance()?;
    settled.advance()?;
    loop {
        let facts = match (measured.next, settled.next) {
            (None, None) => return Ok(()),
            (Some(_), None) => measured.take()?,
            (None, Some(_)) => settled.take::<METERS>()?,
            (Some(row), Some((slot, ..))) => match row.slot.cmp(&slot) {
                Ordering::Less => measured.take()?,
                Ordering::Greater => settled.take()?,
                Ordering::Equal => {
                    SlotFacts { settled: settled.take::<METERS>()?.settled, ..measured.take()? }
                }
            },
        };
        if days.contains(&facts.local_day) {
            visit(&facts);
        }
    }
}

/// A row of a meter.
#[derive(Clone, Copy)]
struct MeterRow {
    slot: i64,
    place: usize,
    day: DayKey,
    facts: MeterFacts,
}

struct Measured<'a, const METERS: usize> {
    rows: Rows<'a>,
    numbers: [Option<i64>; METERS],
    next: Option<MeterRow>,
    day: Option<DayText>,
}

impl<const METERS: usize> Measured<'_, METERS> {
    /// Goes to the next row of a meter that was asked for.
    fn advance(&mut self) -> Result<(), HistoryError> {
        self.next = None;
        while let Some(row) = self.rows.next()? {
            let key: i64 = row.get(0)?;
            let number = meter_in(key);
            let Some(place) = self.numbers.iter().position(|asked| *asked == Some(number)) else { continue };
            let energy = |column| {
                Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Energy::from_milliwatt_hours))
            };
            self.next = Some(MeterRow {
                slot: place_in(key),
                place,
                day: DayText::read(&mut self.day, row, 4)?,
                facts: MeterFacts {
                    import: energy(1)?,
                    export: energy(2)?,
                    quality: row::word_at(row, 3, Quality::from_word)?,
                },
            });
            return Ok(());
        }
        Ok(())
    }

    /// Returns the slot of the next row, with the rows of all its meters.
    fn take(&mut self) -> Result<SlotFacts<METERS>, HistoryError> {
        let first = self.next.expect("it was looked whether there is one");
        let mut facts = SlotFacts {
            slot: Slot::from_index(first.slot),
            local_day: first.day,
            meters: [None; METERS],
            settled: None,
        };
        while let Some(row) = self.next.filter(|row| row.slot == first.slot) {
            facts.meters[row.place] = Some(row.facts);
            self.advance()?;
        }
        Ok(facts)
    }
}

struct Settled<'a> {
    rows: Rows<'a>,
    next: Option<(i64, DayKey, SettledFacts)>,
    day: Option<DayText>,
}

impl Settled<'_> {
    fn advance(&mut self) -> Result<(), HistoryError> {
        self.next = None;
        let Some(row) = self.rows.next()? else { return Ok(()) };
        let energy = |column| Ok::<_, rusqlite::Error>(WattHours::new(row.get(column)?));
        let price = |column| Ok::<_, rusqlite::Error>(Price::from_micros_per_kwh(row.get(column)?));
        let facts = SettledFacts {
            measured: row.get(1)?,
            price: row.get::<_, Option<i64>>(2)?.map(Price::from_micros_per_kwh),
            sold: energy(3)?,
            bought: energy(4)?,
            from_utility: energy(5)?,
            to_utility: energy(6)?,
            retail: price(7)?,
            feed_in: price(8)?,
        };
        self.next = Some((row.get(0)?, DayText::read(&mut self.day, row, 9)?, facts));
        Ok(())
    }

    /// Returns the next settled slot in its last version.
    fn take<const METERS: usize>(&mut self) -> Result<SlotFacts<METERS>, HistoryError> {
        let (slot, mut day, mut facts) = self.next.expect("it was looked whether there is one");
        self.advance()?;
        while let Some((_, later_day, later)) = self.next.filter(|(next, ..)| *next == slot) {
            (day, facts) = (later_day, later);
            self.advance()?;
        }
        Ok(SlotFacts {
            slot: Slot::from_index(slot),
            local_day: day,
            meters: [None; METERS],
            settled: Some(facts),
        })
    }
}

/// The day of the row before, with its text: days come in runs of a hundred, so few are parsed.
struct DayText {
    text: String,
    day: DayKey,
}

impl DayText {
    fn read(last: &mut Option<Self>, row: &Row, column: usize) -> Result<DayKey, HistoryError> {
        let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
        match last {
            Some(last) if last.text == text => Ok(last.day),
            _ => {
                let day = day_of(text)?;
                *last = Some(Self { text: text.to_owned(), day });
                Ok(day)
            }
        }
    }
}
