//! The utility's readings: those that count, and the rows of its files that were held aside.

use exchange_api::Registers;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use units::{MemberId, Slot, Timestamp};

use super::reading::ReadingRow;
use crate::service::utility::UtilityRow;
use crate::store::column::Columns as _;

/// Where a row came from, and when.
pub(crate) struct Origin<'a> {
    pub file_sha256: &'a str,
    pub received_at: Timestamp,
}

pub(crate) fn put(
    db: &Connection,
    member: &MemberId,
    row: &UtilityRow,
    origin: &Origin,
    late: bool,
) -> Result<()> {
    let it = &row.registers;
    db.prepare_cached(
        "insert into utility_reading (member, slot, import_start_wh, import_end_wh, export_start_wh, export_end_wh,
             file_sha256, received_at_ms, late) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        member.as_str(),
        row.slot.index(),
        it.import_start_wh.get(),
        it.import_end_wh.get(),
        it.export_start_wh.get(),
        it.export_end_wh.get(),
        origin.file_sha256,
        origin.received_at.millis(),
        late
    ])?;
    Ok(())
}

/// Keeps a row aside; the same file again is kept once.
pub(crate) fn hold(
    db: &Connection,
    row: &UtilityRow,
    origin: &Origin,
    reason: &str,
    detail: &str,
) -> Result<()> {
    let it = &row.registers;
    db.prepare_cached(
        "insert or replace into held_utility_row (file_sha256, line, metering_point, slot, import_start_wh,
             import_end_wh, export_start_wh, export_end_wh, received_at_ms, reason, detail)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        origin.file_sha256,
        row.line,
        row.metering_point,
        row.slot.index(),
        it.import_start_wh.get(),
        it.import_end_wh.get(),
        it.export_start_wh.get(),
        it.export_end_wh.get(),
        origin.received_at.millis(),
        reason,
        detail
    ])?;
    Ok(())
}

const COLUMNS: &str = "select slot, import_start_wh, import_end_wh, export_start_wh, export_end_wh, late
                       from utility_reading where member = ?1 and";

pub(crate) fn find(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<ReadingRow>> {
    one(db, member, slot, "slot = ?2")
}

/// Returns the nearest reading before a slot.
pub(crate) fn before(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<ReadingRow>> {
    one(db, member, slot, "slot < ?2 order by slot desc limit 1")
}

/// Returns the nearest reading after a slot.
pub(crate) fn after(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<ReadingRow>> {
    one(db, member, slot, "slot > ?2 order by slot limit 1")
}

/// Returns the members of whom the utility told late in a slot.
pub(crate) fn late(db: &Connection, slot: Slot) -> Result<Vec<MemberId>> {
    db.prepare_cached("select member from utility_reading where slot = ?1 and late = 1 order by member")?
        .query_map([slot.index()], |row| row.text("member"))?
        .collect()
}

fn one(db: &Connection, member: &MemberId, slot: Slot, which: &str) -> Result<Option<ReadingRow>> {
    db.prepare_cached(&format!("{COLUMNS} {which}"))?
        .query_row(params![member.as_str(), slot.index()], read)
        .optional()
}

fn read(row: &Row) -> Result<ReadingRow> {
    let registers = Registers {
        import_start_wh: row.energy("import_start_wh")?,
        import_end_wh: row.energy("import_end_wh")?,
        export_start_wh: row.energy("export_start_wh")?,
        export_end_wh: row.energy("export_end_wh")?,
    };
    Ok(ReadingRow { slot: row.slot("slot")?, registers: Some(registers), late: row.get("late")? })
}
