//! Holidays: days on which a contract's day "holiday" holds.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate};
use units::DayKey;

/// A day on which a contract's day "holiday" holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holiday {
    /// Once: `2026-06-08`.
    On(DayKey),
    /// Each year: `12-25`.
    Yearly { month: u32, day: u32 },
    /// So many days after Easter Sunday: `easter+1`, `easter-2`.
    Easter { days_after: i64 },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no holiday; write \"12-25\" for each year, \"2026-06-08\" for once, or \"easter+1\"")]
pub struct InvalidHoliday(pub String);

impl Holiday {
    pub(crate) fn is(self, day: DayKey) -> bool {
        let date = day.date();
        match self {
            Self::On(once) => once == day,
            Self::Yearly { month, day } => (date.month(), date.day()) == (month, day),
            Self::Easter { days_after } => (date - easter_sunday(date.year())).num_days() == days_after,
        }
    }
}

impl FromStr for Holiday {
    type Err = InvalidHoliday;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidHoliday(text.to_owned());
        if let Some(after) = text.strip_prefix("easter") {
            let days_after = if after.is_empty() { 0 } else { after.parse().map_err(|_| invalid())? };
            let signed = after.is_empty() || after.starts_with(['+', '-']);
            let holiday = Self::Easter { days_after };
            return if signed && (-100i64..=100).contains(&days_after) {
                Ok(holiday)
            } else {
                Err(invalid())
            };
        }
        if let Some((month, day)) = parse_month_day(text) {
            return Ok(Self::Yearly { month, day });
        }
        text.parse().map(Self::On).map_err(|_| invalid())
    }
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(day) => day.fmt(f),
            Self::Yearly { month, day } => write!(f, "{month:02}-{day:02}"),
            Self::Easter { days_after: 0 } => f.write_str("easter"),
            Self::Easter { days_after } => write!(f, "easter{days_after:+}"),
        }
    }
}

/// Reads `MM-DD`, a day that some year has.
pub(crate) fn parse_month_day(text: &str) -> Option<(u32, u32)> {
    let (month, day) = text.split_once('-')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(month) || !two_digits(day) {
        return None;
    }
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    NaiveDate::from_ymd_opt(2024, month, day).map(|_| (month, day))
}

/// Returns Easter Sunday of the Gregorian calendar (the anonymous algorithm of Meeus, Jones and Butcher).
fn easter_sunday(year: i32) -> NaiveDate {
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15).rem_euclid(30);
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4).rem_euclid(7);
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let march_days = moon + weekday - 7 * late + 21;
    let first = NaiveDate::from_ymd_opt(year, 3, 1).expect("each year has a first of March");
    first + Days::new(u64::try_from(march_days).expect("Easter is after the first of March"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_where_the_almanac_says() {
        let dates = ["2000-04-23", "2008-03-23", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05"];
        for text in dates.into_iter().chain(["2027-03-28", "2038-04-25"]) {
            let date: NaiveDate = text.parse().unwrap();
            assert_eq!(easter_sunday(date.year()), date);
        }
    }

    #[test]
    fn holidays_are_read_and_written() {
        let is = |text: &str, day: &str| text.parse::<Holiday>().unwrap().is(day.parse().unwrap());
        assert!(is("12-25", "2026-12-25") && is("12-25", "2031-12-25") && !is("12-25", "2026-12-26"));
        assert!(is("easter+1", "2026-04-06") && is("easter-2", "2026-04-03") && is("easter", "2026-04-05"));
        assert!(is("2026-06-08", "2026-06-08") && !is("2026-06-08", "2027-06-08"));
        for text in ["12-25", "easter+39", "easter-2", "easter", "2026-06-08", "02-29"] {
            assert_eq!(text.parse::<Holiday>().unwrap().to_string(), text);
        }
        for text in ["", "25.12.", "13-01", "02-30", "easter1", "easter+1000", "easter+x", "1-1"] {
            assert!(text.parse::<Holiday>().is_err(), "{text}");
        }
    }
}
