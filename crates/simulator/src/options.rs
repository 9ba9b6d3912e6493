//! The command line of the street.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use units::Timestamp;

/// A street of houses that trade with each other, on a clock that runs faster than yours.
#[derive(Clone, Debug, Parser)]
#[command(name = "wattle-street", version)]
pub struct Options {
    /// Market seconds in a real second, 1 to 450.
    #[arg(long, default_value_t = 450.0)]
    pub speed: f64,
    #[arg(long, default_value_t = 6)]
    pub houses: u32,
    /// The same seed gives the same houses, weather and terms of orders.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Market time at the start.
    #[arg(long, default_value = "2026-06-01T00:00:00Z")]
    pub start: Timestamp,
    /// How long to run in market time, such as 24h or 90m; without it until interrupted.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// Keeps the street's files in this folder; without it they go when the street ends.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Leaves this house to a window, and tells where its folder is. The street then ends with its input.
    #[arg(long, value_name = "NUMBER")]
    pub app_house: Option<u32>,
    /// Lets the computer of one household, which only buys, sleep at times, for half an hour to two and a half.
    #[arg(long)]
    pub sleepy: bool,
    /// How many days the street remembers. By default 30 with a window, none without.
    #[arg(long, value_name = "DAYS")]
    pub past_days: Option<u32>,
}

impl Options {
    pub fn past_days(&self) -> u32 {
        self.past_days.unwrap_or(if self.app_house.is_some() { 30 } else { 0 })
    }
}

/// Reads `24h`, `90m`, `45s`, `2d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no length of time: write it as 24h, 90m, 45s or 2d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(total) if (1..=366 * 86_400).contains(&total) => Ok(Duration::from_secs(total)),
        _ => Err(format!("{text} cannot be simulated: it must be longer than nothing and at most a year")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "h", "24", "1.5h", "-1h", "0m", "24 h", "9d9", "400d", "ü"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_street_with_a_window_remembers_a_month() {
        let parse = |line: &str| Options::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(parse("wattle-street").past_days(), 0);
        assert_eq!(parse("wattle-street --app-house 1").past_days(), 30);
        assert_eq!(parse("wattle-street --app-house 1 --past-days 3").past_days(), 3);
        assert!(Options::try_parse_from(["wattle-street", "--start", "yesterday"]).is_err());
    }
}
