//! Copies of the running history: rolling snapshots, backups, and the copy before an update.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use units::Timestamp;

use crate::error::HistoryError;
use crate::file::{check, check_whole, exists, file_error, remove_if_present};
use crate::handle::History;

/// How many rolling snapshots stay. Each was whole when it was made; three reach back three days where
/// one is made a day.
pub const SNAPSHOTS_KEPT: usize = 3;

/// A rolling snapshot of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub at: Timestamp,
    pub path: PathBuf,
}

impl History {
    /// Makes a snapshot in the folder `snapshots` beside the history and drops the oldest; returns its
    /// path. It is consistent while others write, and checked before it takes an older one's place.
    pub fn snapshot(&self, now: Timestamp) -> Result<PathBuf, HistoryError> {
        let path = self.path().ok_or_else(|| HistoryError::Absent { path: PathBuf::from("(memory)") })?;
        let folder = folder_of(path);
        fs::create_dir_all(&folder).map_err(|cause| file_error("creating", &folder, cause))?;
        let target = folder.join(format!("{}{}.sqlite", prefix_of(path), compact(now)));
        self.copy_to(&target)?;
        for old in snapshots_of(path)?.into_iter().skip(SNAPSHOTS_KEPT) {
            remove_if_present(&old.path)?;
        }
        Ok(target)
    }

    /// Copies the history, as it is at this moment, to a file that does not exist yet.
    pub fn backup(&self, target: &Path) -> Result<(), HistoryError> {
        if exists(target)? {
            return Err(HistoryError::InTheWay { path: target.to_owned() });
        }
        self.copy_to(target)
    }

    /// Returns the rolling snapshots, newest first.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, HistoryError> {
        self.path().map_or_else(|| Ok(Vec::new()), snapshots_of)
    }

    fn copy_to(&self, target: &Path) -> Result<(), HistoryError> {
        if self.is_writable() {
            self.flush()?;
        }
        copy(&self.reader()?, target).map_err(|cause| cause.attempting("copying").at(target))
    }
}

/// Keeps the file as it was before it is brought up to date, so that the older program can go on with
/// it. An update that was interrupted left the file as it was, so its copy may be made again.
pub fn before_migration(
    path: &Path,
    connection: &Connection,
    found: u32,
    known: u32,
) -> Result<(), HistoryError> {
    let folder = folder_of(path);
    fs::create_dir_all(&folder).map_err(|cause| file_error("creating", &folder, cause))?;
    copy(connection, &folder.join(format!("before-version-{known}-from-{found}.sqlite")))
}

/// Returns the newest snapshot that is whole.
pub fn newest_intact(path: &Path) -> Result<Option<Snapshot>, HistoryError> {
    for snapshot in snapshots_of(path)? {
        match check_whole(&snapshot.path) {
            Ok(()) => return Ok(Some(snapshot)),
            Err(cause) => {
                tracing::warn!(snapshot = %snapshot.path.display(), %cause, "a snapshot is of no use");
            }
        }
    }
    Ok(None)
}

/// Puts a copy of a file in the place of the history; returns where the present one is kept.
///
/// A crash in between leaves no file of that name, which the next opening mends from the snapshots.
pub fn put_in_place(path: &Path, source: &Path, now: Timestamp) -> Result<Option<PathBuf>, HistoryError> {
    let draft = beside(path, ".new");
    fs::copy(source, &draft).map_err(|cause| file_error("copying", source, cause))?;
    sync(&draft)?;
    let kept_as = if exists(path)? {
        let aside = free_name(&beside(path, &format!(".aside-{}", compact(now))))?;
        rename(path, &aside)?;
        for log in ["-wal", "-shm"] {
            let log_file = beside(path, log);
            if exists(&log_file)? {
                rename(&log_file, &beside(&aside, log))?;
            }
        }
        Some(aside)
    } else {
        None
    };
    move_aside_logs(path)?;
    rename_durably(&draft, path)?;
    Ok(kept_as)
}

/// Moves the log of a file that is gone out of the way: SQLite would play it into the next file of that
/// name.
pub fn move_aside_logs(path: &Path) -> Result<(), HistoryError> {
    for log in ["-wal", "-shm"] {
        let log_file = beside(path, log);
        if exists(&log_file)? {
            rename(&log_file, &free_name(&beside(&log_file, ".aside"))?)?;
        }
    }
    Ok(())
}

/// Renames a synced file and syncs its folder, so that a power cut leaves the old name or the new.
pub fn rename_durably(from: &Path, to: &Path) -> Result<(), HistoryError> {
    rename(from, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync(folder)
}

/// Returns a path with something appended to its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies a database through SQLite, checks the copy, and only then gives it its name.
fn copy(source: &Connection, target: &Path) -> Result<(), HistoryError> {
    let draft = beside(target, ".partial");
    remove_if_present(&draft)?;
    fs::File::create_new(&draft).map_err(|cause| file_error("creating", &draft, cause))?;
    let mut copy = Connection::open(&draft)?;
    // All pages in one step: the writer goes on meanwhile, and the copy shows one instant.
    let step = Backup::new(source, &mut copy)?.step(-1)?;
    if step != StepResult::Done {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some("the history was locked".to_owned()),
        )
        .into());
    }
    // One file that needs no log beside it.
    copy.query_row("pragma journal_mode = delete", [], |_| Ok(()))?;
    check(&copy, target)?;
    copy.close().map_err(|(_, cause)| cause)?;
    sync(&draft)?;
    rename_durably(&draft, target)
}

fn snapshots_of(path: &Path) -> Result<Vec<Snapshot>, HistoryError> {
    let folder = folder_of(path);
    if !exists(&folder)? {
        return Ok(Vec::new());
    }
    let prefix = prefix_of(path);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|cause| file_error("listing", &folder, cause))? {
        let entry = entry.map_err(|cause| file_error("listing", &folder, cause))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let time = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".sqlite"));
        if let Some(at) = time.and_then(parse_compact) {
            found.push(Snapshot { at, path: entry.path() });
        }
    }
    found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.at));
    Ok(found)
}

fn folder_of(path: &Path) -> PathBuf {
    path.with_file_name("snapshots")
}

fn prefix_of(path: &Path) -> String {
    format!("{}-", path.file_stem().unwrap_or_default().to_string_lossy())
}

/// Writes a time so that every file system takes it as part of a name.
fn compact(time: Timestamp) -> String {
    time.to_string().replace(':', "")
}

/// Reads `2026-06-01T120000Z`.
fn parse_compact(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let (hours, minutes, rest) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    format!("{date}T{hours}:{minutes}:{rest}").parse().ok()
}

/// Returns a name that is not taken: the given one, or with a number after it.
fn free_name(path: &Path) -> Result<PathBuf, HistoryError> {
    let mut name = path.to_owned();
    let mut number = 2;
    while exists(&name)? {
        name = beside(path, &format!("-{number}"));
        number += 1;
    }
    Ok(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), HistoryError> {
    fs::rename(from, to).map_err(|cause| file_error("renaming", from, cause))
}

fn sync(path: &Path) -> Result<(), HistoryError> {
    let synced = fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|cause| file_error("syncing", path, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_snapshot_is_read_back_from_its_name() {
        for millis in [0, 1_780_000_000_000, 1_780_000_000_123] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(parse_compact(&compact(time)), Some(time));
        }
        assert_eq!(parse_compact("yesterday"), None);
    }
}
