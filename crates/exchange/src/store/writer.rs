//! The thread that writes: it puts what waits into one transaction and answers after the commit.
//!
//! A commit waits for the disk, some milliseconds each. Commands that arrived meanwhile share the
//! next one; each has a savepoint, so that one that fails takes nothing else with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::StoreError;
use super::seal::{LogSigner, seal};
use crate::exchange::chain;

/// How many commands may wait. At some 20 µs each the last one waits about as long as one commit.
pub(crate) const QUEUE: usize = 1024;
/// How many commands share a commit at most, so that the first of them is not kept waiting.
const GROUP: usize = 256;

/// Answers a command, once it is known whether its transaction holds.
type Answer = Box<dyn FnOnce(Result<(), StoreError>)>;
/// Runs a command, or learns why it cannot run.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    grown: watch::Receiver<u64>,
}

impl Writer {
    /// Without a signer nothing may be appended to the log.
    pub(super) fn start(connection: Connection, signer: Option<LogSigner>) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let (sealed, grown) = watch::channel(0);
        let desk = Desk { connection, signer, sealed };
        let thread = std::thread::Builder::new()
            .name("exchange-writer".to_owned())
            .spawn(move || desk.run(&jobs))
            .map_err(StoreError::Thread)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), grown })
    }

    pub(super) fn grown(&self) -> watch::Receiver<u64> {
        self.grown.clone()
    }

    pub(super) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone; the command counts all the same.
        self.enqueue(work, move |outcome| drop(reply.send(outcome)))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(super) fn write_now<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        self.enqueue(work, move |outcome| drop(reply.send(outcome)))?;
        answer.recv().unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    fn enqueue<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let job: Job = Box::new(move |connection| {
            let outcome = connection.map_err(E::from).and_then(|connection| in_savepoint(connection, work));
            Box::new(move |committed| {
                reply(match committed {
                    Ok(()) => outcome,
                    Err(error) => outcome.and_then(|_| Err(error.into())),
                });
            })
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::QueueFull(QUEUE),
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

impl Drop for Writer {
    /// Lets the thread finish what waits, and waits for it.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writing thread ended in a panic");
        }
    }
}

/// What the writing thread holds.
struct Desk {
    connection: Connection,
    signer: Option<LogSigner>,
    /// The size of the log that the newest commit signed.
    sealed: watch::Sender<u64>,
}

impl Desk {
    fn run(&self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            self.write_group(first, jobs);
        }
    }

    fn write_group(&self, first: Job, jobs: &Receiver<Job>) {
        let connection = &self.connection;
        if let Err(error) = connection.execute_batch("begin immediate") {
            return first(Err(error.into()))(Ok(()));
        }
        let mut answers = vec![first(Ok(connection))];
        // A full disk or a failed write makes SQLite undo the whole transaction by itself.
        while answers.len() < GROUP && !connection.is_autocommit() {
            let Ok(job) = jobs.try_recv() else { break };
            answers.push(job(Ok(connection)));
        }
        let committed = self.commit();
        for answer in answers {
            answer(
                committed.clone().map_err(|(message, disk_full)| StoreError::Commit { message, disk_full }),
            );
        }
    }

    /// Signs the log's new head, so that what is answered is in it, and commits.
    fn commit(&self) -> Result<(), (String, bool)> {
        let connection = &self.connection;
        if connection.is_autocommit() {
            return Err(("the transaction was undone; the disk may be full".to_owned(), true));
        }
        let sealed = match self.signer.as_ref().map(|signer| seal(connection, signer)).transpose() {
            Ok(sealed) => sealed.flatten(),
            Err(error) => {
                tracing::error!(error = %chain(&error), "sealing the log failed");
                undo(connection);
                return Err((chain(&error), error.is_disk_full()));
            }
        };
        connection.execute_batch("commit").map_err(|error| {
            tracing::error!(%error, "commit failed");
            undo(connection);
            (error.to_string(), error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
        })?;
        if let Some(size) = sealed {
            self.sealed.send_replace(size);
        }
        Ok(())
    }
}

fn undo(connection: &Connection) {
    // A full disk has undone it already.
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("rollback")
    {
        tracing::error!(%error, "rollback failed");
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let run = |sql: &str| connection.execute_batch(sql).map_err(|error| E::from(StoreError::Sqlite(error)));
    run("savepoint command")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)))
        .unwrap_or_else(|_| Err(StoreError::Panicked.into()));
    if connection.is_autocommit() {
        return outcome.and_then(|_| {
            let message = "the transaction was undone; the disk may be full".to_owned();
            Err(StoreError::Commit { message, disk_full: true }.into())
        });
    }
    if outcome.is_err() {
        run("rollback to command")?;
    }
    run("release command")?;
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("create table t (n integer) strict").unwrap();
        Writer::start(connection, None).unwrap()
    }

    async fn count(writer: &Writer) -> i64 {
        writer
            .write(|connection| -> Result<i64, StoreError> {
                Ok(connection.query_row("select count(*) from t", [], |row| row.get(0))?)
            })
            .await
            .unwrap()
    }

    fn insert(connection: &Connection) -> Result<(), StoreError> {
        connection.execute("insert into t values (1)", [])?;
        Ok(())
    }

    #[tokio::test]
    async fn a_command_that_fails_takes_nothing_else_with_it() {
        let writer = writer().await;
        let (good, bad, panicking) = tokio::join!(
            writer.write(insert),
            writer.write(|connection| {
                insert(connection)?;
                Err::<(), _>(StoreError::Closed)
            }),
            writer.write(|connection| -> Result<(), StoreError> {
                insert(connection)?;
                panic!("a mistake in a command")
            }),
        );
        good.unwrap();
        assert!(matches!(bad, Err(StoreError::Closed)));
        assert!(matches!(panicking, Err(StoreError::Panicked)));
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_what_was_there_stays() {
        let writer = writer().await;
        writer.write(insert).await.unwrap();
        let filled = writer.write(|connection| -> Result<(), StoreError> {
            // SQLite's own limit stands in for the disk's.
            connection.pragma_update(None, "max_page_count", 3)?;
            connection.execute("create table big (bytes blob) strict", [])?;
            connection.execute("insert into big values (zeroblob(100000))", [])?;
            Ok(())
        });
        assert!(filled.await.unwrap_err().is_disk_full());
        writer.write(insert).await.unwrap();
        assert_eq!(count(&writer).await, 2);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_instead_of_growing() {
        let writer = writer().await;
        let (enter, entered) = std::sync::mpsc::channel::<()>();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        // The first command keeps the thread busy until the test lets it go.
        let blocking = writer.write(move |_| -> Result<(), StoreError> {
            enter.send(()).unwrap();
            left.recv().unwrap();
            Ok(())
        });
        let flood = async {
            tokio::task::spawn_blocking(move || entered.recv().unwrap()).await.unwrap();
            let writes: Vec<_> = (0..QUEUE + 1).map(|_| Box::pin(writer.write(insert))).collect();
            let mut refused = 0;
            let mut waiting = Vec::new();
            for mut write in writes {
                match futures_poll(&mut write) {
                    Some(Err(StoreError::QueueFull(QUEUE))) => refused += 1,
                    Some(other) => panic!("unexpected {other:?}"),
                    None => waiting.push(write),
                }
            }
            leave.send(()).unwrap();
            for write in waiting {
                write.await.unwrap();
            }
            refused
        };
        let (blocked, refused) = tokio::join!(blocking, flood);
        blocked.unwrap();
        assert_eq!((refused, count(&writer).await), (1, QUEUE as i64));
    }

    /// Polls once.
    fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(future).poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
