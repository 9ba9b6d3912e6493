//! Small facts that outlive a restart.

use rusqlite::{Connection, OptionalExtension};

use crate::error::HistoryError;
use crate::handle::History;
use crate::writer::Durability;

impl History {
    /// Returns what is kept under a key.
    pub fn setting(&self, key: &str) -> Result<Option<String>, HistoryError> {
        self.read("reading a setting from", |connection| Ok(get(connection, key)?))
    }

    /// Keeps a value under a key, durably.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<(), HistoryError> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.write("keeping a setting in", Durability::OnDisk, move |connection| {
            Ok(put(connection, &key, &value)?)
        })
    }

    /// Forgets what is kept under a key, durably.
    pub fn clear_setting(&self, key: &str) -> Result<(), HistoryError> {
        let key = key.to_owned();
        self.write("forgetting a setting in", Durability::OnDisk, move |connection| {
            connection.execute("delete from settings where key = ?1", [key])?;
            Ok(())
        })
    }
}

pub fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    let mut query = connection.prepare_cached("select value from settings where key = ?1")?;
    query.query_row([key], |row| row.get(0)).optional()
}

pub fn put(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into settings values (?1, ?2) on conflict do update set value = excluded.value",
        )?
        .execute([key, value])?;
    Ok(())
}
