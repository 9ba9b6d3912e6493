//! Versions of the market's configuration.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use units::{Slot, Timestamp};

use crate::store::column::Columns as _;

pub(crate) struct ConfigVersion {
    pub version: i64,
    pub from: Slot,
    pub toml: String,
    /// Who vouches for the utility's readings; missing in a version from before there was such a key.
    pub metering_key: Option<String>,
}

pub(crate) fn insert(
    db: &Connection,
    from: Slot,
    since: Timestamp,
    toml: &str,
    metering_key: &str,
) -> Result<ConfigVersion> {
    db.execute(
        "insert into config_version (from_slot, since_ms, toml, metering_key) values (?1, ?2, ?3, ?4)",
        params![from.index(), since.millis(), toml, metering_key],
    )?;
    let metering_key = Some(metering_key.to_owned());
    Ok(ConfigVersion { version: db.last_insert_rowid(), from, toml: toml.to_owned(), metering_key })
}

const COLUMNS: &str = "select version, from_slot, toml, metering_key from config_version";

/// Returns all versions, the oldest first.
pub(crate) fn all(db: &Connection) -> Result<Vec<ConfigVersion>> {
    db.prepare_cached(&format!("{COLUMNS} order by version"))?.query_map([], read)?.collect()
}

pub(crate) fn latest(db: &Connection) -> Result<Option<ConfigVersion>> {
    db.prepare_cached(&format!("{COLUMNS} order by version desc limit 1"))?.query_row([], read).optional()
}

/// Returns the version that governs a slot: the newest that begins at or before it.
pub(crate) fn governing(db: &Connection, slot: Slot) -> Result<ConfigVersion> {
    db.prepare_cached(&format!("{COLUMNS} where from_slot <= ?1 order by version desc limit 1"))?
        .query_row([slot.index()], read)
}

fn read(row: &rusqlite::Row) -> Result<ConfigVersion> {
    Ok(ConfigVersion {
        version: row.get("version")?,
        from: row.slot("from_slot")?,
        toml: row.get("toml")?,
        metering_key: row.get("metering_key")?,
    })
}
