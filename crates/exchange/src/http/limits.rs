//! How much at once: connections, requests, long polls, and each key's rate.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use exchange_api::{Problem, ProblemCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use units::KeyId;

/// How long one request may take. A commit takes milliseconds; the rest is a slow client.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests worked on at once; each waits for the disk, not for the processor.
const REQUESTS: usize = 256;
/// Long polls at once: a street has one for each home.
const POLLS: usize = 1024;
/// Connections at once, below what a process may open (1024 by default on Linux).
const CONNECTIONS: usize = 900;
/// Requests of one key in a second. A home in a simulated street at full speed sends about ten.
const RATE: u32 = 100;
/// Keys whose rate is remembered; beyond it the memory starts anew.
const RATED_KEYS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Limits {
    requests: Semaphore,
    polls: Semaphore,
    rates: Mutex<HashMap<KeyId, (Instant, u32)>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: Semaphore::new(REQUESTS), polls: Semaphore::new(POLLS), rates: Mutex::default() }
    }
}

impl Limits {
    pub(super) fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.requests.try_acquire().ok()
    }

    pub(super) fn poll(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.polls.try_acquire().map_err(|_| {
            Problem::new(ProblemCode::Busy, format!("{POLLS} requests wait for settlements already."))
        })
    }

    /// Counts a request of a key whose signature was checked.
    pub(super) fn count(&self, key: &KeyId, now: Instant) -> Result<(), Problem> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if rates.len() >= RATED_KEYS {
            rates.clear();
        }
        let (since, count) = rates.entry(key.clone()).or_insert((now, 0));
        if now.duration_since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if *count <= RATE {
            return Ok(());
        }
        Err(Problem::new(ProblemCode::TooManyRequests, format!("A key may send {RATE} requests a second.")))
    }
}

/// A listener with so many connections at once; the next one waits in the system's queue.
pub(super) struct Counted {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Counted {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl axum::serve::Listener for Counted {
    type Io = Connection;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let place = Arc::clone(&self.room).acquire_owned().await.expect("the semaphore is never closed");
        // Retries what passes, such as too many open files, as axum does for its own listener.
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        // Small answers should not wait for each other.
        let _ = stream.set_nodelay(true);
        (Connection { stream, _place: place }, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that gives its place back when it ends.
pub(super) struct Connection {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_requests_and_polls_are_worked_on_at_once() {
        let limits = Limits::default();
        let turns: Vec<_> = (0..REQUESTS).map(|_| limits.turn().unwrap()).collect();
        assert!(limits.turn().is_none());
        drop(turns);
        assert!(limits.turn().is_some());
        let polls: Vec<_> = (0..POLLS).map(|_| limits.poll().unwrap()).collect();
        assert_eq!(limits.poll().unwrap_err().code, ProblemCode::Busy);
        drop(polls);
        assert!(limits.poll().is_ok());
    }

    #[test]
    fn a_key_that_floods_is_slowed_and_others_are_not() {
        let limits = Limits::default();
        let [flooding, quiet] = ["a", "b"].map(|id| KeyId::new(id).unwrap());
        let start = Instant::now();
        for _ in 0..RATE {
            limits.count(&flooding, start).unwrap();
        }
        assert_eq!(limits.count(&flooding, start).unwrap_err().code, ProblemCode::TooManyRequests);
        limits.count(&quiet, start).unwrap();
        limits.count(&flooding, start + Duration::from_secs(1)).unwrap();
    }
}
