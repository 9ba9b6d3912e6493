//! The one thread that writes. It groups what arrived while the last commit synced.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::error::HistoryError;
use crate::pending::{Batch, Pending};
use crate::samples;

/// How many commands wait at most. Callers block on their answer, so this is the number of threads that
/// write at once, with room.
const QUEUE: usize = 64;

/// Whether a commit has reached the disk when its call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives a power cut: orders, readings, settlements, slots, rules, membership, settings.
    OnDisk,
    /// Survives the death of the process; a power cut may take it: samples, decisions, prices.
    InFile,
}

#[derive(Debug)]
pub struct Writer {
    commands: Option<SyncSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

struct Command {
    durability: Durability,
    task: Box<dyn Task>,
}

/// Work with its answer, its type forgotten so that different ones wait in one queue.
trait Task: Send {
    /// Does the work; returns whether what it wrote shall stay.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers the caller, after the commit.
    fn answer(self: Box<Self>, commit: Result<(), HistoryError>);
}

struct Job<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, HistoryError>>,
    reply: SyncSender<Result<T, HistoryError>>,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, HistoryError> + Send> Task for Job<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, commit: Result<(), HistoryError>) {
        let outcome = match (self.outcome, commit) {
            (Some(Err(cause)), _) | (_, Err(cause)) => Err(cause),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(HistoryError::Closed),
        };
        // A caller that no longer waits is no concern of the writer.
        let _ = self.reply.send(outcome);
    }
}

impl Writer {
    /// Starts the thread with its connection.
    pub fn start(connection: Connection, pending: Arc<Pending>) -> std::io::Result<Self> {
        let (commands, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("history-writer".to_owned())
            .spawn(move || serve(&connection, &queue, &pending))?;
        Ok(Self { commands: Some(commands), thread: Some(thread) })
    }

    /// Does a piece of work in a transaction and returns when it is committed.
    pub fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let (reply, answer) = sync_channel(1);
        let task = Box::new(Job { work: Some(work), outcome: None, reply });
        let commands = self.commands.as_ref().ok_or(HistoryError::Closed)?;
        commands.send(Command { durability, task }).map_err(|_| HistoryError::Closed)?;
        answer.recv().map_err(|_| HistoryError::Closed)?
    }
}

impl Drop for Writer {
    /// Waits until everything that was handed over is in the file.
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed by the thread itself.
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, queue: &Receiver<Command>, pending: &Pending) {
    while let Ok(first) = queue.recv() {
        let mut commands = vec![first];
        commands.extend(queue.try_iter().take(QUEUE - 1));
        commit_together(connection, commands, pending);
    }
    commit_together(connection, Vec::new(), pending);
    if let Err(cause) = connection.execute_batch("pragma wal_checkpoint(truncate)") {
        // The log file stays beside the database and is read on the next opening.
        tracing::debug!(%cause, "the log file was not folded into the history on closing");
    }
}

/// Runs commands in one transaction, each in a savepoint of its own, and answers after the commit.
fn commit_together(connection: &Connection, mut commands: Vec<Command>, pending: &Pending) {
    let batch = pending.batch();
    let durable = commands.iter().any(|command| command.durability == Durability::OnDisk);
    let outcome = transact(connection, &mut commands, &batch, durable);
    match &outcome {
        Ok(()) => pending.committed(&batch),
        Err(cause) => {
            tracing::error!(%cause, "a commit failed; samples are kept in memory");
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("rollback");
            }
        }
    }
    for command in commands {
        command.task.answer(outcome.as_ref().copied().map_err(|cause| same_failure(cause).into()));
    }
}

fn transact(
    connection: &Connection,
    commands: &mut [Command],
    batch: &Batch,
    durable: bool,
) -> Result<(), rusqlite::Error> {
    // Full syncs the log file with every commit, and with it all commits before.
    connection.pragma_update(None, "synchronous", if durable { "full" } else { "normal" })?;
    connection.execute_batch("begin immediate")?;
    for (meter, sample) in &batch.samples {
        samples::insert(connection, meter, sample)?;
    }
    for command in commands {
        connection.execute_batch("savepoint command")?;
        let stays = command.task.run(connection);
        if connection.is_autocommit() {
            // A full disk or an I/O error has rolled back everything, not only this command.
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                Some("another command of the same commit failed".to_owned()),
            ));
        }
        let end = if stays { "release command" } else { "rollback to command; release command" };
        connection.execute_batch(end)?;
    }
    connection.execute_batch("commit")
}

/// Makes the error once more, since each of the callers gets one.
fn same_failure(cause: &rusqlite::Error) -> rusqlite::Error {
    match cause {
        rusqlite::Error::SqliteFailure(code, message) => {
            rusqlite::Error::SqliteFailure(*code, message.clone())
        }
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}
