//! The clock on the wall: what days and hours speak of in rules, deals and contracts.

use std::fmt;

use crate::day::{DayKey, LocalDay, Zone};
use crate::slot::Slot;

/// What calendar and clock show when a slot starts.
///
/// On a day on which clocks are set back the same wall time comes twice, and both are it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallTime {
    pub day: DayKey,
    /// Minutes since midnight as the clock shows them.
    pub minute: u32,
}

impl WallTime {
    pub fn at(slot: Slot, zone: Zone) -> Self {
        let day = LocalDay::containing(slot.start(), zone).key();
        Self { day, minute: LocalDay::minute_of_day(slot.start(), zone) }
    }
}

/// Hours of a day, half-open; they may cross midnight. In minutes since midnight.
///
/// How they are written is for whoever reads them: a deal's are signed and have one spelling, a rule's have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u32,
    to: u32,
}

impl Hours {
    pub const MINUTES_OF_DAY: u32 = 24 * 60;

    /// Makes hours of minutes since midnight; `None` beyond 24:00 or where both are the same.
    pub fn new(from: u32, to: u32) -> Option<Self> {
        let within = from < Self::MINUTES_OF_DAY && to <= Self::MINUTES_OF_DAY && to != from;
        // 22:00-00:00 and 22:00-24:00 are the same hours; only the second does not cross midnight.
        let to = if to == 0 { Self::MINUTES_OF_DAY } else { to };
        (within && from != to).then_some(Self { from, to })
    }

    /// Makes hours of two times such as `06:00` and `24:00`, two digits each.
    pub fn between(from: &str, to: &str) -> Option<Self> {
        Self::new(minute_of(from)?, minute_of(to)?)
    }

    pub const fn from_minute(self) -> u32 {
        self.from
    }

    pub const fn to_minute(self) -> u32 {
        self.to
    }

    /// Says how many days before a wall-clock minute's day the hours that hold it began: 0, 1 across
    /// midnight, or `None` if they do not hold it.
    pub fn began_days_ago(self, minute: u32) -> Option<u32> {
        match (self.from < self.to, minute >= self.from, minute < self.to) {
            (true, true, true) | (false, true, _) => Some(0),
            (false, false, true) => Some(1),
            (true, _, _) | (false, false, false) => None,
        }
    }

    pub fn contain(self, minute: u32) -> bool {
        self.began_days_ago(minute).is_some()
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// Reads `06:00` as minutes since midnight; 24:00 is allowed.
fn minute_of(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u32>().ok() } else { None }
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= Hours::MINUTES_OF_DAY).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_half_open_and_those_across_midnight_began_the_day_before() {
        let night = Hours::new(22 * 60, 6 * 60).unwrap();
        let began = [1319, 1320, 1439, 0, 359, 360].map(|minute| night.began_days_ago(minute));
        assert_eq!(began, [None, Some(0), Some(0), Some(1), Some(1), None]);
        assert!(night.contain(0) && !night.contain(360));
        assert_eq!(night.to_string(), "22:00-06:00");
    }

    #[test]
    fn until_midnight_is_the_end_of_the_same_day_however_it_is_said() {
        assert_eq!(Hours::new(1320, 0), Hours::new(1320, 1440));
        assert_eq!(Hours::new(1320, 0).unwrap().began_days_ago(0), None);
        assert_eq!(Hours::between("22:00", "24:00"), Hours::new(1320, 1440));
        for (from, to) in
            [("9:00", "10:00"), ("23:00", "24:15"), ("24:00", "06:00"), ("09:60", "10:00"), ("a", "b")]
        {
            assert_eq!(Hours::between(from, to), None, "{from}-{to}");
        }
        assert_eq!((Hours::new(60, 60), Hours::new(0, 0), Hours::new(1440, 60)), (None, None, None));
    }

    #[test]
    fn the_hour_that_comes_twice_is_the_same_wall_time() {
        let zone = crate::zone("Europe/Berlin").unwrap();
        let at = |text: &str| WallTime::at(text.parse().unwrap(), zone);
        assert_eq!(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(at("2026-10-25T00:30:00Z").minute, 150);
    }
}
