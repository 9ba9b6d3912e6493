//! The file's life: new, newer, foreign, damaged, gone, restored. Never a silent empty start.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use history::{History, HistoryError, OpenMode, Opened, SCHEMA_VERSION, SNAPSHOTS_KEPT};
use tempfile::TempDir;

use crate::children::child;
use crate::support::{grid, noon, noon_slot, order, sample_at, seconds};

struct Folder {
    folder: TempDir,
    path: PathBuf,
}

/// Makes a folder with a history that holds a setting.
fn folder_with_history() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let history = History::open(&path, OpenMode::ReadWrite).unwrap();
    history.set_setting("name", "Linden street 4").unwrap();
    Folder { folder, path }
}

impl Folder {
    fn open(&self) -> Result<History, HistoryError> {
        History::open(&self.path, OpenMode::ReadWrite)
    }

    fn open_or_restore(&self) -> Result<(History, Opened), HistoryError> {
        History::open_or_restore(&self.path, noon() + seconds(7200))
    }

    /// Damages the middle of the file as a dying memory card does.
    fn damage(&self) {
        let mut bytes = fs::read(&self.path).unwrap();
        for byte in &mut bytes[4096..20_000] {
            *byte = 0xa5;
        }
        fs::write(&self.path, bytes).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn name_in(history: &History) -> Option<String> {
    history.setting("name").unwrap()
}

#[test]
fn a_history_is_new_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let (history, opened) = History::open_or_restore(&path, noon()).unwrap();
    assert_eq!(opened, Opened::New);
    drop(history);
    assert_eq!(History::open_or_restore(&path, noon()).unwrap().1, Opened::Existing);
}

#[test]
fn a_start_that_was_cut_short_before_the_file_had_its_name_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("history.sqlite.new"), b"half a file").unwrap();
    History::open(&folder.path().join("history.sqlite"), OpenMode::ReadWrite).unwrap();
}

#[test]
fn a_log_whose_file_is_gone_is_not_played_into_a_new_one() {
    let folder = folder_with_history();
    let history = folder.open().unwrap();
    history.set_setting("name", "in the log").unwrap();
    let log = folder.folder.path().join("history.sqlite-wal");
    let bytes = fs::read(&log).unwrap();
    assert!(!bytes.is_empty());
    drop(history);
    fs::remove_file(&folder.path).unwrap();
    fs::write(&log, bytes).unwrap();
    assert_eq!(name_in(&folder.open().unwrap()), None);
    assert!(folder.names().contains(&"history.sqlite-wal.aside".to_owned()), "it is kept, too");
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let folder = folder_with_history();
    rusqlite::Connection::open(&folder.path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&folder.path).unwrap();
    for mode in [OpenMode::ReadWrite, OpenMode::ReadOnly] {
        let refused = History::open(&folder.path, mode).unwrap_err();
        assert!(matches!(refused, HistoryError::Newer { found: 99, known: SCHEMA_VERSION, .. }), "{refused}");
        assert!(refused.to_string().contains("written by a newer Wattle"));
    }
    assert!(matches!(folder.open_or_restore(), Err(HistoryError::Newer { .. })));
    assert_eq!(fs::read(&folder.path).unwrap(), before);
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch("create table t (x)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(History::open(&path, OpenMode::ReadWrite), Err(HistoryError::Foreign { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_an_emptied_file_and_one_that_is_no_database_are_corrupt() {
    let folder = folder_with_history();
    folder.damage();
    assert!(matches!(folder.open(), Err(HistoryError::Corrupt { .. })));
    for content in [&b""[..], &b"this is not a database, it is a letter to the editor"[..]] {
        fs::write(&folder.path, content).unwrap();
        for mode in [OpenMode::ReadWrite, OpenMode::ReadOnly] {
            let refused = History::open(&folder.path, mode).unwrap_err();
            assert!(
                matches!(&refused, HistoryError::Corrupt { path, .. } if *path == folder.path),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_damaged_history_begins_again_from_its_snapshot_and_is_kept() {
    let folder = folder_with_history();
    folder.open().unwrap().snapshot(noon()).unwrap();
    folder.damage();
    let damaged = fs::read(&folder.path).unwrap();
    let (history, opened) = folder.open_or_restore().unwrap();
    let Opened::Restored { snapshot_at, kept_as: Some(kept_as) } = opened else { panic!("{opened:?}") };
    assert_eq!(snapshot_at, noon());
    assert_eq!(kept_as.file_name().unwrap(), "history.sqlite.aside-2026-06-01T140000Z");
    assert_eq!(fs::read(kept_as).unwrap(), damaged);
    assert_eq!(name_in(&history).as_deref(), Some("Linden street 4"));
    drop(history);
    assert_eq!(folder.open_or_restore().unwrap().1, Opened::Existing);
}

#[test]
fn a_history_that_is_gone_begins_again_from_its_snapshot() {
    let folder = folder_with_history();
    folder.open().unwrap().snapshot(noon()).unwrap();
    fs::remove_file(&folder.path).unwrap();
    let (history, opened) = folder.open_or_restore().unwrap();
    assert_eq!(opened, Opened::Restored { snapshot_at: noon(), kept_as: None });
    assert_eq!(name_in(&history).as_deref(), Some("Linden street 4"));
}

#[test]
fn a_snapshot_that_is_damaged_itself_is_passed_over_for_an_older_one() {
    let folder = folder_with_history();
    let history = folder.open().unwrap();
    history.snapshot(noon()).unwrap();
    let newer = history.snapshot(noon() + seconds(3600)).unwrap();
    drop(history);
    fs::write(newer, b"no longer a database").unwrap();
    folder.damage();
    let (_, opened) = folder.open_or_restore().unwrap();
    assert!(matches!(opened, Opened::Restored { snapshot_at, .. } if snapshot_at == noon()));
}

#[test]
fn without_a_snapshot_a_damaged_history_is_an_error_and_stays_where_it_is() {
    let folder = folder_with_history();
    folder.damage();
    let damaged = fs::read(&folder.path).unwrap();
    let refused = folder.open_or_restore().unwrap_err();
    assert!(matches!(refused, HistoryError::NoSnapshot { .. }), "{refused}");
    assert_eq!(fs::read(&folder.path).unwrap(), damaged);
}

#[test]
fn a_damaged_history_makes_no_snapshot_that_would_push_out_a_whole_one() {
    let folder = folder_with_history();
    folder.open().unwrap().snapshot(noon()).unwrap();
    let history = folder.open().unwrap();
    folder.damage();
    assert!(history.snapshot(noon() + seconds(3600)).is_err());
    assert_eq!(history.snapshots().unwrap().len(), 1);
}

#[test]
fn snapshots_roll_and_hold_what_waited_in_memory() {
    let folder = folder_with_history();
    let history = folder.open().unwrap();
    history.record_sample(&grid(), &sample_at(noon(), 5), noon()).unwrap();
    let made: Vec<_> = (0..5).map(|hour| history.snapshot(noon() + seconds(3600 * hour)).unwrap()).collect();
    let kept: Vec<_> = history.snapshots().unwrap().into_iter().rev().map(|snapshot| snapshot.path).collect();
    assert_eq!(kept, made[5 - SNAPSHOTS_KEPT..]);
    let snapshot = History::open(&kept[0], OpenMode::ReadOnly).unwrap();
    assert_eq!(snapshot.latest_sample(&grid()).unwrap(), Some(sample_at(noon(), 5)));
}

#[test]
fn a_backup_restores_and_never_overwrites() {
    let folder = folder_with_history();
    let backup = folder.folder.path().join("backup.sqlite");
    let history = folder.open().unwrap();
    history.backup(&backup).unwrap();
    assert!(matches!(history.backup(&backup), Err(HistoryError::InTheWay { .. })));
    history.set_setting("name", "changed since").unwrap();
    drop(history);
    let kept = History::restore(&folder.path, &backup, noon()).unwrap().unwrap();
    assert_eq!(name_in(&folder.open().unwrap()).as_deref(), Some("Linden street 4"));
    assert_eq!(
        name_in(&History::open(&kept, OpenMode::ReadWrite).unwrap()).as_deref(),
        Some("changed since")
    );
}

#[test]
fn what_is_no_history_is_not_restored() {
    let folder = folder_with_history();
    let letter = folder.folder.path().join("letter.txt");
    fs::write(&letter, b"dear sir or madam, as this is not a database").unwrap();
    assert!(matches!(History::restore(&folder.path, &letter, noon()), Err(HistoryError::Corrupt { .. })));
    assert_eq!(name_in(&folder.open().unwrap()).as_deref(), Some("Linden street 4"));
}

#[test]
fn an_onlooker_reads_what_the_trader_writes_and_writes_nothing() {
    let folder = folder_with_history();
    let trader = folder.open().unwrap();
    let onlooker = History::open(&folder.path, OpenMode::ReadOnly).unwrap();
    trader.queue_order(&order("a", noon_slot())).unwrap();
    assert_eq!(onlooker.open_orders().unwrap().len(), 1);
    assert!(!onlooker.is_writable());
    for refused in [
        onlooker.queue_order(&order("b", noon_slot())),
        onlooker.record_sample(&grid(), &sample_at(noon(), 1), noon()),
        onlooker.flush(),
    ] {
        assert!(matches!(refused, Err(HistoryError::OpenedForReading)));
    }
}

#[test]
fn an_onlooker_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    assert!(matches!(History::open(&path, OpenMode::ReadOnly), Err(HistoryError::Absent { .. })));
    assert!(!path.exists());
}

#[test]
fn a_read_only_folder_is_said_to_be_one_and_can_still_be_looked_at() {
    let folder = folder_with_history();
    // The root user may write everywhere, so an ordinary one plays the part; it must reach the program.
    let program = folder.folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let rights = |mode| fs::set_permissions(folder.folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    rights(0o555);
    let mut command = child(&program, "open in a read-only folder", folder.folder.path());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    let output = command.current_dir("/").output().unwrap();
    rights(0o755);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("looked on"));
}

/// The child: cannot write beside the history, nor to it.
pub fn open_in_a_read_only_folder(folder: &Path) {
    for name in ["history.sqlite", "another.sqlite"] {
        let refused = History::open(&folder.join(name), OpenMode::ReadWrite).unwrap_err();
        assert!(matches!(refused, HistoryError::ReadOnly { .. }), "{refused:?}");
        assert!(refused.to_string().contains("read-only"));
    }
    let history = History::open(&folder.join("history.sqlite"), OpenMode::ReadOnly).unwrap();
    assert_eq!(name_in(&history).as_deref(), Some("Linden street 4"));
    println!("looked on");
}
