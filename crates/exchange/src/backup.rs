//! A market in one file: copied while it is served, and restored only where it proves itself.
//!
//! A backup is the database as of one moment, with the configuration and the exchange's keys in a table of
//! its own. It is as secret as the market's folder.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use crate::config::MarketConfig;
use crate::exchange::{
    CONFIG, DATABASE, Exchange, ExchangeError, KEY, LOG_KEY, METERING_KEY, file_error, make_private_folder,
    write_secret,
};
use crate::service::report::Audit;
use crate::store::StoreError;
use crate::tls::{SERVER_KEY, TLS};

/// What a market's folder holds beside the database. All but the first two are missing in older folders.
const PARTS: [&str; 6] = [CONFIG, KEY, LOG_KEY, METERING_KEY, TLS, SERVER_KEY];

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} exists already; choose another name", .0.display())]
    FileExists(PathBuf),
    #[error("{} is not empty; a market is restored into an empty or a new folder only", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} is no backup of a market: {reason}", file.display())]
    NoBackup { file: PathBuf, reason: String },
    #[error(
        "the books in {} do not hold ({} unbalanced and {} deviating slots, {} faults of the log); nothing was restored",
        file.display(), audit.unbalanced_slots.len(), audit.deviating_slots.len(), audit.log.faults.len()
    )]
    Unproven { file: PathBuf, audit: Box<Audit> },
    #[error("copying the database")]
    Database(#[from] rusqlite::Error),
}

/// Writes a backup of a folder's market, which may be served meanwhile.
pub fn backup(dir: &Path, file: &Path) -> Result<(), ExchangeError> {
    MarketConfig::load(&dir.join(CONFIG))?;
    if file.exists() {
        return Err(BackupError::FileExists(file.to_owned()).into());
    }
    let partial = beside(file, "partial");
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(file_error("removing", &partial))?;
    }
    // Made first and empty, so that nobody else can read it at any time.
    write_secret(&partial, b"")?;
    copy(dir, &partial)?;
    let handle = File::open(&partial).map_err(file_error("opening", &partial))?;
    handle.sync_all().map_err(file_error("writing", &partial))?;
    std::fs::rename(&partial, file).map_err(file_error("writing", file))?;
    sync_folder(file)
}

fn copy(dir: &Path, into: &Path) -> Result<(), ExchangeError> {
    let read = |name: &str| {
        let file = dir.join(name);
        std::fs::read(&file).map(zeroize::Zeroizing::new).map_err(file_error("reading", &file))
    };
    // A folder that no version with a log, or with TLS, has opened yet has no keys for it.
    let names = PARTS.into_iter().filter(|name| [CONFIG, KEY].contains(name) || dir.join(name).exists());
    let parts = names.map(|name| read(name).map(|content| (name, content)));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let fill = || -> Result<(), rusqlite::Error> {
        let source = Connection::open_with_flags(dir.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // One read transaction: what is committed meanwhile is not in it.
        source.execute("vacuum into ?1", [into.to_string_lossy()])?;
        let copy = Connection::open_with_flags(into, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        copy.execute_batch("create table backup_part (name text primary key, content blob not null) strict")?;
        for (name, content) in &parts {
            copy.execute("insert into backup_part values (?1, ?2)", params![name, content.as_slice()])?;
        }
        copy.close().map_err(|(_, error)| error)
    };
    Ok(fill().map_err(BackupError::Database)?)
}

/// Restores a backup into an empty or new folder, after settling every slot of it again.
pub async fn restore(dir: &Path, file: &Path) -> Result<Audit, ExchangeError> {
    if dir.exists() && std::fs::read_dir(dir).map_err(file_error("reading", dir))?.next().is_some() {
        return Err(BackupError::NotEmpty(dir.to_owned()).into());
    }
    let work = beside(dir, "restoring");
    if work.exists() {
        std::fs::remove_dir_all(&work).map_err(file_error("removing", &work))?;
    }
    let outcome = prove(&work, file).await;
    if outcome.is_err() && work.exists() {
        // The reason it failed says more than that tidying up did.
        let _ = std::fs::remove_dir_all(&work);
    }
    let audit = outcome?;
    std::fs::rename(&work, dir).map_err(file_error("making", dir))?;
    sync_folder(dir)?;
    Ok(audit)
}

/// Unpacks a backup into a folder beside, and audits it there.
async fn prove(work: &Path, file: &Path) -> Result<Audit, ExchangeError> {
    make_private_folder(work).map_err(file_error("making the folder", work))?;
    unpack(work, file)?;
    let exchange = Exchange::open_beside(work)?;
    let audit = exchange.audit().await?;
    // Closes the database, so that the folder is whole when it is renamed.
    drop(exchange);
    match audit.holds() {
        true => Ok(audit),
        false => Err(BackupError::Unproven { file: file.to_owned(), audit: Box::new(audit) }.into()),
    }
}

fn unpack(work: &Path, file: &Path) -> Result<(), ExchangeError> {
    let no_backup = |reason: String| BackupError::NoBackup { file: file.to_owned(), reason };
    let database = work.join(DATABASE);
    // Not `fs::copy`, which would copy the permissions as well.
    write_secret(&database, b"")?;
    let mut from = File::open(file).map_err(file_error("opening", file))?;
    let mut to = File::options().write(true).open(&database).map_err(file_error("opening", &database))?;
    std::io::copy(&mut from, &mut to).map_err(file_error("copying", file))?;
    let parts = take_parts(&database).map_err(|error| no_backup(error.to_string()))?;
    for name in [CONFIG, KEY] {
        if !parts.iter().any(|(part, _)| part == name) {
            return Err(no_backup(format!("{name} is missing in it")).into());
        }
    }
    // A backup from before there was a log has no key of it; the log then begins anew where it is opened.
    for (name, content) in parts {
        if PARTS.contains(&name.as_str()) {
            write_secret(&work.join(name), &content)?;
        }
    }
    let handle = File::open(&database).map_err(file_error("opening", &database))?;
    handle.sync_all().map_err(file_error("writing", &database))
}

/// A file of a market's folder by its name.
type Part = (String, zeroize::Zeroizing<Vec<u8>>);

/// Takes configuration and keys out of a copied database, which must be sound.
fn take_parts(database: &Path) -> Result<Vec<Part>, rusqlite::Error> {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let sound: String = db.query_row("pragma integrity_check", [], |row| row.get(0))?;
    if sound != "ok" {
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(corrupt, Some(sound)));
    }
    let parts = db
        .prepare("select name, content from backup_part")?
        .query_map([], |row| Ok((row.get(0)?, zeroize::Zeroizing::new(row.get(1)?))))?
        .collect::<Result<_, _>>()?;
    db.execute_batch("drop table backup_part")?;
    db.close().map_err(|(_, error)| error)?;
    Ok(parts)
}

/// Returns a hidden path in the same folder, from where a rename is atomic.
fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{what}"))
}

/// Makes a rename durable.
fn sync_folder(path: &Path) -> Result<(), ExchangeError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(file_error("writing", parent))
}

impl From<BackupError> for ExchangeError {
    fn from(error: BackupError) -> Self {
        match error {
            // A full disk has its own sentence.
            BackupError::Database(cause) => Self::Store(StoreError::Sqlite(cause)),
            other => Self::Backup(other),
        }
    }
}
