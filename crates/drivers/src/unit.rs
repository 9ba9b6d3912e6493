//! One unit on a line: which answers it still owes, and when it may be asked again.
//!
//! A serial answer does not name its request. After a request is given up, its answer may still come and
//! would pass for the answer to the next request of the same length. So the unit first gets time to finish,
//! and then a *fence*: a short read of another length, whose answer cannot be mixed up. A device answers in
//! order, so once the fence is answered, everything before it has come or never will. This is what
//! tokio-modbus #324 lacks.

use std::time::{Duration, Instant};

use crate::frame::{MOST_REGISTERS, Request};
use crate::trouble::Trouble;

/// How long an answer may be owed. No meter answers a question this old, and no gateway keeps one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// Lengths of fences. Eight of them outlast [`FORGOTTEN_AFTER`] at one probe in 1.5 s. They are even,
/// since some meters refuse odd counts (Eastron).
const FENCE_COUNTS: [u16; 8] = [2, 4, 6, 8, 10, 12, 14, 16];

/// A dead unit may take at most a tenth of the line from units that live.
const REST_FACTOR: u32 = 9;
const LONGEST_REST: Duration = Duration::from_secs(300);

/// What to do next with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask what is to be asked.
    Ask,
    /// Ask this first, and throw the answer away.
    Fence(Request),
    /// Leave it alone until then.
    Wait(Instant),
}

/// What a line remembers of one unit.
#[derive(Debug, Default)]
pub struct Unit {
    owed: Vec<(Request, Instant)>,
    ready_at: Option<Instant>,
    /// The device refused a fence, so only time can tell that nothing is owed.
    settled_by_time: bool,
    failures: u32,
    /// Why the last request came to nothing.
    trouble: Option<Trouble>,
    rests_until: Option<Instant>,
}

impl Unit {
    /// Returns the requests that may still be answered, the oldest first.
    pub fn owed(&self) -> Vec<Request> {
        self.owed.iter().map(|(request, _)| *request).collect()
    }

    /// Says how to go about asking `next`.
    pub fn step(&mut self, next: &Request, now: Instant) -> Step {
        if let Some(ready_at) = self.ready_at.filter(|ready_at| *ready_at > now) {
            return Step::Wait(ready_at);
        }
        self.owed.retain(|(_, given_up)| now.saturating_duration_since(*given_up) < FORGOTTEN_AFTER);
        if self.settled_by_time {
            self.settle();
        }
        match (self.owed.last(), self.fence(next)) {
            (None, _) => Step::Ask,
            (Some(_), Some(fence)) => Step::Fence(fence),
            (Some((_, given_up)), None) => Step::Wait(*given_up + FORGOTTEN_AFTER),
        }
    }

    /// Notes that a request is not waited for any longer.
    pub fn give_up(&mut self, request: Request, now: Instant, settle: Duration) {
        self.owed.push((request, now));
        self.hold_until(now + settle);
    }

    /// Notes that the device refused a fence: which of the requests it refused, nobody knows.
    pub fn refuse_fence(&mut self, fence: Request, now: Instant, settle: Duration) {
        self.settled_by_time = true;
        self.give_up(fence, now, settle);
    }

    /// Notes that nothing is owed any longer.
    pub fn settle(&mut self) {
        self.owed.clear();
        self.settled_by_time = false;
    }

    /// Notes an answer that came while nobody waited, and returns whether it was owed. It also ends
    /// the wait for it, since a device answers in order.
    pub fn hear_late(&mut self, skipped: usize) {
        self.owed.drain(..skipped.min(self.owed.len()));
        if self.owed.is_empty() {
            self.settle();
            self.ready_at = None;
        }
    }

    pub fn hold_until(&mut self, time: Instant) {
        self.ready_at = Some(time);
    }

    pub fn succeed(&mut self) {
        self.failures = 0;
        self.trouble = None;
        self.rests_until = None;
    }

    /// Notes that a request came to nothing. Where others share the line, the unit rests.
    pub fn fail(&mut self, trouble: &Trouble, spent: Duration, shared: bool, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.trouble = Some(trouble.clone());
        if shared && self.failures >= 2 {
            self.rests_until = Some(now + (spent * REST_FACTOR).min(LONGEST_REST));
        }
    }

    /// Returns why the unit rests, while it does.
    pub fn resting(&self, now: Instant) -> Option<&Trouble> {
        self.rests_until.filter(|until| *until > now).and(self.trouble.as_ref())
    }

    /// Returns why the last request came to nothing, if it did.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Returns whether the last request failed, which leaves no time for retries on a shared line.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Chooses a read that no owed answer resembles: the start of what is wanted anyway, where possible.
    fn fence(&self, next: &Request) -> Option<Request> {
        let shorter = FENCE_COUNTS.into_iter().filter(|count| *count < next.count());
        let longer = (1..=8).map(|more| next.count() + 2 * more).filter(|count| *count <= MOST_REGISTERS);
        shorter
            .chain(longer)
            .filter_map(|count| Request::new(next.unit, next.function, next.address, count))
            .find(|fence| !self.owed.iter().any(|(owed, _)| owed.resembles(fence)))
    }
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;
