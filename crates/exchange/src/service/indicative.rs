//! What slots that are not cleared yet would clear at: a guess from the latest readings, which binds nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use exchange_api::{AreaPrice, Indicative, SlotState};
use rusqlite::Connection;
use units::{Slot, Timestamp};

use super::{Failure, settling};
use crate::store::rows::slot;

/// How long a guess is told before it is made anew.
pub(crate) const EVERY: Duration = Duration::from_secs(60);

/// How many slots back a meter's latest reading may lie and still say something: an hour.
pub(super) const REACH_SLOTS: i64 = 4;

/// The guesses of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Guesses {
    at: Timestamp,
    slots: BTreeMap<Slot, Vec<AreaPrice>>,
}

impl Guesses {
    /// Returns whether they are still told at a time. A clock that was set back makes them anew.
    pub(crate) fn are_fresh(&self, now: Timestamp) -> bool {
        now >= self.at && now.since(self.at) < EVERY
    }

    pub(crate) fn of(&self, slot: Slot) -> Option<Indicative> {
        let areas = self.slots.get(&slot)?;
        Some(Indicative { at: self.at, areas: areas.clone() })
    }
}

/// Guesses for each slot whose gate has closed and that is not cleared.
pub(crate) fn guesses(db: &Connection, now: Timestamp) -> Result<Guesses, Failure> {
    let mut slots = BTreeMap::new();
    for row in slot::unsettled(db)? {
        if row.state == SlotState::Open {
            // Sorted by time: all after it are open too.
            break;
        }
        slots.insert(row.slot, settling::expected_prices(db, row.slot)?);
    }
    Ok(Guesses { at: now, slots })
}
