//! Brings the tables to the form that this version knows, forward only.

use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;

/// "WTLX": tells an exchange's file from another program's.
const APPLICATION_ID: i64 = 0x5754_4c58;

/// Each step leads from the form of its index to the next.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// How long a command waits for a tool that writes at the same time, such as `invite`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_origin(connection)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Every answer promises durability, so each commit reaches the disk.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch("begin immediate")?;
    match migrate(connection) {
        Ok(()) => Ok(connection.execute_batch("commit")?),
        Err(error) => {
            connection.execute_batch("rollback")?;
            Err(error)
        }
    }
}

/// Looks before anything is touched.
fn check_origin(connection: &Connection) -> Result<(), StoreError> {
    let tables: i64 = connection.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(StoreError::Foreign);
    }
    version(connection).map(|_| ())
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    usize::try_from(found).ok().filter(|_| found <= known).ok_or(StoreError::Newer { found, known })
}

fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let from = version(connection)?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(from) {
        connection.execute_batch(migration)?;
        connection.pragma_update(None, "user_version", index as i64 + 1)?;
        tracing::info!(version = index + 1, "database brought to a new form");
    }
    Ok(connection.pragma_update(None, "application_id", APPLICATION_ID)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_gets_all_tables_and_opening_again_changes_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection).unwrap();
        connection.execute("insert into member values ('a','x','m',1,0,null,null,null)", []).unwrap();
        prepare(&connection).unwrap();
        let members: i64 = connection.query_row("select count(*) from member", [], |row| row.get(0)).unwrap();
        assert_eq!(members, 1);
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_alone() {
        let connection = Connection::open_in_memory().unwrap();
        prepare(&connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(prepare(&connection), Err(StoreError::Newer { found: 99, .. })));
    }

    #[test]
    fn another_programs_file_is_left_alone() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("create table recipe (name text)").unwrap();
        assert!(matches!(prepare(&connection), Err(StoreError::Foreign)));
    }
}
