//! Connections that only read. In WAL mode they neither wait for the writer nor hold it up.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::StoreError;

/// How many read at once: queries take microseconds, and a box has few cores.
const READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    file: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Semaphore,
}

impl Readers {
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), idle: Arc::default(), turns: Semaphore::new(READERS) }
    }

    pub(super) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let _turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        let (idle, file) = (Arc::clone(&self.idle), self.file.clone());
        let task = tokio::task::spawn_blocking(move || {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = waiting.map_or_else(|| open(&file), Ok)?;
            // One transaction, so that several queries see one state.
            let view = connection.unchecked_transaction().map_err(StoreError::Sqlite)?;
            let outcome = work(&view);
            drop(view);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            outcome
        });
        task.await.unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
