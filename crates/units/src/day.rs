//! Local days: 92, 96 or 100 slots, never a formatted local time.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use chrono::{Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Timelike, Utc, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::slot::Slot;
use crate::time::Timestamp;

/// An IANA time zone.
pub type Zone = chrono_tz::Tz;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a time zone: Europe/Berlin is one")]
pub struct UnknownZone(String);

/// Returns the zone of an IANA name.
pub fn zone(name: &str) -> Result<Zone, UnknownZone> {
    name.parse().map_err(|_| UnknownZone(name.to_owned()))
}

/// A calendar date as a key, `2026-06-01`. It says nothing of a zone; [`LocalDay`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayKey(NaiveDate);

impl DayKey {
    pub fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// Returns the first day of its month.
    pub fn month_start(self) -> Self {
        Self(self.0.with_day(1).expect("every month has a first day"))
    }

    /// Returns the first day of the month after its own.
    pub fn next_month_start(self) -> Self {
        Self(self.month_start().0 + chrono::Months::new(1))
    }

    pub fn next(self) -> Self {
        Self(self.0 + Days::new(1))
    }

    pub fn previous(self) -> Self {
        Self(self.0 - Days::new(1))
    }
}

impl fmt::Display for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DayKey {
    type Err = chrono::ParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self)
    }
}

impl Serialize for DayKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DayKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A day as the people of a zone live it: 92, 96 or 100 slots where clocks change by an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalDay {
    key: DayKey,
    zone: Zone,
}

impl LocalDay {
    pub fn new(key: DayKey, zone: Zone) -> Self {
        Self { key, zone }
    }

    /// Returns the local day that an instant lies in.
    pub fn containing(time: Timestamp, zone: Zone) -> Self {
        Self { key: DayKey(time.to_chrono().with_timezone(&zone).date_naive()), zone }
    }

    pub fn key(self) -> DayKey {
        self.key
    }

    /// Returns when the day begins: the first instant whose local date it is.
    pub fn start(self) -> Timestamp {
        first_instant(self.key.0, self.zone)
    }

    /// Returns when the day ends, which is when the next begins.
    pub fn end(self) -> Timestamp {
        first_instant(self.key.next().0, self.zone)
    }

    pub fn next(self) -> Self {
        Self { key: self.key.next(), ..self }
    }

    pub fn previous(self) -> Self {
        Self { key: self.key.previous(), ..self }
    }

    /// Returns the slots whose start lies in the day, half-open.
    pub fn slots(self) -> Range<Slot> {
        first_slot_from(self.start())..first_slot_from(self.end())
    }

    pub fn slot_count(self) -> usize {
        Slot::range(self.slots()).len()
    }

    pub fn weekday(self) -> Weekday {
        self.key.0.weekday()
    }

    /// Returns the wall-clock minutes since midnight at an instant: what a rule's hours speak of.
    pub fn minute_of_day(time: Timestamp, zone: Zone) -> u32 {
        let local = time.to_chrono().with_timezone(&zone);
        local.hour() * 60 + local.minute()
    }
}

fn first_slot_from(time: Timestamp) -> Slot {
    let slot = Slot::containing(time);
    if slot.start() == time { slot } else { slot.next() }
}

/// Finds the first instant of a date. Where midnight does not exist (clocks that change at
/// midnight) it is the first quarter hour that does; where it exists twice, the earlier one.
fn first_instant(date: NaiveDate, zone: Zone) -> Timestamp {
    for quarter in 0..96 {
        let time = NaiveTime::MIN + chrono::Duration::minutes(15 * quarter);
        match zone.from_local_datetime(&date.and_time(time)) {
            LocalResult::Single(start) | LocalResult::Ambiguous(start, _) => {
                return Timestamp::from_chrono(start.with_timezone(&Utc));
            }
            LocalResult::None => {}
        }
    }
    // A date that a zone skipped altogether (Samoa, 2011-12-30) has no instant: it is empty.
    first_instant(date + Days::new(1), zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(date: &str, zone_name: &str) -> LocalDay {
        LocalDay::new(date.parse().unwrap(), zone(zone_name).unwrap())
    }

    #[test]
    fn days_have_92_96_or_100_slots() {
        assert_eq!(day("2026-03-29", "Europe/Berlin").slot_count(), 92);
        assert_eq!(day("2026-06-01", "Europe/Berlin").slot_count(), 96);
        assert_eq!(day("2026-10-25", "Europe/Berlin").slot_count(), 100);
    }

    #[test]
    fn a_half_hour_clock_change_and_a_midnight_one_hold_too() {
        assert_eq!(day("2026-04-05", "Australia/Lord_Howe").slot_count(), 98);
        assert_eq!(day("2026-10-04", "Australia/Lord_Howe").slot_count(), 94);
        assert_eq!(day("2018-11-04", "America/Sao_Paulo").slot_count(), 92);
        assert_eq!(day("2011-12-30", "Pacific/Apia").slot_count(), 0);
    }

    #[test]
    fn a_month_asked_as_first_to_first_has_its_days() {
        let key: DayKey = "2026-12-17".parse().unwrap();
        assert_eq!(key.month_start().to_string(), "2026-12-01");
        assert_eq!(key.next_month_start().to_string(), "2027-01-01");
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        assert!(zone("Middle/Earth").is_err());
    }

    proptest! {
        #[test]
        fn paging_back_and_forth_keeps_whole_days(seconds in 1_500_000_000i64..1_900_000_000, which in 0usize..4) {
            let names = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"];
            let zone = zone(names[which]).unwrap();
            let time = Timestamp::from_seconds(seconds);
            let day = LocalDay::containing(time, zone);
            prop_assert!(day.start() <= time && time < day.end());
            prop_assert_eq!(day.next().previous(), day);
            prop_assert_eq!(day.end(), day.next().start());
            prop_assert_eq!(day.slots().end, day.next().slots().start);
        }
    }
}
