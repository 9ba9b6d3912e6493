//! A disk for tests: it records what SQLite writes and syncs, cuts the power, and fails on demand.
//!
//! The real program runs unchanged: [`Disk`] registers a VFS beneath SQLite, for the whole process, that
//! passes everything on to the system's own and looks only at files in folders that are watched.
//!
//! ```text
//! let disk = Disk::record(folder);             // before the program opens its file
//! ... run the program; after each answer note `disk.position()` with what was acknowledged ...
//! let mut replay = disk.replay();
//! for cut in [..positions, rising..] {
//!     replay.forward(cut);                     // the power goes after this many steps
//!     replay.image(Unsynced::Mixed(seed)).write_to(other_folder)?;
//!     ... open it there; what was acknowledged at a position <= cut must be in it, once ...
//! }
//! ```
//!
//! What a cut leaves: a write that was synced is there. One that was not may be there, be missing, or be there in
//! sectors of 512 bytes of which each is new, old or scrambled; so may the making, shortening or deleting of a
//! file that was not synced. Files of different names are independent, as they are on a disk.
//!
//! Faults, at any time: [`Disk::delay_syncs`], [`Disk::fail_syncs`], [`Disk::leave_room`] (a full disk), and
//! [`Disk::ignore_synchronous_full`], the control that shows that a test can fail.
//!
//! What it cannot see: files that are not SQLite's (they are taken as they lie when watching begins), writes
//! through a memory map (SQLite makes none to a database unless `mmap_size` is set, and the index of the
//! write-ahead log is made anew after a cut anyway), and other processes.

mod replay;
mod tape;
mod vfs;

pub use replay::{Image, Replay, Unsynced};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tape::Tape;

/// A folder whose SQLite files are watched, until this is dropped and their connections are closed.
#[derive(Debug)]
pub struct Disk(Arc<Watched>);

/// What is known of a folder, and how its disk behaves.
#[derive(Debug)]
struct Watched {
    folder: PathBuf,
    /// What lay there when watching began.
    before: BTreeMap<String, Vec<u8>>,
    /// Missing where only faults are wanted.
    tape: Option<Mutex<Tape>>,
    faults: Faults,
    syncs: AtomicU64,
}

#[derive(Debug)]
struct Faults {
    sync_delay_us: AtomicU64,
    syncs_fail: AtomicBool,
    /// Bytes by which files may still grow.
    room: AtomicU64,
    synchronous_full_is_off: AtomicBool,
}

impl Disk {
    /// Watches a folder and keeps everything that SQLite does there. Panics where the folder cannot be read.
    pub fn record(folder: &Path) -> Self {
        Self::start(folder, true)
    }

    /// Watches a folder for the sake of faults alone: nothing is kept, so it may run for long.
    pub fn watch(folder: &Path) -> Self {
        Self::start(folder, false)
    }

    fn start(folder: &Path, recorded: bool) -> Self {
        let folder = folder.canonicalize().expect("the folder is there");
        let before = if recorded { files(&folder).expect("the folder is readable") } else { BTreeMap::new() };
        let faults = Faults {
            sync_delay_us: AtomicU64::new(0),
            syncs_fail: AtomicBool::new(false),
            room: AtomicU64::new(u64::MAX),
            synchronous_full_is_off: AtomicBool::new(false),
        };
        let tape = recorded.then(Mutex::default);
        let watched = Arc::new(Watched { folder, before, tape, faults, syncs: AtomicU64::new(0) });
        vfs::watch(&watched);
        Self(watched)
    }

    /// Returns how many steps were recorded: a cut at this position keeps all that was synced until now.
    pub fn position(&self) -> usize {
        self.0.tape.as_ref().map_or(0, |tape| tape.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// Returns what was recorded so far, to be cut anywhere.
    pub fn replay(&self) -> Replay {
        let steps =
            self.0.tape.as_ref().map(|tape| tape.lock().unwrap_or_else(PoisonError::into_inner).steps());
        Replay::new(&self.0.before, steps.unwrap_or_default())
    }

    /// Returns how often the disk was asked to make a file durable.
    pub fn syncs(&self) -> u64 {
        self.0.syncs.load(Ordering::SeqCst)
    }

    /// Lets each sync last so much longer.
    pub fn delay_syncs(&self, delay: Duration) {
        self.0.faults.sync_delay_us.store(delay.as_micros() as u64, Ordering::SeqCst);
    }

    /// Lets each sync fail, or succeed again.
    pub fn fail_syncs(&self, fail: bool) {
        self.0.faults.syncs_fail.store(fail, Ordering::SeqCst);
    }

    /// Lets files grow by so many bytes in all before the disk is full; `None` is a disk without end.
    pub fn leave_room(&self, bytes: Option<u64>) {
        self.0.faults.room.store(bytes.unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Lets connections that ask for `synchronous = full` from now on have `off` instead.
    pub fn ignore_synchronous_full(&self) {
        self.0.faults.synchronous_full_is_off.store(true, Ordering::SeqCst);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        vfs::forget(&self.0);
    }
}

fn files(folder: &Path) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}
