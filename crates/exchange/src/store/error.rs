//! What can go wrong between the exchange and its file.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open {}; check that the folder exists and may be written", file.display())]
    Open {
        file: PathBuf,
        #[source]
        cause: rusqlite::Error,
    },
    #[error(
        "the database was written by a newer version of this program (its form is {found}, known is {known}); \
         update the program"
    )]
    Newer { found: i64, known: i64 },
    #[error("the database is not an exchange's")]
    Foreign,
    #[error("starting the thread that writes")]
    Thread(#[source] std::io::Error),
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0} commands wait already")]
    QueueFull(usize),
    #[error("the commit failed: {message}")]
    Commit { message: String, disk_full: bool },
    #[error("a command went wrong inside; nothing of it was kept")]
    Panicked,
    #[error(
        "log.key is not the key that signs this market's log, so nothing was written; put the right file back, \
         from a backup if need be"
    )]
    LogKey,
    #[error("the log has a hole between its entries {sealed} and {size}; `audit` tells where")]
    LogBroken { sealed: u64, size: u64 },
    #[error("signing the head of the log")]
    Checkpoint(#[source] ledger::CheckpointError),
    #[error("the exchange is closing")]
    Closed,
}

impl StoreError {
    /// Returns whether the disk is full, which only the operator can mend.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Commit { disk_full, .. } => *disk_full,
            _ => false,
        }
    }

    /// Returns whether the disk took nothing: it is full, or it fails.
    pub fn is_of_the_disk(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
        match self {
            Self::Commit { .. } => true,
            Self::Sqlite(error) => {
                matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure | ReadOnly | CannotOpen))
            }
            _ => false,
        }
    }

    /// Returns whether trying again soon may help.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::QueueFull(_) | Self::Closed => true,
            Self::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy),
            _ => false,
        }
    }
}
