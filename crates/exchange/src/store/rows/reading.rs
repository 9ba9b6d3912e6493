//! Readings: the one of a slot that counts, and those held aside.

use exchange_api::{Reading, Registers, SignedReading};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use units::{MarketId, MemberId, Slot, Timestamp, WattHours};

use super::order::seal;
use crate::service::logged::Sealed;
use crate::store::column::Columns as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadingRow {
    pub slot: Slot,
    pub registers: Option<Registers>,
    /// Came after readings closed.
    pub late: bool,
}

impl ReadingRow {
    /// Returns import and export of the slot, if it was measured.
    pub(crate) fn energy(&self) -> Option<(WattHours, WattHours)> {
        self.registers.map(|registers| (imported(&registers), exported(&registers)))
    }
}

pub(crate) fn imported(registers: &Registers) -> WattHours {
    registers.import_end_wh - registers.import_start_wh
}

pub(crate) fn exported(registers: &Registers) -> WattHours {
    registers.export_end_wh - registers.export_start_wh
}

/// Stores the reading of a slot, in place of one that said "not measured".
pub(crate) fn put(
    db: &Connection,
    reading: &SignedReading,
    received_at: Timestamp,
    late: bool,
) -> Result<()> {
    let [import_start, import_end, export_start, export_end] = columns(reading.body.registers.as_ref());
    db.prepare_cached(
        "insert or replace into reading (member, slot, import_start_wh, import_end_wh, export_start_wh,
             export_end_wh, key, salt, signature, received_at_ms, late)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        reading.body.member.as_str(),
        reading.body.slot.index(),
        import_start,
        import_end,
        export_start,
        export_end,
        reading.key.as_str(),
        reading.salt,
        reading.signature,
        received_at.millis(),
        late
    ])?;
    Ok(())
}

/// Keeps a reading aside; the same one again is kept once.
pub(crate) fn hold(
    db: &Connection,
    reading: &SignedReading,
    received_at: Timestamp,
    reason: &str,
    detail: &str,
) -> Result<()> {
    let [import_start, import_end, export_start, export_end] = columns(reading.body.registers.as_ref());
    db.execute(
        "insert or ignore into held_reading (member, slot, import_start_wh, import_end_wh, export_start_wh,
             export_end_wh, key, salt, signature, received_at_ms, reason, detail)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            reading.body.member.as_str(),
            reading.body.slot.index(),
            import_start,
            import_end,
            export_start,
            export_end,
            reading.key.as_str(),
            reading.salt,
            reading.signature,
            received_at.millis(),
            reason,
            detail
        ],
    )?;
    Ok(())
}

const COLUMNS: &str = "select slot, import_start_wh, import_end_wh, export_start_wh, export_end_wh, late
                       from reading where member = ?1 and";

pub(crate) fn find(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<ReadingRow>> {
    one(db, member, slot, "slot = ?2")
}

/// Returns the nearest measured reading before a slot.
pub(crate) fn measured_before(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<ReadingRow>> {
    one(db, member, slot, "slot < ?2 and import_start_wh is not null order by slot desc limit 1")
}

/// Returns the nearest measured reading after a slot.
pub(crate) fn measured_after(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<ReadingRow>> {
    one(db, member, slot, "slot > ?2 and import_start_wh is not null order by slot limit 1")
}

/// Returns the late measured readings of a slot with their members.
pub(crate) fn late(db: &Connection, slot: Slot) -> Result<Vec<(MemberId, ReadingRow)>> {
    db.prepare_cached(
        "select member, slot, import_start_wh, import_end_wh, export_start_wh, export_end_wh, late from reading
         where slot = ?1 and late = 1 and import_start_wh is not null order by member",
    )?
    .query_map([slot.index()], |row| Ok((row.text("member")?, read(row)?)))?
    .collect()
}

const SEALED: &str =
    "select reading.*, metering_point from reading join member on member.id = reading.member";

/// Returns the readings of a slot that count, as they were signed.
pub(crate) fn sealed(db: &Connection, market: &MarketId, slot: Slot) -> Result<Vec<(Reading, Sealed)>> {
    db.prepare_cached(&format!("{SEALED} where slot = ?1 order by member"))?
        .query_map([slot.index()], |row| read_sealed(row, market))?
        .collect()
}

/// As [`find`], as it was signed.
pub(crate) fn find_sealed(
    db: &Connection,
    market: &MarketId,
    member: &MemberId,
    slot: Slot,
) -> Result<Option<(Reading, Sealed)>> {
    db.prepare_cached(&format!("{SEALED} where member = ?1 and slot = ?2"))?
        .query_row(params![member.as_str(), slot.index()], |row| read_sealed(row, market))
        .optional()
}

fn read_sealed(row: &Row, market: &MarketId) -> Result<(Reading, Sealed)> {
    let ReadingRow { slot, registers, .. } = read(row)?;
    let reading = Reading {
        market: market.clone(),
        member: row.text("member")?,
        metering_point: row.get("metering_point")?,
        slot,
        registers,
    };
    Ok((reading, seal(row)?))
}

/// Returns whether every member of a slot has reported, be it that nothing was measured, or the utility has.
pub(crate) fn complete(db: &Connection, slot: Slot) -> Result<bool> {
    let sql = "select not exists (select 1 from member where first_slot <= ?1 and not exists
                   (select 1 from reading where reading.member = member.id and reading.slot = ?1)
                   and not exists (select 1 from utility_reading
                       where utility_reading.member = member.id and utility_reading.slot = ?1))";
    db.prepare_cached(sql)?.query_row([slot.index()], |row| row.get(0))
}

fn one(db: &Connection, member: &MemberId, slot: Slot, which: &str) -> Result<Option<ReadingRow>> {
    db.prepare_cached(&format!("{COLUMNS} {which}"))?
        .query_row(params![member.as_str(), slot.index()], read)
        .optional()
}

fn columns(registers: Option<&Registers>) -> [Option<i64>; 4] {
    match registers {
        None => [None; 4],
        Some(it) => [it.import_start_wh, it.import_end_wh, it.export_start_wh, it.export_end_wh]
            .map(|register| Some(register.get())),
    }
}

fn read(row: &Row) -> Result<ReadingRow> {
    let registers = match row.get::<_, Option<i64>>("import_start_wh")? {
        None => None,
        Some(_) => Some(Registers {
            import_start_wh: row.energy("import_start_wh")?,
            import_end_wh: row.energy("import_end_wh")?,
            export_start_wh: row.energy("export_start_wh")?,
            export_end_wh: row.energy("export_end_wh")?,
        }),
    };
    Ok(ReadingRow { slot: row.slot("slot")?, registers, late: row.get("late")? })
}
