//! Quarter-hour slots: the market's unit of time.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Timestamp;

/// The length of a slot in seconds.
pub const SLOT_SECONDS: i64 = 900;

/// A quarter of an hour in UTC, aligned, half-open `[start, end)`. It cannot be 07:13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(i64);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the start of a quarter hour")]
pub struct UnalignedSlot(pub String);

impl Slot {
    /// The length of a slot.
    pub const LENGTH: Duration = Duration::from_secs(SLOT_SECONDS as u64);

    /// Returns the slot that an instant lies in.
    pub fn containing(time: Timestamp) -> Self {
        Self(time.seconds().div_euclid(SLOT_SECONDS))
    }

    /// Returns the slot that starts at an instant, or an error if none does.
    pub fn starting_at(time: Timestamp) -> Result<Self, UnalignedSlot> {
        let slot = Self::containing(time);
        if slot.start() == time { Ok(slot) } else { Err(UnalignedSlot(time.to_string())) }
    }

    /// Returns the slot with this number, counted from 1970. The form it is stored in.
    pub const fn from_index(index: i64) -> Self {
        Self(index)
    }

    /// Returns the number of the slot, counted from 1970.
    pub const fn index(self) -> i64 {
        self.0
    }

    pub const fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0 * SLOT_SECONDS)
    }

    pub const fn end(self) -> Timestamp {
        Timestamp::from_seconds((self.0 + 1) * SLOT_SECONDS)
    }

    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub const fn previous(self) -> Self {
        Self(self.0 - 1)
    }

    /// Returns the slot so many slots later; earlier where the number is negative.
    pub const fn offset(self, slots: i64) -> Self {
        Self(self.0 + slots)
    }

    pub fn contains(self, time: Timestamp) -> bool {
        self.start() <= time && time < self.end()
    }

    /// Iterates over the slots `[from, to)`.
    pub fn range(slots: Range<Slot>) -> impl DoubleEndedIterator<Item = Slot> + ExactSizeIterator {
        let count = usize::try_from(slots.end.0 - slots.start.0).unwrap_or(0);
        (0..count).map(move |offset| Slot(slots.start.0 + offset as i64))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().fmt(f)
    }
}

impl FromStr for Slot {
    type Err = UnalignedSlot;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = text.parse().map_err(|_| UnalignedSlot(text.to_owned()))?;
        Self::starting_at(time)
    }
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slot_cannot_be_07_13() {
        assert!("2026-06-01T07:13:00Z".parse::<Slot>().is_err());
        assert!("2026-06-01T07:15:00.001Z".parse::<Slot>().is_err());
        assert_eq!("2026-06-01T07:15:00Z".parse::<Slot>().unwrap().to_string(), "2026-06-01T07:15:00Z");
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_exactly_one_slot(millis in -10i64.pow(13)..10i64.pow(13)) {
            let time = Timestamp::from_millis(millis);
            let slot = Slot::containing(time);
            prop_assert!(slot.contains(time));
            prop_assert!(!slot.next().contains(time) && !slot.previous().contains(time));
            prop_assert_eq!(slot.end(), slot.next().start());
        }
    }
}
