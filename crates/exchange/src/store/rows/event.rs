//! Events that everyone may see: steps of slots and announcements.

use exchange_api::{Event, SlotState};
use rusqlite::{Connection, Result, params};
use units::{MemberId, Slot, Timestamp};

use crate::store::column::{Columns as _, Word, word};

pub(crate) fn insert_step(db: &Connection, slot: Slot, state: SlotState, at: Timestamp) -> Result<()> {
    db.prepare_cached("insert into event (at_ms, slot, state) values (?1, ?2, ?3)")?.execute(params![
        at.millis(),
        slot.index(),
        word(&state)
    ])?;
    Ok(())
}

pub(crate) fn insert_announcement(db: &Connection, text: &str, at: Timestamp) -> Result<()> {
    db.execute("insert into event (at_ms, announcement) values (?1, ?2)", params![at.millis(), text])?;
    Ok(())
}

/// Returns the number of the newest event.
pub(crate) fn newest(db: &Connection) -> Result<i64> {
    db.prepare_cached("select coalesce(max(id), 0) from event")?.query_row([], |row| row.get(0))
}

/// Returns the events after one, with their numbers.
pub(crate) fn after(db: &Connection, id: i64, limit: usize) -> Result<Vec<(i64, Event)>> {
    db.prepare_cached("select * from event where id > ?1 order by id limit ?2")?
        .query_map(params![id, limit as i64], |row| {
            let at = row.time("at_ms")?;
            let event = match row.get::<_, Option<String>>("announcement")? {
                Some(text) => Event::Announcement { at, text },
                None => Event::Slot {
                    slot: row.slot("slot")?,
                    state: row.text::<Word<SlotState>>("state")?.0,
                    at,
                },
            };
            Ok((row.get("id")?, event))
        })?
        .collect()
}

/// Returns a member's settlements after a cursor, as events with their cursors.
pub(crate) fn settlements_after(
    db: &Connection,
    member: &MemberId,
    cursor: i64,
    limit: usize,
) -> Result<Vec<(i64, Event)>> {
    db.prepare_cached(
        "select cursor, slot, version from settled_member where member = ?1 and cursor > ?2 order by cursor limit ?3",
    )?
    .query_map(params![member.as_str(), cursor, limit as i64], |row| {
        let cursor = row.get("cursor")?;
        Ok((cursor, Event::Settlement { cursor, slot: row.slot("slot")?, version: row.get("version")? }))
    })?
    .collect()
}
