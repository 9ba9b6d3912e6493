//! One SQLite file: a writer thread that owns the only writing connection, and readers beside it.

mod column;
mod error;
mod reader;
pub(crate) mod rows;
mod schema;
mod writer;

pub use error::StoreError;

use std::path::Path;

use rusqlite::Connection;

use reader::Readers;
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
    pub(crate) fn open(file: &Path) -> Result<Self, StoreError> {
        let connection =
            Connection::open(file).map_err(|cause| StoreError::Open { file: file.to_owned(), cause })?;
        schema::prepare(&connection)?;
        Ok(Self { writer: Writer::start(connection)?, readers: Readers::of(file) })
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
