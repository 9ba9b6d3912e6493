//! Backups: the household's history as one file, and a file put in the history's place.

use std::path::{Path, PathBuf};

use history::{History, Lock};
use units::{Clock, LocalDay, ScaledClock, SystemClock, Timestamp};

use crate::config::{HISTORY_FILE, HomeConfig};
use crate::error::{history_refusal, refusal};
use crate::house::Home;
use crate::view::Whole;
use crate::view::frame::Refusal;
use crate::view::settings::CopyView;

/// How a backup's name begins and ends; between them stands the day.
const BEGINNING: &str = "wattle-backup-";
const ENDING: &str = ".sqlite";
/// How many backups of one day are looked past before it is given up.
const MOST_COPIES: u32 = 100;
/// Older ones are found by their path.
const MOST_SHOWN: usize = 12;

impl Home {
    /// Copies the history, as it is at this moment, into a folder and returns the file's path. The private
    /// key and `home.toml` are not in it.
    pub fn back_up(&self, folder: Option<&Path>) -> Result<String, Refusal> {
        let house = self.house()?;
        let Some(folder) = folder else {
            return Err(refusal(
                "no_folder",
                "This computer names no folder for downloads.",
                "Set HOME, or log in again.",
            ));
        };
        std::fs::create_dir_all(folder).map_err(|cause| unwritten(folder, &cause))?;
        let day = LocalDay::containing(house.now(), house.zone()).key();
        let path = free_place(folder, &day.to_string()).ok_or_else(|| {
            refusal(
                "export_failed",
                format!("The folder {} has too many backups of this day.", folder.display()),
                "Move some of them elsewhere.",
            )
        })?;
        house.history.backup(&path).map_err(|error| history_refusal(&error))?;
        Ok(path.display().to_string())
    }
}

/// Puts a backup in the place of the history of a home that no program has open, and returns where what
/// was there is kept. A file that is no whole history changes nothing.
pub fn restore(dir: &Path, backup: &Path, program: &str) -> Result<Option<PathBuf>, Refusal> {
    let _lock = lock(dir, program)?;
    let kept = History::restore(&dir.join(HISTORY_FILE), backup, now(dir)?);
    kept.map_err(|error| history_refusal(&error))
}

/// Puts the history of a new home aside, with its snapshots: what it holds is of another clock.
pub fn put_aside(dir: &Path, program: &str) -> Result<(), Refusal> {
    let _lock = lock(dir, program)?;
    let aside = dir.join(format!("before-{}", now(dir)?.seconds()));
    let move_away = |name: &str| match std::fs::rename(dir.join(name), aside.join(name)) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(unwritten(&aside, &cause)),
        _ => Ok(()),
    };
    std::fs::create_dir_all(&aside).map_err(|cause| unwritten(&aside, &cause))?;
    for name in ["history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "snapshots"] {
        move_away(name)?;
    }
    Ok(())
}

fn lock(dir: &Path, program: &str) -> Result<Lock, Refusal> {
    Lock::acquire(dir, program)
        .map_err(|error| refusal("locked", error.to_string(), "End that program and try again."))
}

/// Returns the market time of a home that is closed.
fn now(dir: &Path) -> Result<Timestamp, Refusal> {
    let config = HomeConfig::load(dir).map_err(|error| Refusal::from(&crate::HomeError::from(error)))?;
    Ok(config.simulation.map_or_else(|| SystemClock.now(), |scale| ScaledClock::new(scale).now()))
}

/// Lists the backups of a folder, newest first.
pub(crate) fn backups_in(folder: &Path) -> Vec<CopyView> {
    // A folder that cannot be read shows none; a backup elsewhere is named by its path.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let ours = name.starts_with(BEGINNING) && name.ends_with(ENDING);
            ours.then(|| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))?
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.truncate(MOST_SHOWN);
    found
        .into_iter()
        .map(|(written, path)| CopyView {
            at: written_at(written).into(),
            bytes: Whole::new(bytes_of(&path) as i64),
            path: path.display().to_string(),
        })
        .collect()
}

fn written_at(time: std::time::SystemTime) -> Timestamp {
    let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs() as i64)
}

/// Returns how long a file is; a file that is gone has no length.
pub(crate) fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn free_place(folder: &Path, day: &str) -> Option<PathBuf> {
    (1..=MOST_COPIES)
        .map(|number| match number {
            1 => folder.join(format!("{BEGINNING}{day}{ENDING}")),
            _ => folder.join(format!("{BEGINNING}{day}-{number}{ENDING}")),
        })
        .find(|path| !path.exists())
}

fn unwritten(folder: &Path, cause: &std::io::Error) -> Refusal {
    refusal(
        "export_failed",
        format!("Nothing could be written into {}: {cause}.", folder.display()),
        "Check who owns the folder and whether its disk has room.",
    )
}
