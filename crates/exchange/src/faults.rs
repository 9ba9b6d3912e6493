//! What failed in the lives of slots and has not been mended: kept for those who look, until it works.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use units::{Slot, Timestamp};

/// A step that failed when it was last tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Missing where no slot's step could be looked for, or none added.
    pub slot: Option<Slot>,
    /// When it failed first since it last worked; real time.
    pub since: Timestamp,
    pub error: String,
}

/// All faults of now, by slot.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<BTreeMap<Option<Slot>, Fault>>);

impl Faults {
    pub(crate) fn failed(&self, slot: Option<Slot>, now: Timestamp, error: String) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = faults.get(&slot).map_or(now, |fault| fault.since);
        faults.insert(slot, Fault { slot, since, error });
    }

    pub(crate) fn works(&self, slot: Option<Slot>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot);
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_as_old_as_its_first_failure_and_ends_when_it_works() {
        let (faults, slot) = (Faults::default(), Some(Slot::from_index(7)));
        let at = Timestamp::from_seconds;
        faults.failed(slot, at(1), "disk full".to_owned());
        faults.failed(slot, at(2), "still full".to_owned());
        faults.failed(None, at(3), "unreadable".to_owned());
        let told = faults.all();
        assert_eq!((told.len(), told[1].since, told[1].error.as_str()), (2, at(1), "still full"));
        faults.works(slot);
        faults.works(None);
        assert_eq!(faults.all(), []);
    }
}
