//! How the lines to the meters are taken up and let go while the house runs.
//!
//! The task that owns the readers follows what is wanted here. Whoever searches a line, or changes a meter,
//! holds the lines: the readers let go of their ports, and take them again with the configuration that is
//! in force then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metering::Sample;
use tokio::sync::{mpsc, oneshot, watch};
use units::{Energy, Timestamp};

use crate::config::Role;
use history::HistoryError;

/// A reading that has begun may take so long to be given up.
const LETTING_GO: Duration = Duration::from_secs(10);

/// What the bookkeeper is told.
#[derive(Debug)]
pub enum Told {
    Sample(Role, Sample),
    Change(BookChange, oneshot::Sender<Result<(), HistoryError>>),
}

/// What changes the books beside samples.
#[derive(Clone, Debug)]
pub enum BookChange {
    /// Meters were added, removed, or are read in another way; those of `fresh` begin with other registers.
    Reopen { fresh: Vec<Role> },
    /// Another meter counts from a time on. What is known of the old one's end and the new one's start is
    /// booked: import and export.
    Replaced {
        role: Role,
        at: Timestamp,
        old: (Option<Energy>, Option<Energy>),
        new: (Option<Energy>, Option<Energy>),
        serial: Option<String>,
    },
    /// The meter is read the other way round from its last sample on.
    Turned { role: Role },
}

/// What is wanted of the lines, and how far the readers have followed.
#[derive(Debug)]
pub struct Wiring {
    wanted: watch::Sender<Wanted>,
    /// What the readers follow at this moment; nothing while no reader runs.
    followed: watch::Sender<Option<u64>>,
    books: Mutex<Option<mpsc::WeakSender<Told>>>,
    /// One change of the meters at a time.
    pub changing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub version: u64,
    holds: BTreeMap<u64, Hold>,
}

/// Which meters are not read meanwhile.
#[derive(Clone, Debug)]
pub enum Hold {
    All,
    /// Those that are reached at these places: hosts and paths.
    Places(Vec<String>),
}

/// Keeps lines free until it is dropped.
#[derive(Debug)]
pub struct Held<'a> {
    wiring: &'a Wiring,
    number: u64,
}

impl Default for Wiring {
    fn default() -> Self {
        Self {
            wanted: watch::Sender::new(Wanted::default()),
            followed: watch::Sender::new(None),
            books: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        }
    }
}

impl Wanted {
    /// Returns whether a meter at this place is not to be read.
    pub fn holds(&self, place: &str) -> bool {
        self.holds.values().any(|hold| match hold {
            Hold::All => true,
            Hold::Places(places) => places.iter().any(|held| same_place(held, place)),
        })
    }
}

/// Compares hosts without their ports, and paths by what they lead to.
pub fn same_place(one: &str, other: &str) -> bool {
    let canonical = |path: &str| std::fs::canonicalize(path).ok();
    if one.starts_with('/') || other.starts_with('/') {
        return one == other || canonical(one).is_some_and(|path| Some(path) == canonical(other));
    }
    host(one) == host(other)
}

fn host(place: &str) -> &str {
    let without_port = place.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    without_port.map_or(place, |(host, _)| host)
}

impl Wiring {
    /// Returns what is wanted, for the task that owns the readers.
    pub fn follow(&self) -> watch::Receiver<Wanted> {
        self.wanted.subscribe()
    }

    /// Notes that the readers follow a version, or that there are none.
    pub fn followed(&self, version: Option<u64>) {
        self.followed.send_replace(version);
    }

    /// Notes where the bookkeeper is told of changes; it ends when the readers let go of it.
    pub fn keeps_books(&self, books: mpsc::WeakSender<Told>) {
        *self.books.lock().unwrap_or_else(PoisonError::into_inner) = Some(books);
    }

    /// Returns where the bookkeeper is told of changes, while there is one.
    pub fn books(&self) -> Option<mpsc::Sender<Told>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Lets the readers let go of lines, and waits until they have.
    pub async fn hold(&self, hold: Hold) -> Held<'_> {
        let mut number = 0;
        self.wanted.send_modify(|wanted| {
            wanted.version += 1;
            number = wanted.version;
            wanted.holds.insert(number, hold);
        });
        let held = Held { wiring: self, number };
        self.wait_for(number).await;
        held
    }

    /// Waits until the readers have followed what was wanted until now.
    pub async fn settled(&self) {
        let version = self.wanted.borrow().version;
        self.wait_for(version).await;
    }

    async fn wait_for(&self, version: u64) {
        let mut followed = self.followed.subscribe();
        let reached = followed.wait_for(|followed| followed.is_none_or(|reached| reached >= version));
        if tokio::time::timeout(LETTING_GO, reached).await.is_err() {
            tracing::warn!("the readers of the meters do not let go of their lines");
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.wiring.wanted.send_modify(|wanted| {
            wanted.version += 1;
            wanted.holds.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_whatever_its_port_or_a_port_whatever_its_name() {
        assert!(same_place("10.0.0.7:502", "10.0.0.7"));
        assert!(!same_place("10.0.0.7:502", "10.0.0.8:502"));
        let dir = tempfile::tempdir().unwrap();
        let (node, link) = (dir.path().join("ttyUSB0"), dir.path().join("usb-of-meter"));
        std::fs::write(&node, "").unwrap();
        std::os::unix::fs::symlink(&node, &link).unwrap();
        assert!(same_place(node.to_str().unwrap(), link.to_str().unwrap()));
    }

    #[tokio::test]
    async fn a_line_is_free_while_it_is_held() {
        let wiring = Wiring::default();
        let held = wiring.hold(Hold::Places(vec!["10.0.0.7".to_owned()])).await;
        assert!(wiring.follow().borrow().holds("10.0.0.7:502"));
        drop(held);
        assert!(!wiring.follow().borrow().holds("10.0.0.7:502"));
    }
}
