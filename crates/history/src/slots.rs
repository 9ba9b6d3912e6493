//! Energy of each meter in each slot. A better figure replaces a worse one; what was said before is kept.

use std::ops::Range;

use metering::{Borders, Method, Quality, SlotEnergy};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{DayKey, Energy, MeterId, SLOT_SECONDS, Slot, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::keys::{key, slots_around};
use crate::row;
use crate::samples::{number_for, number_of};
use crate::writer::Durability;

/// A slot to be recorded, with the local day it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    pub local_day: DayKey,
    pub energy: SlotEnergy,
}

/// A slot as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSlot {
    pub slot: Slot,
    pub local_day: DayKey,
    pub energy: SlotEnergy,
    pub recorded_at: Timestamp,
}

/// What recording a slot did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotRecorded {
    New,
    /// It was recorded like this before.
    Same,
    /// What was there is now a revision.
    Replaced,
    /// What was there is of better quality and stays.
    KeptBetter,
}

/// The energy of a local day, with how many of its slots are of which quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayEnergy {
    pub day: DayKey,
    /// Missing where no slot of the day has a figure.
    pub import: Option<Energy>,
    pub export: Option<Energy>,
    pub measured: u32,
    pub recovered: u32,
    pub estimated: u32,
    pub partial: u32,
    pub missing: u32,
}

impl History {
    /// Records the energy of a slot, durably; see [`Self::record_slots`].
    pub fn record_slot(
        &self,
        meter: &MeterId,
        local_day: DayKey,
        energy: &SlotEnergy,
        now: Timestamp,
    ) -> Result<SlotRecorded, HistoryError> {
        let row = SlotRow { local_day, energy: energy.clone() };
        let outcomes = self.record_slots(meter, std::slice::from_ref(&row), now)?;
        Ok(outcomes[0])
    }

    /// Records slots in one durable commit, such as those of a gap that the counter bridged.
    ///
    /// Of two figures for a slot the one of better quality stays, of equal quality the later one.
    pub fn record_slots(
        &self,
        meter: &MeterId,
        rows: &[SlotRow],
        now: Timestamp,
    ) -> Result<Vec<SlotRecorded>, HistoryError> {
        for SlotRow { energy, .. } in rows {
            slot_of(energy)?;
        }
        let (meter, rows) = (meter.clone(), rows.to_vec());
        self.write("recording slots in", Durability::OnDisk, move |connection| {
            let number = number_for(connection, &meter)?;
            rows.iter().map(|row| record(connection, number, row, now)).collect()
        })
    }

    /// Returns the slots of a meter in a range, half-open, oldest first. Absent slots are absent.
    pub fn slots(&self, meter: &MeterId, range: Range<Slot>) -> Result<Vec<StoredSlot>, HistoryError> {
        self.read("reading slots from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(Vec::new()) };
            let mut query = connection.prepare_cached(
                "select * from slots where meter = ?1 and key >= ?2 and key < ?3 order by key",
            )?;
            let rows =
                query.query_map((number, key(range.start.index(), 0), key(range.end.index(), 0)), stored)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the earliest slot of a meter.
    pub fn first_slot(&self, meter: &MeterId) -> Result<Option<StoredSlot>, HistoryError> {
        self.one_slot(meter, "select * from slots where meter = ?1 order by key limit 1")
    }

    /// Returns the latest slot of a meter.
    pub fn last_slot(&self, meter: &MeterId) -> Result<Option<StoredSlot>, HistoryError> {
        self.one_slot(meter, "select * from slots where meter = ?1 order by key desc limit 1")
    }

    /// Returns what was recorded for a slot before better figures came, oldest first.
    pub fn slot_revisions(&self, meter: &MeterId, slot: Slot) -> Result<Vec<SlotEnergy>, HistoryError> {
        self.read("reading revisions from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(Vec::new()) };
            let mut query = connection.prepare_cached(
                "select * from slot_revisions where meter = ?1 and slot_index = ?2 order by rowid",
            )?;
            let rows = query.query_map((number, slot.index()), energy)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the energy of each local day in a range, half-open, that has slots.
    pub fn energy_by_day(
        &self,
        meter: &MeterId,
        days: Range<DayKey>,
    ) -> Result<Vec<DayEnergy>, HistoryError> {
        self.read("adding up days of", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(Vec::new()) };
            let mut query = connection.prepare_cached(
                "select local_day,
                    sum(import_milliwatt_hours) as import, sum(export_milliwatt_hours) as export,
                    sum(quality = 'measured') as measured, sum(quality = 'recovered') as recovered,
                    sum(quality = 'estimated') as estimated, sum(quality = 'partial') as partial,
                    sum(quality = 'missing') as missing
                 from slots where meter = ?1 and local_day >= ?2 and local_day < ?3 and key >= ?4 and key < ?5
                 group by local_day order by local_day",
            )?;
            let around = slots_around(&days);
            let (from, to) = (key(around.start.index(), 0), key(around.end.index(), 0));
            let range = (number, days.start.to_string(), days.end.to_string(), from, to);
            Ok(query.query_map(range, day_energy)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn one_slot(&self, meter: &MeterId, sql: &str) -> Result<Option<StoredSlot>, HistoryError> {
        self.read("reading a slot from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(None) };
            Ok(connection.prepare_cached(sql)?.query_row([number], stored).optional()?)
        })
    }
}

fn slot_of(energy: &SlotEnergy) -> Result<Slot, HistoryError> {
    energy.slot().ok_or(HistoryError::NotASlot { start: energy.start, seconds: energy.seconds })
}

fn record(
    connection: &Connection,
    meter: i64,
    row: &SlotRow,
    now: Timestamp,
) -> Result<SlotRecorded, HistoryError> {
    let slot = slot_of(&row.energy)?;
    let present = connection
        .prepare_cached("select * from slots where key = ?1")?
        .query_row([key(slot.index(), meter)], energy)
        .optional()?;
    let outcome = match present {
        None => SlotRecorded::New,
        Some(present) if present == row.energy => return Ok(SlotRecorded::Same),
        Some(present) if rank(present.quality) > rank(row.energy.quality) => {
            return Ok(SlotRecorded::KeptBetter);
        }
        Some(_) => {
            keep_revision(connection, meter, slot, now)?;
            SlotRecorded::Replaced
        }
    };
    put(connection, meter, slot, row, now)?;
    Ok(outcome)
}

/// Puts a slot in the place of what is there, whatever its quality; what was there becomes a revision.
pub(crate) fn revise(
    connection: &Connection,
    meter: i64,
    row: &SlotRow,
    now: Timestamp,
) -> Result<(), HistoryError> {
    let slot = slot_of(&row.energy)?;
    keep_revision(connection, meter, slot, now)?;
    put(connection, meter, slot, row, now)?;
    Ok(())
}

/// How much a figure is to be believed.
const fn rank(quality: Quality) -> u8 {
    match quality {
        Quality::Measured => 4,
        Quality::Recovered => 3,
        Quality::Estimated => 2,
        Quality::Partial => 1,
        Quality::Missing => 0,
    }
}

fn keep_revision(connection: &Connection, meter: i64, slot: Slot, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into slot_revisions
             select meter, slot_index, ?2, import_milliwatt_hours, export_milliwatt_hours,
                import_start_milliwatt_hours, import_end_milliwatt_hours,
                export_start_milliwatt_hours, export_end_milliwatt_hours,
                quality, method, recorded_at_ms
             from slots where key = ?1",
        )?
        .execute((key(slot.index(), meter), now.millis()))?;
    Ok(())
}

fn put(
    connection: &Connection,
    meter: i64,
    slot: Slot,
    row: &SlotRow,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let SlotRow { local_day, energy } = row;
    let borders = &energy.borders;
    connection
        .prepare_cached(
            "insert or replace into slots values (:key, :day, :import, :export,
                :import_start, :import_end, :export_start, :export_end, :quality, :method, :now)",
        )?
        .execute(named_params! {
            ":key": key(slot.index(), meter),
            ":day": local_day.to_string(),
            ":import": energy.import.map(Energy::milliwatt_hours),
            ":export": energy.export.map(Energy::milliwatt_hours),
            ":import_start": borders.import_start.map(Energy::milliwatt_hours),
            ":import_end": borders.import_end.map(Energy::milliwatt_hours),
            ":export_start": borders.export_start.map(Energy::milliwatt_hours),
            ":export_end": borders.export_end.map(Energy::milliwatt_hours),
            ":quality": energy.quality.word(),
            ":method": energy.method.word(),
            ":now": now.millis(),
        })?;
    Ok(())
}

fn stored(row: &Row) -> rusqlite::Result<StoredSlot> {
    Ok(StoredSlot {
        slot: row::slot(row)?,
        local_day: row::day(row)?,
        energy: energy(row)?,
        recorded_at: row::time(row, "recorded_at_ms")?,
    })
}

fn energy(row: &Row) -> rusqlite::Result<SlotEnergy> {
    Ok(SlotEnergy {
        start: row::slot(row)?.start(),
        seconds: SLOT_SECONDS as u32,
        import: row::optional_energy(row, "import_milliwatt_hours")?,
        export: row::optional_energy(row, "export_milliwatt_hours")?,
        borders: Borders {
            import_start: row::optional_energy(row, "import_start_milliwatt_hours")?,
            import_end: row::optional_energy(row, "import_end_milliwatt_hours")?,
            export_start: row::optional_energy(row, "export_start_milliwatt_hours")?,
            export_end: row::optional_energy(row, "export_end_milliwatt_hours")?,
        },
        quality: row::word(row, "quality", Quality::from_word)?,
        method: row::word(row, "method", Method::from_word)?,
    })
}

fn day_energy(row: &Row) -> rusqlite::Result<DayEnergy> {
    Ok(DayEnergy {
        day: row::day(row)?,
        import: row::optional_energy(row, "import")?,
        export: row::optional_energy(row, "export")?,
        measured: row.get("measured")?,
        recovered: row.get("recovered")?,
        estimated: row.get("estimated")?,
        partial: row.get("partial")?,
        missing: row.get("missing")?,
    })
}
