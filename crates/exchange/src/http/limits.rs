//! How much at once: requests, long polls, streams, and each key's rate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exchange_api::{Problem, ProblemCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use units::{KeyId, MemberId, Timestamp};

/// How long one request may take. A commit takes milliseconds; the rest is a slow client.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests worked on at once; each waits for the disk, not for the processor.
const REQUESTS: usize = 256;
/// Long polls at once: a street has one for each home.
const POLLS: usize = 1024;
/// Event streams at once: a part of the connections, so that requests get through.
const STREAMS: usize = 512;
/// Event streams of a member: a window, a box, a telephone, and one that has not been missed yet.
const STREAMS_OF_MEMBER: u32 = 4;
/// Requests of one key in a second. A home in a simulated street at full speed sends about ten.
const RATE: u32 = 100;
/// Readers admitted while nothing can be written, of the last two minutes; more are asked to come again.
const UNWRITTEN: usize = 20_000;
/// Keys whose rate is remembered; beyond it the memory starts anew.
const RATED_KEYS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Limits {
    requests: Semaphore,
    polls: Semaphore,
    /// Streams by member.
    streams: Arc<Mutex<HashMap<MemberId, u32>>>,
    rates: Mutex<HashMap<KeyId, (Instant, u32)>>,
    /// Nonces that a disk in trouble did not take, with the time until which they must be known.
    unwritten: Mutex<HashMap<(KeyId, String), Timestamp>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: Semaphore::new(REQUESTS),
            polls: Semaphore::new(POLLS),
            streams: Arc::default(),
            rates: Mutex::default(),
            unwritten: Mutex::default(),
        }
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

    /// Counts a stream of a member until the place is dropped.
    pub(super) fn stream(&self, member: &MemberId) -> Result<StreamPlace, Problem> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.values().sum::<u32>() as usize >= STREAMS {
            return Err(Problem::new(
                ProblemCode::Busy,
                format!("{STREAMS} event streams are open already."),
            ));
        }
        let own = streams.entry(member.clone()).or_default();
        if *own >= STREAMS_OF_MEMBER {
            let detail = format!("A member may have {STREAMS_OF_MEMBER} event streams. Close one.");
            return Err(Problem::new(ProblemCode::TooManyRequests, detail));
        }
        *own += 1;
        Ok(StreamPlace { streams: Arc::clone(&self.streams), member: member.clone() })
    }

    /// Remembers a reader's nonce that could not be written, once.
    pub(super) fn admit_unwritten(
        &self,
        key: KeyId,
        nonce: String,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        if unwritten.len() >= UNWRITTEN {
            unwritten.retain(|_, until| *until >= now);
        }
        if unwritten.len() >= UNWRITTEN {
            return Err(Problem::new(ProblemCode::Busy, "The disk is in trouble and many ask. Try again."));
        }
        match unwritten.insert((key, nonce), until) {
            None => Ok(()),
            Some(_) => {
                let detail = "Its nonce was used before. Sign each request anew.";
                Err(Problem::new(ProblemCode::Replayed, detail))
            }
        }
    }

    pub(super) fn was_admitted_unwritten(&self, key: &KeyId, nonce: &str) -> bool {
        let unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        !unwritten.is_empty() && unwritten.contains_key(&(key.clone(), nonce.to_owned()))
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

/// A stream's place among those of its member.
#[derive(Debug)]
pub(super) struct StreamPlace {
    streams: Arc<Mutex<HashMap<MemberId, u32>>>,
    member: MemberId,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = streams.get_mut(&self.member) {
            *own -= 1;
            if *own == 0 {
                streams.remove(&self.member);
            }
        }
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
    fn streams_are_few_for_a_member_and_many_for_all() {
        let limits = Limits::default();
        let member = |number: usize| MemberId::new(format!("home-{number}")).unwrap();
        let own: Vec<_> = (0..STREAMS_OF_MEMBER).map(|_| limits.stream(&member(0)).unwrap()).collect();
        assert_eq!(limits.stream(&member(0)).unwrap_err().code, ProblemCode::TooManyRequests);
        let others: Vec<_> =
            (own.len()..STREAMS).map(|number| limits.stream(&member(number)).unwrap()).collect();
        assert_eq!(limits.stream(&member(9_999)).unwrap_err().code, ProblemCode::Busy);
        drop((own, others));
        assert!(limits.streams.lock().unwrap().is_empty());
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
