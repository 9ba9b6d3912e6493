//! What can go wrong between the household and its file.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use units::{DealId, OrderId, Timestamp};

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(
        "{} was written by a newer Wattle (format {found}; this one knows up to {known}). \
         Nothing was changed. Install the newer version again, or restore the copy made before the update \
         from the folder \"snapshots\".",
        path.display()
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{} was written by an older Wattle (format {found}; this one writes {known}) and can only be brought \
         up to date by the program that trades. Start that once.",
        path.display()
    )]
    Older { path: PathBuf, found: u32, known: u32 },
    #[error(
        "cannot write {}: the folder or the file is read-only. Nothing can be recorded. \
         Give this user the right to write there, or choose another data folder.",
        path.display()
    )]
    ReadOnly { path: PathBuf },
    #[error("{} is damaged: {detail}", path.display())]
    Corrupt { path: PathBuf, detail: String },
    #[error(
        "{} is damaged ({detail}) and there is no intact snapshot of it. It was left as it is. \
         Restore a backup, or move the file away to begin with an empty history.",
        path.display()
    )]
    NoSnapshot { path: PathBuf, detail: String },
    #[error("{} is a database of another program, not a Wattle history", path.display())]
    Foreign { path: PathBuf },
    #[error("there is no history at {}", path.display())]
    Absent { path: PathBuf },
    #[error("{} exists already; it was not touched", path.display())]
    InTheWay { path: PathBuf },
    #[error("the disk is full. Nothing can be recorded until there is room again.")]
    StorageFull,
    #[error("this history was opened for reading only; another process trades with it")]
    OpenedForReading,
    #[error("the history is closed: its writer has ended")]
    Closed,
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    #[error("there is no deal {0}")]
    UnknownDeal(DealId),
    #[error("there is no reading for the slot {0}")]
    UnknownReading(units::Slot),
    #[error("{subject} was recorded before with other content: {detail}")]
    Contradiction { subject: String, detail: String },
    #[error("{seconds} s from {start} are not a slot of the market")]
    NotASlot { start: Timestamp, seconds: u32 },
    #[error("a meter has at most three phases, this one told {0}")]
    TooManyPhases(usize),
    #[error("{attempt} {}", path.display())]
    File {
        attempt: &'static str,
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{attempt} the history")]
    Sql {
        attempt: &'static str,
        #[source]
        cause: rusqlite::Error,
    },
}

impl HistoryError {
    /// Says what was attempted, where the database could only say what failed.
    pub(crate) fn attempting(self, what: &'static str) -> Self {
        match self {
            Self::Sql { attempt: "", cause } => Self::Sql { attempt: what, cause },
            other => other,
        }
    }

    /// Names the file, where only the database's code was known.
    pub(crate) fn at(self, file: &std::path::Path) -> Self {
        let path = file.to_owned();
        match self {
            Self::Corrupt { detail, .. } => Self::Corrupt { path, detail },
            Self::ReadOnly { .. } => Self::ReadOnly { path },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for HistoryError {
    fn from(cause: rusqlite::Error) -> Self {
        let path = PathBuf::new();
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path, detail: cause.to_string() }
            }
            Some(ErrorCode::DiskFull) => Self::StorageFull,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            _ => Self::Sql { attempt: "", cause },
        }
    }
}
