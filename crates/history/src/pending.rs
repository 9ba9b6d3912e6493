//! Samples that wait in memory for the next commit, so that a memory card is not worn out by seconds.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metering::Sample;
use units::{MeterId, Timestamp};

/// How long samples wait at most, in the time their caller tells.
///
/// A kill may take so much of the raw curve, never energy: the counter goes on, and a slot's row is
/// durable and takes the waiting samples along. Committing each minute instead wears a memory card
/// twice as much.
pub const SAMPLES_COMMIT_AFTER: Duration = Duration::from_secs(300);

/// How many samples are committed at once at the latest: two and a half minutes of three meters each
/// second.
pub const SAMPLES_COMMIT_AT: usize = 480;

/// How many samples wait at most while the disk refuses them: an hour of three meters each ten seconds,
/// twice. After that the oldest go, since counters lose no energy by it.
pub const MAX_PENDING_SAMPLES: usize = 2160;

#[derive(Debug, Default)]
pub struct Pending(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    samples: VecDeque<(u64, MeterId, Sample)>,
    next_number: u64,
    since: Option<Timestamp>,
}

/// A copy of what waits, to be committed.
#[derive(Debug, Default)]
pub struct Batch {
    pub samples: Vec<(MeterId, Sample)>,
    up_to: u64,
}

impl Pending {
    /// Adds samples; returns whether they should be committed now.
    pub fn push(&self, meter: &MeterId, samples: &[Sample], now: Timestamp) -> bool {
        let mut waiting = self.lock();
        for sample in samples {
            let number = waiting.next_number;
            waiting.next_number += 1;
            waiting.samples.push_back((number, meter.clone(), sample.clone()));
        }
        while waiting.samples.len() > MAX_PENDING_SAMPLES {
            waiting.samples.pop_front();
            tracing::warn!(limit = MAX_PENDING_SAMPLES, "a sample was dropped: the disk takes none");
        }
        let since = *waiting.since.get_or_insert(now);
        // A clock that was set back must not make samples wait for it to catch up.
        now < since || now.since(since) >= SAMPLES_COMMIT_AFTER || waiting.samples.len() >= SAMPLES_COMMIT_AT
    }

    /// Copies what waits. It stays readable here until [`Self::committed`] says that the file has it.
    pub fn batch(&self) -> Batch {
        let waiting = self.lock();
        Batch {
            samples: waiting
                .samples
                .iter()
                .map(|(_, meter, sample)| (meter.clone(), sample.clone()))
                .collect(),
            up_to: waiting.next_number,
        }
    }

    /// Forgets what a committed batch held.
    pub fn committed(&self, batch: &Batch) {
        let mut waiting = self.lock();
        while waiting.samples.front().is_some_and(|(number, ..)| *number < batch.up_to) {
            waiting.samples.pop_front();
        }
        waiting.since = None;
    }

    /// Returns the samples of a meter that wait, in the order they came.
    pub fn of(&self, meter: &MeterId) -> Vec<Sample> {
        let waiting = self.lock();
        waiting.samples.iter().filter(|(_, of, _)| of == meter).map(|(.., sample)| sample.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
