//! The handle that the household holds: one writer, as many readers as ask.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::HistoryError;
use crate::pending::Pending;
use crate::schema;
use crate::writer::{Durability, Writer};

/// How long a connection waits for another one. Readers never wait in WAL mode; only opening, closing
/// and backing up can meet.
const BUSY: Duration = Duration::from_secs(5);

/// How many connections for reading are kept open while nobody reads: one a page of the window that
/// loads at the same time.
const IDLE_READERS: usize = 4;

/// How long the log grows before it is folded into the file: 4 MB, half a day's. Pages that change all
/// day are then folded twice a day.
const CHECKPOINT_PAGES: u32 = 4000;

/// The household's history. Cheap to clone; all clones are the same history.
///
/// When the last clone goes, samples that wait are committed and the file is closed.
#[derive(Clone, Debug)]
pub struct History {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    place: Place,
    pending: Arc<Pending>,
    // Before the readers, so that the writer's last checkpoint comes when it is dropped first.
    writer: Option<Writer>,
    readers: Mutex<Vec<Connection>>,
}

#[derive(Clone, Debug)]
pub enum Place {
    File(PathBuf),
    /// A file that nobody may write beside either, such as one on a read-only medium.
    Immutable(PathBuf),
    /// A name in SQLite's own memory file system, which connections of this process share.
    Memory(String),
}

impl History {
    /// Makes an empty history in memory, for tests and demonstrations.
    pub fn in_memory() -> Result<Self, HistoryError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let place = Place::Memory(format!("/history-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let connection = place.open(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        prepare_to_write(&connection)?;
        schema::create(&connection)?;
        Self::with_writer(place, connection)
    }

    pub(crate) fn with_writer(place: Place, connection: Connection) -> Result<Self, HistoryError> {
        let pending = Arc::new(Pending::default());
        let writer = Writer::start(connection, Arc::clone(&pending)).map_err(|cause| HistoryError::File {
            attempt: "starting the writer of",
            path: place.path().to_owned(),
            cause,
        })?;
        let shared = Shared { place, pending, writer: Some(writer), readers: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn for_reading(place: Place, connection: Connection) -> Self {
        let readers = Mutex::new(vec![connection]);
        Self { shared: Arc::new(Shared { place, pending: Arc::default(), writer: None, readers }) }
    }

    /// Returns whether this handle can write.
    pub fn is_writable(&self) -> bool {
        self.shared.writer.is_some()
    }

    /// Returns the file; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        match &self.shared.place {
            Place::File(path) | Place::Immutable(path) => Some(path),
            Place::Memory(_) => None,
        }
    }

    /// Commits the samples that wait and makes everything so far safe from a power cut.
    pub fn flush(&self) -> Result<(), HistoryError> {
        // A commit that changes nothing syncs nothing, so this one writes the header once more.
        self.write("flushing", Durability::OnDisk, |connection| {
            connection.pragma_update(None, "user_version", schema::SCHEMA_VERSION)?;
            Ok(())
        })
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.shared.pending
    }

    pub(crate) fn write<T: Send + 'static>(
        &self,
        attempt: &'static str,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let writer = self.shared.writer.as_ref().ok_or(HistoryError::OpenedForReading)?;
        writer.write(durability, work).map_err(|cause| self.explain(cause, attempt))
    }

    /// Reads with a connection of its own, in one transaction: all queries see the same instant.
    pub(crate) fn read<T>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let outcome = self.reader().and_then(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let value = work(&transaction)?;
            transaction.finish()?;
            self.keep(connection);
            Ok(value)
        });
        outcome.map_err(|cause| self.explain(cause, attempt))
    }

    pub(crate) fn reader(&self) -> Result<Connection, HistoryError> {
        let idle = self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.shared.place.open_to_read(), Ok)
    }

    fn keep(&self, connection: Connection) {
        let mut readers = self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
    }

    fn explain(&self, cause: HistoryError, attempt: &'static str) -> HistoryError {
        cause.attempting(attempt).at(self.shared.place.path())
    }
}

impl Place {
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Immutable(path) => path,
            Self::Memory(name) => Path::new(name),
        }
    }

    pub fn open_to_read(&self) -> Result<Connection, HistoryError> {
        let access = match self {
            // In memory the connection of a reader needs the right to take locks.
            Self::Memory(_) => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Self::File(_) | Self::Immutable(_) => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection = self.open(access)?;
        connection.execute_batch("pragma query_only = on")?;
        Ok(connection)
    }

    pub fn open(&self, access: OpenFlags) -> Result<Connection, HistoryError> {
        let access = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match self {
            Self::File(path) => Connection::open_with_flags(path, access)?,
            Self::Immutable(path) => {
                let uri = format!("file:{}?immutable=1", escaped(path));
                Connection::open_with_flags(uri, access | OpenFlags::SQLITE_OPEN_URI)?
            }
            Self::Memory(name) => {
                let create = OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_CREATE;
                Connection::open_with_flags(format!("file:{name}?vfs=memdb"), access | create)?
            }
        };
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    }
}

/// Sets up the connection of the writer.
pub fn prepare_to_write(connection: &Connection) -> Result<(), HistoryError> {
    // In memory the answer is "memory": there is no file to log beside.
    connection.query_row("pragma journal_mode = wal", [], |_| Ok(()))?;
    connection.execute_batch(&format!(
        "pragma foreign_keys = on; pragma wal_autocheckpoint = {CHECKPOINT_PAGES}"
    ))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Writes a path so that SQLite reads it back from a URI.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use metering::Sample;
    use units::{MeterId, Timestamp};

    use super::*;

    #[test]
    fn a_full_disk_is_said_to_be_one_and_what_waits_is_written_when_there_is_room() {
        let place = Place::Memory("/full".to_owned());
        let connection = place.open(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        prepare_to_write(&connection).unwrap();
        schema::create(&connection).unwrap();
        let history = History::with_writer(place, connection).unwrap();
        let room_for = |pages: u32| {
            let limit = move |connection: &Connection| {
                // Setting it answers with a row.
                Ok(connection.query_row(&format!("pragma max_page_count = {pages}"), [], |_| Ok(()))?)
            };
            history.write("limiting", Durability::InFile, limit).unwrap();
        };
        room_for(1);
        let (meter, time) = (MeterId::new("grid").unwrap(), Timestamp::from_seconds(0));
        history.record_sample(&meter, &Sample { at: time, ..Sample::default() }, time).unwrap();
        let refused = history.save_rules(&"x".repeat(10_000), "owner", time);
        assert!(matches!(refused, Err(HistoryError::StorageFull)), "{refused:?}");
        assert_eq!(history.rules_now().unwrap(), None);
        assert!(history.latest_sample(&meter).unwrap().is_some(), "readable still");
        room_for(10_000);
        history.flush().unwrap();
        assert!(history.pending().of(&meter).is_empty());
        assert!(history.latest_sample(&meter).unwrap().is_some());
    }
}
