//! Keys that only grow: SQLite then appends to a table instead of sorting into it.

use std::ops::Range;

use units::{DayKey, Slot, Timestamp};

/// How many bits of a key tell the meter. The table of meters gives no higher number.
const METER_BITS: u32 = 12;

/// Returns the key of a meter's row at a place in time: a count of milliseconds or slots.
///
/// There is no meter 0, so its key is where the place begins.
pub fn key(place: i64, meter: i64) -> i64 {
    // Places beyond 70,000 years lie at the ends.
    let place = place.clamp(i64::MIN >> METER_BITS, i64::MAX >> METER_BITS);
    (place << METER_BITS) | meter
}

/// Returns the place in time of a key.
pub const fn place_in(key: i64) -> i64 {
    key >> METER_BITS
}

/// Returns the meter of a key.
pub const fn meter_in(key: i64) -> i64 {
    key & ((1 << METER_BITS) - 1)
}

/// Returns slots that hold all of some local days, whatever the zone: what an index by slot is asked
/// before the day of each row is looked at.
pub fn slots_around(days: &Range<DayKey>) -> Range<Slot> {
    let midnight = |day: DayKey| day.date().and_time(Default::default()).and_utc().timestamp();
    let slot = |day| Slot::containing(Timestamp::from_seconds(midnight(day)));
    // Clocks are at most 14 hours ahead of UTC and 12 behind.
    slot(days.start.previous())..slot(days.end.next())
}

#[cfg(test)]
mod tests {
    use units::{LocalDay, zone};

    use super::*;

    #[test]
    fn the_slots_around_a_day_hold_it_in_every_zone() {
        for name in ["Pacific/Kiritimati", "Europe/Berlin", "Etc/GMT+12"] {
            let day = LocalDay::new("2026-06-01".parse().unwrap(), zone(name).unwrap());
            let around = slots_around(&(day.key()..day.key().next()));
            assert!(around.start <= day.slots().start && day.slots().end <= around.end, "{name}");
        }
    }

    #[test]
    fn a_key_tells_its_place_and_its_meter() {
        for (place, meter) in [(0, 1), (1_980_000, 4095), (-1, 3)] {
            let key = key(place, meter);
            assert_eq!((place_in(key), meter_in(key)), (place, meter));
        }
    }

    #[test]
    fn keys_sort_by_place_and_then_by_meter() {
        let keys =
            [(-1, 3), (0, 1), (0, 4095), (1, 0), (i64::MAX, 1)].map(|(place, meter)| key(place, meter));
        assert!(keys.is_sorted());
    }
}
