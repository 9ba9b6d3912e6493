//! What a person did to the books of a meter. Nothing is overwritten: undoing is an edit of its own.

use std::ops::Range;

use rusqlite::{Connection, Row, named_params};
use units::{MeterId, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::keys::key;
use crate::row;
use crate::samples::{number_for, number_of};
use crate::slots::{SlotRow, revise};
use crate::writer::Durability;

/// An edit that is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterEdit {
    /// From when on it counts.
    pub at: Timestamp,
    /// A word, as the household names it.
    pub kind: String,
    /// The edit that this one takes back.
    pub undoes: Option<i64>,
    /// What it did, as JSON.
    pub detail_json: String,
}

/// An edit as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEdit {
    pub id: i64,
    pub made_at: Timestamp,
    pub edit: MeterEdit,
}

impl History {
    /// Records an edit with the slots that it changes, in one durable commit; returns its number.
    ///
    /// The slots replace what is there, whatever its quality, and what was there is kept as revisions.
    pub fn edit_meter(
        &self,
        meter: &MeterId,
        edit: &MeterEdit,
        slots: &[SlotRow],
        now: Timestamp,
    ) -> Result<i64, HistoryError> {
        let (meter, edit, slots) = (meter.clone(), edit.clone(), slots.to_vec());
        self.write("editing the books of a meter in", Durability::OnDisk, move |connection| {
            let number = number_for(connection, &meter)?;
            for row in &slots {
                revise(connection, number, row, now)?;
            }
            insert(connection, number, &edit, now)
        })
    }

    /// Records an edit that turns a meter round in a time, half-open: samples and events change their
    /// directions, and the given slots replace what is there, in one durable commit.
    pub fn turn_meter(
        &self,
        meter: &MeterId,
        during: Range<Timestamp>,
        edit: &MeterEdit,
        slots: &[SlotRow],
        now: Timestamp,
    ) -> Result<i64, HistoryError> {
        // What waits in memory must be in the file to be turned there.
        self.flush()?;
        let (meter, edit, slots) = (meter.clone(), edit.clone(), slots.to_vec());
        self.write("turning a meter in", Durability::OnDisk, move |connection| {
            let number = number_for(connection, &meter)?;
            turn_samples(connection, number, &during)?;
            turn_events(connection, number, &during)?;
            for row in &slots {
                revise(connection, number, row, now)?;
            }
            insert(connection, number, &edit, now)
        })
    }

    /// Returns the edits of a meter, oldest first.
    pub fn meter_edits(&self, meter: &MeterId) -> Result<Vec<StoredEdit>, HistoryError> {
        self.read("reading edits of a meter from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(Vec::new()) };
            let mut query =
                connection.prepare_cached("select * from meter_edits where meter = ?1 order by id")?;
            Ok(query.query_map([number], stored)?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn insert(
    connection: &Connection,
    meter: i64,
    edit: &MeterEdit,
    now: Timestamp,
) -> Result<i64, HistoryError> {
    connection
        .prepare_cached(
            "insert into meter_edits (meter, made_at_ms, at_ms, kind, undoes, detail_json)
             values (:meter, :made, :at, :kind, :undoes, :detail)",
        )?
        .execute(named_params! {
            ":meter": meter,
            ":made": now.millis(),
            ":at": edit.at.millis(),
            ":kind": edit.kind,
            ":undoes": edit.undoes,
            ":detail": edit.detail_json,
        })?;
    Ok(connection.last_insert_rowid())
}

fn turn_samples(connection: &Connection, meter: i64, during: &Range<Timestamp>) -> rusqlite::Result<()> {
    // On the right of `set`, SQLite sees the row as it was.
    connection.execute(
        "update samples set
            power_milliwatts = -power_milliwatts,
            import_milliwatt_hours = export_milliwatt_hours,
            export_milliwatt_hours = import_milliwatt_hours,
            power_l1_milliwatts = -power_l1_milliwatts,
            power_l2_milliwatts = -power_l2_milliwatts,
            power_l3_milliwatts = -power_l3_milliwatts,
            current_l1_milliamperes = -current_l1_milliamperes,
            current_l2_milliamperes = -current_l2_milliamperes,
            current_l3_milliamperes = -current_l3_milliamperes
         where meter = ?1 and key >= ?2 and key < ?3",
        (meter, key(during.start.millis(), 0), key(during.end.millis(), 0)),
    )?;
    Ok(())
}

fn turn_events(connection: &Connection, meter: i64, during: &Range<Timestamp>) -> rusqlite::Result<()> {
    let range = (meter, during.start.millis(), during.end.millis());
    // Two events of one instant would meet halfway under the same name, so they pass through the time
    // before 1970, in which no event is.
    for sql in [
        "update counter_events set at_ms = -at_ms,
            register = case register when 'import' then 'export' else 'import' end
         where meter = ?1 and at_ms >= ?2 and at_ms < ?3",
        "update counter_events set at_ms = -at_ms where meter = ?1 and at_ms <= -?2 and at_ms > -?3",
    ] {
        connection.execute(sql, range)?;
    }
    Ok(())
}

fn stored(row: &Row) -> rusqlite::Result<StoredEdit> {
    Ok(StoredEdit {
        id: row.get("id")?,
        made_at: row::time(row, "made_at_ms")?,
        edit: MeterEdit {
            at: row::time(row, "at_ms")?,
            kind: row.get("kind")?,
            undoes: row.get("undoes")?,
            detail_json: row.get("detail_json")?,
        },
    })
}
