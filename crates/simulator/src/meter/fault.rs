//! What can ail a meter, switched while it runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use units::Timestamp;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Takes requests and never answers.
    Silent,
    /// Answers in the name of another unit.
    WrongUnit,
    /// Answers after so much real time.
    Slow(Duration),
}

/// The switch, shared by the meter and whoever tests its readers.
#[derive(Clone, Debug)]
pub struct Faults {
    now: Arc<Mutex<Fault>>,
    restarted: watch::Sender<Option<Timestamp>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { now: Arc::default(), restarted: watch::Sender::new(None) }
    }
}

impl Faults {
    pub fn set(&self, fault: Fault) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    pub fn get(&self) -> Fault {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn restart_at(&self, at: Timestamp) {
        self.restarted.send_replace(Some(at));
    }

    /// Returns since when the counters count, if the meter was restarted.
    pub(super) fn counting_since(&self) -> Option<Timestamp> {
        *self.restarted.borrow()
    }

    /// Returns something that wakes a connection when the power goes.
    pub(super) fn watch_restarts(&self) -> watch::Receiver<Option<Timestamp>> {
        self.restarted.subscribe()
    }
}
