//! Slots and the steps of their lives.

use std::ops::Range;

use exchange_api::{AreaPrice, SlotState};
use market::AreaOutcome;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use units::{Price, Slot, Timestamp, WattHours};

use super::event;
use crate::store::column::{Columns as _, Word, word};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotRow {
    pub slot: Slot,
    pub state: SlotState,
    /// 1 when settled, one more with each adjustment.
    pub version: u32,
    pub traded: Option<WattHours>,
}

pub(crate) fn insert(db: &Connection, slot: Slot, at: Timestamp) -> Result<()> {
    db.prepare_cached("insert into slot (slot, state) values (?1, ?2)")?
        .execute(params![slot.index(), word(&SlotState::Open)])?;
    insert_step(db, slot, SlotState::Open, at)
}

const COLUMNS: &str = "select slot, state, version, traded_wh from slot";

pub(crate) fn find(db: &Connection, slot: Slot) -> Result<Option<SlotRow>> {
    db.prepare_cached(&format!("{COLUMNS} where slot = ?1"))?.query_row([slot.index()], read).optional()
}

pub(crate) fn newest(db: &Connection) -> Result<Option<Slot>> {
    let newest: Option<i64> =
        db.prepare_cached("select max(slot) from slot")?.query_row([], |row| row.get(0))?;
    Ok(newest.map(Slot::from_index))
}

/// Returns the newest slot whose gate has closed.
pub(crate) fn newest_closed(db: &Connection) -> Result<Option<Slot>> {
    db.prepare_cached("select slot from slot where state <> 'open' order by slot desc limit 1")?
        .query_row([], |row| row.slot("slot"))
        .optional()
}

pub(crate) fn list(db: &Connection, slots: Range<Slot>) -> Result<Vec<SlotRow>> {
    db.prepare_cached(&format!("{COLUMNS} where slot >= ?1 and slot < ?2 order by slot"))?
        .query_map([slots.start.index(), slots.end.index()], read)?
        .collect()
}

/// Returns the slots that are not settled yet, the oldest first.
pub(crate) fn unsettled(db: &Connection) -> Result<Vec<SlotRow>> {
    let sql = format!("{COLUMNS} where state not in ('settled', 'adjusted', 'final') order by slot");
    db.prepare_cached(&sql)?.query_map([], read)?.collect()
}

/// Returns the oldest slot that is settled and not final.
pub(crate) fn oldest_not_final(db: &Connection) -> Result<Option<SlotRow>> {
    let sql = format!("{COLUMNS} where state in ('settled', 'adjusted') order by slot limit 1");
    db.prepare_cached(&sql)?.query_row([], read).optional()
}

/// Moves a slot to a state and notes when. An adjusted slot may be adjusted again.
pub(crate) fn enter(db: &Connection, slot: Slot, state: SlotState, at: Timestamp) -> Result<()> {
    db.prepare_cached("update slot set state = ?2 where slot = ?1")?
        .execute(params![slot.index(), word(&state)])?;
    insert_step(db, slot, state, at)
}

fn insert_step(db: &Connection, slot: Slot, state: SlotState, at: Timestamp) -> Result<()> {
    db.prepare_cached("insert or replace into slot_step (slot, state, at_ms) values (?1, ?2, ?3)")?
        .execute(params![slot.index(), word(&state), at.millis()])?;
    event::insert_step(db, slot, state, at)
}

pub(crate) fn set_settled(db: &Connection, slot: Slot, config_version: i64, traded: WattHours) -> Result<()> {
    db.prepare_cached("update slot set config_version = ?2, version = 1, traded_wh = ?3 where slot = ?1")?
        .execute(params![slot.index(), config_version, traded.get()])?;
    Ok(())
}

/// Returns the configuration under which a slot was settled.
pub(crate) fn config_version(db: &Connection, slot: Slot) -> Result<u32> {
    db.prepare_cached("select config_version from slot where slot = ?1")?
        .query_row([slot.index()], |row| row.get(0))
}

/// Notes that no entries of the log tell of a slot.
pub(crate) fn set_before_log(db: &Connection, slot: Slot) -> Result<()> {
    db.prepare_cached("update slot set before_log = 1 where slot = ?1")?.execute([slot.index()])?;
    Ok(())
}

/// Returns when a slot entered the states that it has passed.
pub(crate) fn steps(db: &Connection, slot: Slot) -> Result<Vec<(SlotState, Timestamp)>> {
    db.prepare_cached("select state, at_ms from slot_step where slot = ?1 order by at_ms")?
        .query_map([slot.index()], |row| Ok((row.text::<Word<SlotState>>("state")?.0, row.time("at_ms")?)))?
        .collect()
}

pub(crate) fn set_version(db: &Connection, slot: Slot, version: u32) -> Result<()> {
    db.prepare_cached("update slot set version = ?2 where slot = ?1")?
        .execute(params![slot.index(), version])?;
    Ok(())
}

pub(crate) fn insert_areas(db: &Connection, slot: Slot, areas: &[AreaOutcome]) -> Result<()> {
    let mut insert = db.prepare_cached(
        "insert into slot_area (slot, position, area, price_micros_per_kwh, flow_to_parent_wh)
         values (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (position, area) in areas.iter().enumerate() {
        insert.execute(params![
            slot.index(),
            position as i64,
            area.id.as_str(),
            area.price.map(Price::micros_per_kwh),
            area.flow_to_parent.get()
        ])?;
    }
    Ok(())
}

/// Returns the outcome of each area of the slots `[from, to)`.
pub(crate) fn areas(db: &Connection, slots: Range<Slot>) -> Result<Vec<(Slot, AreaOutcome)>> {
    db.prepare_cached(
        "select slot, area, price_micros_per_kwh, flow_to_parent_wh from slot_area
         where slot >= ?1 and slot < ?2 order by slot, position",
    )?
    .query_map([slots.start.index(), slots.end.index()], |row| {
        let outcome = AreaOutcome {
            id: row.text("area")?,
            price: row.get::<_, Option<i64>>("price_micros_per_kwh")?.map(Price::from_micros_per_kwh),
            flow_to_parent: row.energy("flow_to_parent_wh")?,
        };
        Ok((row.slot("slot")?, outcome))
    })?
    .collect()
}

pub(crate) fn prices(outcomes: &[AreaOutcome]) -> Vec<AreaPrice> {
    outcomes.iter().map(|area| AreaPrice { id: area.id.clone(), price: area.price }).collect()
}

fn read(row: &Row) -> Result<SlotRow> {
    Ok(SlotRow {
        slot: row.slot("slot")?,
        state: row.text::<Word<SlotState>>("state")?.0,
        version: row.get("version")?,
        traded: row.get::<_, Option<i64>>("traded_wh")?.map(WattHours::new),
    })
}
