//! One SQLite file: a writer thread that owns the only writing connection, and readers beside it.

mod column;
mod error;
mod reader;
pub(crate) mod rows;
mod schema;
mod seal;
mod writer;

pub(crate) use column::{Word, word};
pub use error::StoreError;

use std::path::Path;

use rusqlite::Connection;
use tokio::sync::watch;

use reader::Readers;
pub(crate) use seal::LogSigner;
#[cfg(test)]
pub(crate) use writer::QUEUE;
use writer::Writer;

/// The exchange's memory. Writes are answered once they are on the disk.
#[derive(Debug)]
pub(crate) struct Store {
    writer: Writer,
    readers: Readers,
}

impl Store {
    /// Opens the file and brings its tables up to date; makes it where it is missing.
    pub(crate) fn open(file: &Path, signer: LogSigner) -> Result<Self, StoreError> {
        let connection =
            Connection::open(file).map_err(|cause| StoreError::Open { file: file.to_owned(), cause })?;
        schema::prepare(&connection)?;
        Ok(Self { writer: Writer::start(connection, Some(signer))?, readers: Readers::of(file) })
    }

    /// Returns a way to wait until a commit of this process makes the log grow.
    pub(crate) fn grown(&self) -> watch::Receiver<u64> {
        self.writer.grown()
    }

    /// Runs work in a transaction of its own and returns when it is durable. What returns an error
    /// leaves no trace.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// As [`Store::write`], for a caller that may block: while opening.
    pub(crate) fn write_now<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write_now(work)
    }

    /// Runs work that only reads, on a consistent view of what is durable.
    pub(crate) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.read(work).await
    }
}
