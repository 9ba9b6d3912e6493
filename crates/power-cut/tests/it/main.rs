//! SQLite itself on a disk whose power is cut: what was committed stays, and the control finds losses.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use power_cut::{Disk, Unsynced};
use rusqlite::{Connection, ErrorCode};

fn open(folder: &Path) -> Connection {
    let db = Connection::open(folder.join("a.sqlite")).unwrap();
    db.pragma_update(None, "journal_mode", "wal").unwrap();
    db.pragma_update(None, "synchronous", "full").unwrap();
    // Small, so that checkpoints happen between the commits.
    db.pragma_update(None, "wal_autocheckpoint", 8).unwrap();
    db.execute_batch("create table if not exists t (n integer primary key, filler blob) strict").unwrap();
    db
}

/// Commits forty rows and returns at which position each was acknowledged.
fn work(disk: &Disk, db: &Connection) -> Vec<usize> {
    let insert = |n: i64| {
        db.execute("insert into t values (?1, randomblob(900))", [n]).unwrap();
        disk.position()
    };
    (0..40).map(insert).collect()
}

/// Cuts everywhere in several ways; returns in how many images an acknowledged row is missing.
fn images_with_losses(disk: &Disk, acknowledged: &[usize]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = disk.replay();
    let mut losses = 0;
    for cut in acknowledged[0]..=replay.steps() {
        replay.forward(cut);
        let promised = acknowledged.partition_point(|position| *position <= cut);
        for (number, unsynced) in
            [Unsynced::Lost, Unsynced::Written, Unsynced::Mixed(cut as u64)].into_iter().enumerate()
        {
            let image = folder.path().join(format!("{cut}-{number}"));
            replay.image(unsynced).write_to(&image).unwrap();
            losses += usize::from(!holds(&image, promised));
            std::fs::remove_dir_all(image).unwrap();
        }
    }
    losses
}

/// Returns whether an image is a sound database with the first so many rows, and nothing between missing.
fn holds(image: &Path, promised: usize) -> bool {
    let count = || -> rusqlite::Result<(String, i64, i64)> {
        let db = Connection::open(image.join("a.sqlite"))?;
        let sound = db.query_row("pragma integrity_check", [], |row| row.get(0))?;
        db.query_row("select count(*), ifnull(max(n) + 1, 0) from t", [], |row| {
            Ok((sound, row.get(0)?, row.get(1)?))
        })
    };
    count().is_ok_and(|(sound, rows, end)| sound == "ok" && rows == end && rows >= promised as i64)
}

#[test]
fn whatever_a_cut_leaves_sqlite_keeps_what_it_committed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::record(folder.path());
    let acknowledged = work(&disk, &open(folder.path()));
    assert!(disk.syncs() > 40, "{} syncs", disk.syncs());
    assert_eq!(images_with_losses(&disk, &acknowledged), 0);
}

#[test]
fn without_syncs_the_same_cuts_lose_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::record(folder.path());
    disk.ignore_synchronous_full();
    let db = open(folder.path());
    let mode: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    let acknowledged = work(&disk, &db);
    let losses = images_with_losses(&disk, &acknowledged);
    assert!(mode == 0 && losses > 50, "synchronous = {mode}, losses in {losses} images");
}

#[test]
fn a_full_disk_and_a_failing_sync_are_told_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::watch(folder.path());
    let db = open(folder.path());
    let insert = || db.execute("insert into t (filler) values (randomblob(9000))", []);
    disk.leave_room(Some(4096));
    assert_eq!(insert().unwrap_err().sqlite_error_code(), Some(ErrorCode::DiskFull));
    disk.leave_room(None);
    insert().unwrap();
    disk.fail_syncs(true);
    assert_eq!(insert().unwrap_err().sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    disk.fail_syncs(false);
    insert().unwrap();
    disk.delay_syncs(Duration::from_millis(20));
    let (began, syncs) = (Instant::now(), disk.syncs());
    insert().unwrap();
    assert!(disk.syncs() > syncs && began.elapsed() >= Duration::from_millis(20));
}

#[test]
fn files_elsewhere_are_left_alone() {
    let [watched, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let disk = Disk::record(watched.path());
    disk.fail_syncs(true);
    drop(open(other.path()));
    assert_eq!((disk.position(), disk.syncs()), (0, 0));
}
