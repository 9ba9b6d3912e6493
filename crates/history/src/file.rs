//! Opening: a new file, a present one, an older one, a damaged one. Never a silent empty start.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use units::Timestamp;

use crate::error::HistoryError;
use crate::handle::{History, Place, prepare_to_write};
use crate::schema::{self, SCHEMA_VERSION};
use crate::snapshots;

/// Whether a process trades with the history or only looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    ReadWrite,
    ReadOnly,
}

/// How a history came to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was none: it is new and empty.
    New,
    Existing,
    /// It was damaged or gone and begins again from a snapshot. The owner must be told.
    Restored {
        snapshot_at: Timestamp,
        /// Where the damaged file is kept; missing where there was no file at all.
        kept_as: Option<PathBuf>,
    },
}

impl History {
    /// Opens a history; for writing, makes a new one where there is none.
    ///
    /// A damaged file is an error here; [`Self::open_or_restore`] does something about it.
    pub fn open(path: &Path, mode: OpenMode) -> Result<Self, HistoryError> {
        match mode {
            OpenMode::ReadWrite => open_to_write(path).map_err(|cause| cause.attempting("opening").at(path)),
            OpenMode::ReadOnly => open_to_read(path).map_err(|cause| cause.attempting("opening").at(path)),
        }
    }

    /// Opens a history for writing. Where the file is damaged or gone, it begins again from the newest
    /// intact snapshot, and the damaged file is moved aside, never deleted.
    pub fn open_or_restore(path: &Path, now: Timestamp) -> Result<(Self, Opened), HistoryError> {
        if !exists(path)? {
            return match snapshots::newest_intact(path)? {
                Some(snapshot) => restored(path, &snapshot, now),
                None => Ok((Self::open(path, OpenMode::ReadWrite)?, Opened::New)),
            };
        }
        match Self::open(path, OpenMode::ReadWrite) {
            Ok(history) => Ok((history, Opened::Existing)),
            Err(HistoryError::Corrupt { detail, .. }) => match snapshots::newest_intact(path)? {
                Some(snapshot) => restored(path, &snapshot, now),
                None => Err(HistoryError::NoSnapshot { path: path.to_owned(), detail }),
            },
            Err(other) => Err(other),
        }
    }

    /// Puts a backup in the place of a history that no process has open; returns where the present file
    /// is kept, if there was one.
    pub fn restore(path: &Path, backup: &Path, now: Timestamp) -> Result<Option<PathBuf>, HistoryError> {
        check_whole(backup)?;
        snapshots::put_in_place(path, backup, now)
    }
}

fn restored(
    path: &Path,
    snapshot: &snapshots::Snapshot,
    now: Timestamp,
) -> Result<(History, Opened), HistoryError> {
    let kept_as = snapshots::put_in_place(path, &snapshot.path, now)?;
    tracing::warn!(history = %path.display(), snapshot = %snapshot.path.display(), "history restored");
    let history = History::open(path, OpenMode::ReadWrite)?;
    Ok((history, Opened::Restored { snapshot_at: snapshot.at, kept_as }))
}

fn open_to_write(path: &Path) -> Result<History, HistoryError> {
    if !exists(path)? {
        create(path)?;
    }
    refuse_empty(path)?;
    let place = Place::File(path.to_owned());
    let (connection, found) = connect_to_write(&place, path).map_err(|cause| unwritable(cause, path))?;
    let connection = bring_up_to_date(connection, path, found, &schema::STEPS)?;
    History::with_writer(place, connection)
}

fn connect_to_write(place: &Place, path: &Path) -> Result<(Connection, u32), HistoryError> {
    let connection = place.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Before anything is written: the file of another program, or of a newer one, is left alone.
    let found = version_of(&connection, path)?;
    // SQLite opens a write-protected file for reading without a word.
    if connection.is_readonly("main")? {
        return Err(HistoryError::ReadOnly { path: path.to_owned() });
    }
    prepare_to_write(&connection)?;
    check(&connection, path)?;
    Ok((connection, found))
}

/// A file that is there and cannot be opened for writing is one that may not be, or whose folder takes
/// no log file beside it.
fn unwritable(cause: HistoryError, path: &Path) -> HistoryError {
    match &cause {
        HistoryError::Sql { cause: sql, .. } if sql.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
            HistoryError::ReadOnly { path: path.to_owned() }
        }
        _ => cause,
    }
}

fn bring_up_to_date(
    mut connection: Connection,
    path: &Path,
    found: u32,
    steps: &[&str],
) -> Result<Connection, HistoryError> {
    let known = schema::version_after(steps);
    if found < known {
        snapshots::before_migration(path, &connection, found, known)?;
        schema::migrate(&mut connection, found, steps)?;
        tracing::info!(from = found, to = known, "history brought up to date");
    }
    Ok(connection)
}

/// Makes the file under another name and moves it into place, so that a file of this name is either
/// whole or damaged, never half begun.
fn create(path: &Path) -> Result<(), HistoryError> {
    let draft = snapshots::beside(path, ".new");
    for rest in [draft.clone(), snapshots::beside(&draft, "-wal"), snapshots::beside(&draft, "-shm")] {
        remove_if_present(&rest)?;
    }
    // Creating it first tells a folder that forbids it from one that is not there.
    fs::File::create_new(&draft).map_err(|cause| file_error("creating", &draft, cause).at(path))?;
    let connection = Connection::open(&draft)?;
    schema::create(&connection)?;
    connection.close().map_err(|(_, cause)| cause)?;
    snapshots::move_aside_logs(path)?;
    snapshots::rename_durably(&draft, path)
}

fn open_to_read(path: &Path) -> Result<History, HistoryError> {
    if !exists(path)? {
        return Err(HistoryError::Absent { path: path.to_owned() });
    }
    refuse_empty(path)?;
    let place = Place::File(path.to_owned());
    let (place, connection, found) = match try_to_read(place, path) {
        // A file in WAL mode wants its helpers beside it. Where nobody may make them nobody writes
        // either, and it can be read as it lies there, unless its log holds what it lacks.
        Err(HistoryError::Sql { .. } | HistoryError::ReadOnly { .. }) if !has_log(path) => {
            try_to_read(Place::Immutable(path.to_owned()), path)?
        }
        other => other?,
    };
    if found < SCHEMA_VERSION {
        return Err(HistoryError::Older { path: path.to_owned(), found, known: SCHEMA_VERSION });
    }
    Ok(History::for_reading(place, connection))
}

fn has_log(path: &Path) -> bool {
    fs::metadata(snapshots::beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

fn try_to_read(place: Place, path: &Path) -> Result<(Place, Connection, u32), HistoryError> {
    let connection = place.open_to_read()?;
    let found = version_of(&connection, path)?;
    Ok((place, connection, found))
}

/// Returns the version of a history that this program can read or bring up to date.
pub fn version_of(connection: &Connection, path: &Path) -> Result<u32, HistoryError> {
    let path = path.to_owned();
    match schema::version(connection)? {
        None => Err(HistoryError::Foreign { path }),
        Some(found) if found > SCHEMA_VERSION => {
            Err(HistoryError::Newer { path, found, known: SCHEMA_VERSION })
        }
        Some(found) => Ok(found),
    }
}

/// Reads every page of the file, and says what is wrong first.
pub fn check(connection: &Connection, path: &Path) -> Result<(), HistoryError> {
    let verdict: String = connection.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(HistoryError::Corrupt { path: path.to_owned(), detail: verdict.replace('\n', "; ") })
}

/// Checks a file that nobody writes: a snapshot or a backup.
pub fn check_whole(path: &Path) -> Result<(), HistoryError> {
    if !exists(path)? {
        return Err(HistoryError::Absent { path: path.to_owned() });
    }
    refuse_empty(path)?;
    let checked = Place::Immutable(path.to_owned()).open_to_read().and_then(|connection| {
        version_of(&connection, path)?;
        check(&connection, path)
    });
    checked.map_err(|cause| cause.attempting("checking").at(path))
}

/// SQLite takes an empty file for a new database; here it is one that lost its content.
fn refuse_empty(path: &Path) -> Result<(), HistoryError> {
    let length = fs::metadata(path).map_err(|cause| file_error("looking at", path, cause))?.len();
    if length > 0 {
        return Ok(());
    }
    Err(HistoryError::Corrupt { path: path.to_owned(), detail: "the file is empty".to_owned() })
}

pub fn exists(path: &Path) -> Result<bool, HistoryError> {
    path.try_exists().map_err(|cause| file_error("looking for", path, cause))
}

pub fn remove_if_present(path: &Path) -> Result<(), HistoryError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(file_error("removing", path, cause)),
        _ => Ok(()),
    }
}

/// Tells what a person can do something about from what only the system knows.
pub fn file_error(attempt: &'static str, path: &Path, cause: std::io::Error) -> HistoryError {
    match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            HistoryError::ReadOnly { path: path.to_owned() }
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => HistoryError::StorageFull,
        _ => HistoryError::File { attempt, path: path.to_owned(), cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What later versions might do, first something that works and then something that does not.
    const GOOD: &str = "alter table settings add column note text; update settings set note = 'kept'";
    const BAD: &str = "create table half (x integer) strict; insert into nowhere values (1)";

    const ORPHANS: &str = "insert into slot_revisions
        values (7, 1, 1, 1, 1, 1, 1, 1, 1, 'measured', 'counter', 1)";

    fn old_history() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        History::open(&path, OpenMode::ReadWrite).unwrap().set_setting("name", "old").unwrap();
        (folder, path)
    }

    /// Takes further steps beyond the present version.
    fn update(path: &Path, further: &[&str]) -> Result<Connection, HistoryError> {
        let steps = [&schema::STEPS, further].concat();
        let connection = Place::File(path.to_owned()).open(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let found = schema::version(&connection).unwrap().unwrap();
        bring_up_to_date(connection, path, found, &steps)
    }

    /// Returns where the file is kept as it was before so many further steps, from so many on.
    fn copy_of_before(path: &Path, to: u32, from: u32) -> PathBuf {
        let version = |further| schema::SCHEMA_VERSION + further;
        let name = format!("before-version-{}-from-{}.sqlite", version(to), version(from));
        path.with_file_name("snapshots").join(name)
    }

    #[test]
    fn an_update_keeps_every_row_and_the_file_as_it_was() {
        let (_folder, path) = old_history();
        let updated = update(&path, &[GOOD]).unwrap();
        let note: String =
            updated.query_row("select note from settings where key = 'name'", [], |row| row.get(0)).unwrap();
        assert_eq!(note, "kept");
        assert_eq!(schema::version(&updated).unwrap(), Some(schema::SCHEMA_VERSION + 1));
        let before = copy_of_before(&path, 1, 0);
        let before = History::open(&before, OpenMode::ReadOnly).unwrap();
        assert_eq!(before.setting("name").unwrap().as_deref(), Some("old"));
    }

    #[test]
    fn a_file_of_the_present_version_is_not_updated() {
        let (_folder, path) = old_history();
        update(&path, &[GOOD]).unwrap();
        update(&path, &[GOOD]).unwrap();
        update(&path, &[]).unwrap();
        assert!(!copy_of_before(&path, 2, 1).exists());
    }

    #[test]
    fn an_update_that_fails_leaves_the_file_as_it_was_and_may_be_tried_again() {
        let (_folder, path) = old_history();
        for bad in [BAD, ORPHANS] {
            assert!(update(&path, &[GOOD, bad]).is_err());
            let history = History::open(&path, OpenMode::ReadWrite).unwrap();
            assert_eq!(history.setting("name").unwrap().as_deref(), Some("old"));
        }
        assert!(copy_of_before(&path, 2, 0).exists());
    }

    #[test]
    fn the_older_program_goes_on_with_the_copy() {
        let (_folder, path) = old_history();
        update(&path, &[GOOD]).unwrap();
        assert!(matches!(History::open(&path, OpenMode::ReadWrite), Err(HistoryError::Newer { .. })));
        let before = copy_of_before(&path, 1, 0);
        let kept = History::restore(&path, &before, Timestamp::from_seconds(0)).unwrap();
        assert!(kept.is_some_and(|newer| newer.exists()));
        let history = History::open(&path, OpenMode::ReadWrite).unwrap();
        assert_eq!(history.setting("name").unwrap().as_deref(), Some("old"));
    }
}
