//! What a counter can do in a time: the physics that every reading is held against.

use std::time::Duration;

use units::{Energy, Power};

/// The most that a dip may be that is taken for the meter's own noise, whatever the counter shows.
const LARGEST_DIP: i128 = 1_000_000;

/// What the fuse lets through and how finely the counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plausibility {
    pub fuse: Power,
    pub resolution: Energy,
}

impl Plausibility {
    /// Returns the most that a counter can move in a time, in milliwatt-hours: fuse x time x 1.2, since a
    /// fuse bears some overload, and two steps of the counter, one at each end.
    pub(crate) fn limit(self, time: Duration) -> i128 {
        let milliseconds = i128::try_from(time.as_millis()).unwrap_or(i128::from(i64::MAX));
        let through_fuse = i128::from(self.fuse.milliwatts()) * milliseconds * 12 / 10 / 3_600_000;
        through_fuse + self.noise()
    }

    /// Returns how far below `level` a counter may read without having fallen: two steps, or a
    /// thousandth of what it shows, at most 1 kWh. Meters that sum rounded phase counters dip so.
    pub(crate) fn dip(self, level: i128) -> i128 {
        self.noise().max((level / 1000).min(LARGEST_DIP))
    }

    fn noise(self) -> i128 {
        2 * i128::from(self.resolution.milliwatt_hours())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuse_of_ten_kilowatts_lets_twelve_kilowatt_hours_through_in_an_hour() {
        let physics =
            Plausibility { fuse: Power::from_watts(10_000), resolution: Energy::from_watt_hours(10) };
        assert_eq!(physics.limit(Duration::from_secs(3600)), 12_020_000);
        assert_eq!(physics.limit(Duration::ZERO), 20_000);
        assert_eq!((physics.dip(5_000_000), physics.dip(100_000_000)), (20_000, 100_000));
        assert_eq!(physics.dip(40_000_000_000), 1_000_000);
    }
}
