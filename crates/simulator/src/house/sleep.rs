//! When a household's computer sleeps: twice a day its lid is closed for half an hour to two and a half.
//!
//! Meanwhile nobody reads the meter, which counts on, and nobody answers for the household.

use std::ops::Range;
use std::time::Duration;

use units::{SLOT_SECONDS, Timestamp};

use crate::world::{Chance, UtcDay};

/// The naps of one house, which follow from the street's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naps {
    seed: u64,
    house: u32,
}

/// The slots of a day in which a nap may begin; the longest nap ends before the next may begin.
const BEGINS: [(i64, i64); 2] = [(32, 40), (56, 66)];

/// How many slots later it ends.
const LASTS: (i64, i64) = (2, 9);

/// Where in its slot a nap begins and ends. By then the slot before was reported, also at high speed, and
/// neither of the two slots is wholly measured.
const WITHIN_SLOT_S: (i64, i64) = (SLOT_SECONDS / 2, SLOT_SECONDS * 3 / 4);

impl Naps {
    pub fn of(seed: u64, house: u32) -> Self {
        Self { seed, house }
    }

    /// Returns the first nap that begins at an instant or later.
    pub fn next(&self, at: Timestamp) -> Range<Timestamp> {
        let today = UtcDay::containing(at);
        let mut naps = self.day(today).into_iter().chain(self.day(today.next()));
        naps.find(|nap| nap.start >= at).expect("tomorrow's naps are yet to come")
    }

    fn day(&self, day: UtcDay) -> [Range<Timestamp>; 2] {
        let mut chance = Chance::new(self.seed, &[i64::from(self.house), day.0, 6]);
        BEGINS.map(|(earliest, latest)| {
            let first = chance.whole(earliest, latest);
            let last = first + chance.whole(LASTS.0, LASTS.1);
            let mut within = |slot: i64| {
                let seconds = slot * SLOT_SECONDS + chance.whole(WITHIN_SLOT_S.0, WITHIN_SLOT_S.1);
                day.start() + Duration::from_secs(seconds as u64)
            };
            within(first)..within(last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_come_by_day_one_after_the_other_and_none_is_longer_than_three_hours() {
        for house in 1..=40 {
            let naps = Naps::of(7, house);
            let mut awake: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
            for number in 0..20 {
                let nap = naps.next(awake);
                assert!(awake <= nap.start, "house {house} sleeps already");
                assert_eq!(nap.start.seconds() / 86_400, nap.end.seconds() / 86_400);
                assert!((25 * 60..=3 * 3600).contains(&(nap.end.seconds() - nap.start.seconds())), "{nap:?}");
                assert_eq!(UtcDay::containing(nap.start), UtcDay::containing(awake), "nap {number}");
                awake = if number % 2 == 1 { UtcDay::containing(nap.end).next().start() } else { nap.end };
            }
        }
    }

    #[test]
    fn the_seed_says_when() {
        let at = "2026-06-01T00:00:00Z".parse().unwrap();
        assert_eq!(Naps::of(7, 2).next(at), Naps::of(7, 2).next(at));
        assert!((0..10).any(|seed| Naps::of(seed, 2).next(at) != Naps::of(7, 2).next(at)));
    }
}
