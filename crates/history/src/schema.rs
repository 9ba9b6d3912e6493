//! The form of the file: which tables, which version, and how an older file becomes a newer one.
//!
//! `schema/` is the present form, one file a table; a new file is made from it. A change there comes with
//! a step in [`STEPS`] that brings existing files along, and with one more version.

use rusqlite::Connection;

use crate::error::HistoryError;

/// Marks a SQLite file as a Wattle history: "WTTL".
pub const APPLICATION_ID: i32 = 0x5754_544c;

/// The version this program writes.
pub const SCHEMA_VERSION: u32 = 3;

/// How large a page is. Every commit writes whole pages, twice, and most change a row or two: with
/// SQLite's usual 4096 the day that the tests live through wrote twice as many bytes.
const PAGE_BYTES: u32 = 1024;

const TABLES: [&str; 28] = [
    include_str!("schema/meters.sql"),
    include_str!("schema/samples.sql"),
    include_str!("schema/meter_marks.sql"),
    include_str!("schema/slots.sql"),
    include_str!("schema/slot_revisions.sql"),
    include_str!("schema/counter_events.sql"),
    include_str!("schema/meter_edits.sql"),
    include_str!("schema/prices.sql"),
    include_str!("schema/area_prices.sql"),
    include_str!("schema/rules.sql"),
    include_str!("schema/decisions.sql"),
    include_str!("schema/orders.sql"),
    include_str!("schema/readings.sql"),
    include_str!("schema/settlements.sql"),
    include_str!("schema/settlement_postings.sql"),
    include_str!("schema/settlement_fills.sql"),
    include_str!("schema/settlement_deals.sql"),
    include_str!("schema/deals.sql"),
    include_str!("schema/memberships.sql"),
    include_str!("schema/settings.sql"),
    include_str!("schema/logs.sql"),
    include_str!("schema/log_pages.sql"),
    include_str!("schema/log_promises.sql"),
    include_str!("schema/log_alarms.sql"),
    include_str!("schema/statements.sql"),
    include_str!("schema/spot_prices.sql"),
    include_str!("schema/weather.sql"),
    include_str!("schema/forecasts.sql"),
];

/// What brings a file from one version to the next, the first from 1 to 2. Forward only.
///
/// A step holds the tables as they were made by it: what changes them later is a step of its own.
pub const STEPS: [&str; SCHEMA_VERSION as usize - 1] =
    [include_str!("schema/steps/2.sql"), include_str!("schema/steps/3.sql")];

/// Makes the tables in an empty database.
pub fn create(connection: &Connection) -> Result<(), HistoryError> {
    let tables = TABLES.concat();
    connection.execute_batch(&format!(
        "pragma page_size = {PAGE_BYTES}; begin; {tables}
         pragma application_id = {APPLICATION_ID}; pragma user_version = {SCHEMA_VERSION}; commit;"
    ))?;
    Ok(())
}

/// Returns the version of a history; `None` for a database of another program.
pub fn version(connection: &Connection) -> Result<Option<u32>, HistoryError> {
    let application: i32 = connection.query_row("pragma application_id", [], |row| row.get(0))?;
    let version: u32 = connection.query_row("pragma user_version", [], |row| row.get(0))?;
    Ok((application == APPLICATION_ID && version > 0).then_some(version))
}

/// Returns the version that a file has after these steps.
pub const fn version_after(steps: &[&str]) -> u32 {
    1 + steps.len() as u32
}

/// Takes the steps from a version on, all or none.
pub fn migrate(connection: &mut Connection, from: u32, steps: &[&str]) -> Result<(), HistoryError> {
    // A step may rebuild a table that others refer to; what they refer to is checked at the end.
    connection.execute_batch("pragma foreign_keys = off")?;
    let transaction = connection.transaction()?;
    for (version, step) in (2..).zip(steps).filter(|(version, _)| *version > from) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    if transaction.prepare("pragma foreign_key_check")?.exists([])? {
        return Err(HistoryError::Contradiction {
            subject: "the history".to_owned(),
            detail: "after bringing it up to date rows refer to rows that are gone".to_owned(),
        });
    }
    transaction.commit()?;
    connection.execute_batch("pragma foreign_keys = on")?;
    Ok(())
}
