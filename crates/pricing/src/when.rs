//! When a price zone holds: on which days, in which months, at which hours of the wall clock.

use chrono::{Datelike, Weekday};

use units::{Hours, WallTime};

use crate::calendar::Holiday;

/// The times of a zone. All three must hold.
///
/// Hours that cross midnight belong to the calendar day that the clock shows, as utilities write them:
/// "Monday to Friday 23:00-07:00" has the small hours of Monday and not those of Saturday.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    pub days: Days,
    /// None at all means all day.
    pub hours: Vec<Hours>,
    pub months: Months,
}

/// Days of the week, and holidays as a day of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days([bool; 8]);

/// Months of the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months([bool; 12]);

impl When {
    pub(crate) fn holds(&self, time: WallTime, holidays: &[Holiday]) -> bool {
        let hours = self.hours.is_empty() || self.hours.iter().any(|hours| hours.contain(time.minute));
        hours && self.months.contains(time.day.date().month()) && self.days.hold(time, holidays)
    }
}

impl Days {
    pub const ALL: Self = Self([true; 8]);
    /// The words for the days, Monday first, holidays last.
    pub const WORDS: [&'static str; 8] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];
    const HOLIDAY: usize = 7;

    /// Makes days of their words; `None` where one is unknown or comes twice.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        named(words, &Self::WORDS).map(Self)
    }

    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().zip(self.0).filter(|(_, within)| *within).map(|(word, _)| word)
    }

    /// A holiday is no day of the week any more: only "holiday" holds on it.
    fn hold(self, time: WallTime, holidays: &[Holiday]) -> bool {
        if self == Self::ALL {
            return true;
        }
        let holiday = holidays.iter().any(|holiday| holiday.is(time.day));
        let weekday: Weekday = time.day.date().weekday();
        self.0[if holiday { Self::HOLIDAY } else { weekday.num_days_from_monday() as usize }]
    }
}

impl Default for Days {
    fn default() -> Self {
        Self::ALL
    }
}

impl Months {
    pub const ALL: Self = Self([true; 12]);
    pub const WORDS: [&'static str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    /// Makes months of their words; `None` where one is unknown or comes twice.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        named(words, &Self::WORDS).map(Self)
    }

    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().zip(self.0).filter(|(_, within)| *within).map(|(word, _)| word)
    }

    fn contains(self, month: u32) -> bool {
        self.0[month as usize - 1]
    }
}

impl Default for Months {
    fn default() -> Self {
        Self::ALL
    }
}

/// Reads `22:00-06:00`; `None` unless both are quarter hours of a day and differ.
pub(crate) fn quarter_hours(text: &str) -> Option<Hours> {
    let (from, to) = text.split_once('-')?;
    let hours = Hours::between(from.trim(), to.trim())?;
    (hours.from_minute() % 15 == 0 && hours.to_minute() % 15 == 0).then_some(hours)
}

fn named<'a, const N: usize>(
    words: impl IntoIterator<Item = &'a str>,
    all: &[&'static str; N],
) -> Option<[bool; N]> {
    let mut within = [false; N];
    for word in words {
        let place = all.iter().position(|known| *known == word)?;
        if std::mem::replace(&mut within[place], true) {
            return None;
        }
    }
    Some(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str, minute: u32) -> WallTime {
        WallTime { day: day.parse().unwrap(), minute }
    }

    #[test]
    fn hours_are_half_open_and_may_cross_midnight() {
        let night = quarter_hours("22:00-06:00").unwrap();
        let inside = [1320, 1439, 0, 359].map(|minute| night.contain(minute));
        let outside = [1319, 360, 720].map(|minute| night.contain(minute));
        assert_eq!((inside, outside), ([true; 4], [false; 3]));
        assert_eq!(quarter_hours("22:00-00:00"), quarter_hours("22:00-24:00"));
        assert_eq!(quarter_hours("00:00-24:00").unwrap().to_string(), "00:00-24:00");
        for text in ["22:00", "22:00-22:00", "24:00-06:00", "22:10-06:00", "9:00-10:00", "23:00-24:15", "a-b"]
        {
            assert_eq!(quarter_hours(text), None, "{text}");
        }
    }

    #[test]
    fn hours_across_midnight_belong_to_the_day_that_the_calendar_shows() {
        let hours = vec![quarter_hours("23:00-07:00").unwrap()];
        let days = Days::from_words(["mon", "tue", "wed", "thu", "fri"]).unwrap();
        let dal = When { days, hours, months: Months::ALL };
        // 2026-06-01 is a Monday, 2026-06-06 a Saturday.
        assert!(dal.holds(at("2026-06-01", 60), &[]));
        assert!(dal.holds(at("2026-06-05", 1400), &[]));
        assert!(!dal.holds(at("2026-06-06", 60), &[]));
    }

    #[test]
    fn a_holiday_is_no_weekday() {
        let holidays = ["12-25".parse().unwrap()];
        let weekdays = When { days: Days::from_words(["mon", "thu", "fri"]).unwrap(), ..When::default() };
        let free = When { days: Days::from_words(["sun", "holiday"]).unwrap(), ..When::default() };
        // 2026-12-25 is a Friday.
        assert!(!weekdays.holds(at("2026-12-25", 600), &holidays));
        assert!(free.holds(at("2026-12-25", 600), &holidays));
        assert!(weekdays.holds(at("2026-12-25", 600), &[]));
        assert!(When::default().holds(at("2026-12-25", 600), &holidays));
    }
}
