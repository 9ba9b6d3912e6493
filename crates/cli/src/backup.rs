//! `wattle backup` and `wattle restore`: the household's history as one file.

use std::path::PathBuf;

use history::{History, Lock, LockError};
use home::config::HISTORY_FILE;
use serde::Serialize;

use crate::Verdict;
use crate::failure::{Failure, Status};
use crate::household::{Folder, sentence};
use crate::output::Output;

#[derive(clap::Args)]
pub struct BackupOptions {
    /// The file to write; it must not exist yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
}

#[derive(clap::Args)]
pub struct RestoreOptions {
    /// A file that `wattle backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct BackupAnswer {
    file: PathBuf,
    bytes: u64,
}

#[derive(Serialize)]
struct RestoreAnswer {
    history: PathBuf,
    /// Where the history that stood there before lies now.
    kept_as: Option<PathBuf>,
}

/// Copies the history as it is at this moment, also while a program trades.
pub fn backup(options: &BackupOptions, output: Output) -> Result<Verdict, Failure> {
    options.folder.history()?.backup(&options.file)?;
    let bytes = std::fs::metadata(&options.file).map_or(0, |file| file.len());
    output.say(&BackupAnswer { file: options.file.clone(), bytes }, |answer| {
        format!(
            "The history was copied to {} ({} bytes) and checked. The private key and home.toml are not in it.",
            answer.file.display(),
            answer.bytes
        )
    })?;
    Ok(Verdict::Yes)
}

/// Puts a backup in the place of the history, which is kept beside it. Nobody may trade meanwhile.
pub fn restore(options: &RestoreOptions, output: Output) -> Result<Verdict, Failure> {
    let dir = options.folder.path()?;
    let now = options.folder.now()?;
    let _lock = Lock::acquire(&dir, "wattle restore").map_err(locked)?;
    let history = dir.join(HISTORY_FILE);
    let kept_as = History::restore(&history, &options.file, now)
        .map_err(|error| Failure { status: Status::Unusable, ..Failure::from(error) })?;
    output.say(&RestoreAnswer { history, kept_as }, |answer| {
        let kept = answer.kept_as.as_ref();
        let kept =
            kept.map_or_else(String::new, |kept| format!(" What was there is kept as {}.", kept.display()));
        format!("The history in {} is the backup's.{kept}", answer.history.display())
    })?;
    Ok(Verdict::Yes)
}

fn locked(error: LockError) -> Failure {
    let hint = match &error {
        LockError::Held { .. } | LockError::HeldSilently { .. } => "End that program and try again.",
        LockError::File { .. } => "Check who owns the data folder.",
    };
    Failure {
        code: "locked".into(),
        message: sentence(&error.to_string()),
        hint: hint.into(),
        status: Status::No,
    }
}
