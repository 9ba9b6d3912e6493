//! Versions of the market's configuration.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use units::{Slot, Timestamp};

use crate::store::column::Columns as _;

pub(crate) struct ConfigVersion {
    pub version: i64,
    pub from: Slot,
    pub toml: String,
}

pub(crate) fn insert(db: &Connection, from: Slot, since: Timestamp, toml: &str) -> Result<i64> {
    db.execute(
        "insert into config_version (from_slot, since_ms, toml) values (?1, ?2, ?3)",
        params![from.index(), since.millis(), toml],
    )?;
    Ok(db.last_insert_rowid())
}

pub(crate) fn latest(db: &Connection) -> Result<Option<ConfigVersion>> {
    let sql = "select version, from_slot, toml from config_version order by version desc limit 1";
    db.prepare_cached(sql)?.query_row([], read).optional()
}

/// Returns the version that governs a slot: the newest that begins at or before it.
pub(crate) fn governing(db: &Connection, slot: Slot) -> Result<ConfigVersion> {
    let sql = "select version, from_slot, toml from config_version where from_slot <= ?1
               order by version desc limit 1";
    db.prepare_cached(sql)?.query_row([slot.index()], read)
}

fn read(row: &rusqlite::Row) -> Result<ConfigVersion> {
    Ok(ConfigVersion { version: row.get("version")?, from: row.slot("from_slot")?, toml: row.get("toml")? })
}
