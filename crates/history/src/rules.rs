//! Versions of the owner's rules: what they were at any time, and who changed them.

use rusqlite::{OptionalExtension, Row};
use units::Timestamp;

use crate::error::HistoryError;
use crate::handle::History;
use crate::row;
use crate::writer::Durability;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesVersion {
    /// 1, then one more with each change.
    pub version: u32,
    pub toml: String,
    /// Who saved them: "owner", "file", "undo".
    pub saved_by: String,
    pub saved_at: Timestamp,
}

impl History {
    /// Saves the rules, durably; returns their version. Rules that did not change keep theirs.
    pub fn save_rules(&self, toml: &str, saved_by: &str, now: Timestamp) -> Result<u32, HistoryError> {
        let (toml, saved_by) = (toml.to_owned(), saved_by.to_owned());
        self.write("saving rules in", Durability::OnDisk, move |connection| {
            let present = connection.query_row(NEWEST, [], version).optional()?;
            match present {
                Some(present) if present.toml == toml => Ok(present.version),
                present => {
                    let next = present.map_or(1, |present| present.version + 1);
                    connection.execute(
                        "insert into rules values (?1, ?2, ?3, ?4)",
                        (next, toml, saved_by, now.millis()),
                    )?;
                    Ok(next)
                }
            }
        })
    }

    /// Returns the rules in force.
    pub fn rules_now(&self) -> Result<Option<RulesVersion>, HistoryError> {
        self.read("reading rules from", |connection| {
            Ok(connection.prepare_cached(NEWEST)?.query_row([], version).optional()?)
        })
    }

    /// Returns the newest versions, newest first.
    pub fn rules_log(&self, limit: u32) -> Result<Vec<RulesVersion>, HistoryError> {
        self.read("reading rules from", |connection| {
            let mut query =
                connection.prepare_cached("select * from rules order by version desc limit ?1")?;
            Ok(query.query_map([limit], version)?.collect::<rusqlite::Result<_>>()?)
        })
    }
}

const NEWEST: &str = "select * from rules order by version desc limit 1";

fn version(row: &Row) -> rusqlite::Result<RulesVersion> {
    Ok(RulesVersion {
        version: row.get("version")?,
        toml: row.get("toml")?,
        saved_by: row.get("saved_by")?,
        saved_at: row::time(row, "saved_at_ms")?,
    })
}
