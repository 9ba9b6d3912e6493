//! Why a household cannot be opened.

use history::{HistoryError, LockError};

use crate::config::{ConfigError, described};
use crate::view::frame::Refusal;

#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("The data folder cannot be locked")]
    Lock(#[source] LockError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("rules.toml is not valid: {0}")]
    Rules(String),
    #[error("The data folder {} cannot be made", path.display())]
    Folder {
        path: std::path::PathBuf,
        #[source]
        cause: std::io::Error,
    },
}

impl HomeError {
    /// Returns a code for programs that show this to a person.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(ConfigError::Absent(_)) => "no_home",
            Self::Config(_) => "bad_configuration",
            Self::Lock(_) | Self::Folder { .. } => "data_folder",
            Self::History(error) => history_code(error),
            Self::Rules(_) => "bad_rules",
        }
    }

    /// Says what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Config(ConfigError::Absent(_)) => "Name the home's folder with --data.",
            Self::Config(_) => "Correct home.toml in the data folder and start again.",
            Self::Lock(_) | Self::Folder { .. } => {
                "Check that the folder exists and that you may write in it."
            }
            Self::History(error) => history_hint(error),
            Self::Rules(_) => "Correct rules.toml in the data folder and start again.",
        }
    }
}

impl From<&HomeError> for Refusal {
    fn from(error: &HomeError) -> Self {
        Self { code: error.code().to_owned(), message: described(error), hint: error.hint().to_owned() }
    }
}

/// Makes what a use case answers when it does not do what was asked.
pub(crate) fn refusal(code: &str, message: impl Into<String>, hint: &str) -> Refusal {
    Refusal { code: code.to_owned(), message: message.into(), hint: hint.to_owned() }
}

/// What a use case answers when `home.toml` does not take a change.
pub(crate) fn config_refusal(error: &ConfigError) -> Refusal {
    refusal(
        "bad_configuration",
        described(error),
        "Correct home.toml in the data folder, or give this user the right to write there.",
    )
}

/// What a use case answers when the history fails it.
pub(crate) fn history_refusal(error: &HistoryError) -> Refusal {
    Refusal {
        code: history_code(error).to_owned(),
        message: described(error),
        hint: history_hint(error).to_owned(),
    }
}

fn history_code(error: &HistoryError) -> &'static str {
    match error {
        HistoryError::Newer { .. } => "data_newer",
        HistoryError::ReadOnly { .. } | HistoryError::OpenedForReading => "data_read_only",
        HistoryError::Corrupt { .. } | HistoryError::NoSnapshot { .. } | HistoryError::Foreign { .. } => {
            "data_corrupt"
        }
        HistoryError::StorageFull => "storage_full",
        _ => "history",
    }
}

fn history_hint(error: &HistoryError) -> &'static str {
    match error {
        HistoryError::Newer { .. } => "Start the newer version of Wattle that wrote it.",
        HistoryError::ReadOnly { .. } => {
            "Check who owns the data folder and whether its disk is mounted for writing."
        }
        HistoryError::OpenedForReading => "Another program trades for this house; change it there.",
        HistoryError::Corrupt { .. } | HistoryError::NoSnapshot { .. } | HistoryError::Foreign { .. } => {
            "Put a backup in its place with `wattle restore`. The damaged file is kept."
        }
        HistoryError::StorageFull => "Free some space on the disk; it goes on by itself.",
        _ => "Try again; if it stays, restore a backup.",
    }
}
