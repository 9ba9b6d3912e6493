//! A day on which the house used far more or far less than on the days before it.

use history::HistoryError;
use units::{DayKey, Energy};

use crate::house::House;
use crate::view::energy::{self, EnergyBar, PeriodView};

/// Days that are looked back on, and how many of them must be fully known.
const DAYS: usize = 28;
const ENOUGH: usize = 14;

/// How far beyond all of them a day must lie: by half as much again, and by so much energy that a person cares.
const FACTOR_PERCENT: i64 = 150;
const AT_LEAST: Energy = Energy::from_watt_hours(3_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusualDay {
    pub day: DayKey,
    pub used: Energy,
    /// The middle one of the days before.
    pub usual: Energy,
}

/// Judges a day that is over.
pub fn look(house: &House, day: DayKey) -> Result<Option<UnusualDay>, HistoryError> {
    let mut bars = energy::energy(house, PeriodView::Month, day.month_start().previous())?.bars;
    bars.extend(energy::energy(house, PeriodView::Month, day)?.bars);
    let known: Vec<(&str, Energy)> = bars.iter().filter_map(known).collect();
    let text = day.to_string();
    let Some(place) = known.iter().position(|(key, _)| *key == text) else { return Ok(None) };
    let before: Vec<Energy> =
        known[place.saturating_sub(DAYS)..place].iter().map(|(_, used)| *used).collect();
    Ok(judge(day, known[place].1, before))
}

/// Returns what the house used on a day of which every quarter hour was measured.
fn known(bar: &EnergyBar) -> Option<(&str, Energy)> {
    let quality = &bar.quality;
    let guessed = quality.estimated + quality.partial + quality.missing + quality.outside;
    let used = bar.figures.house_milliwatt_hours?;
    (guessed == 0).then(|| (bar.key.as_str(), Energy::from_milliwatt_hours(used.get())))
}

fn judge(day: DayKey, used: Energy, mut before: Vec<Energy>) -> Option<UnusualDay> {
    before.sort_unstable();
    let (least, most) = (*before.first()?, *before.last()?);
    if before.len() < ENOUGH {
        return None;
    }
    let usual = before[before.len() / 2];
    let scaled = |energy: Energy, percent: i64| {
        Energy::from_milliwatt_hours(energy.milliwatt_hours().saturating_mul(percent) / 100)
    };
    let more = used > scaled(most, FACTOR_PERCENT) && used - usual >= AT_LEAST;
    let less = scaled(used, FACTOR_PERCENT) < least && usual - used >= AT_LEAST;
    (more || less).then_some(UnusualDay { day, used, usual })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kwh(tenths: i64) -> Energy {
        Energy::from_watt_hours(tenths * 100)
    }

    fn judged(used: i64, before: impl IntoIterator<Item = i64>) -> Option<(i64, i64)> {
        let day = "2026-06-18".parse().unwrap();
        let unusual = judge(day, kwh(used), before.into_iter().map(kwh).collect())?;
        Some((unusual.used.milliwatt_hours() / 100_000, unusual.usual.milliwatt_hours() / 100_000))
    }

    #[test]
    fn a_day_far_beyond_all_days_before_is_unusual() {
        let ordinary: Vec<i64> = (0..28).map(|day| 80 + day % 7 * 5).collect();
        assert_eq!(judged(170, ordinary.clone()), Some((170, 95)));
        assert_eq!(judged(50, ordinary.clone()), Some((50, 95)));
        assert_eq!(judged(160, ordinary.clone()), None, "within half as much again of the highest");
        assert_eq!(judged(60, ordinary), None);
    }

    #[test]
    fn a_small_house_is_not_told_of_a_small_difference() {
        assert_eq!(judged(20, vec![10; 28]), None);
        assert_eq!(judged(45, vec![10; 28]), Some((45, 10)));
    }

    #[test]
    fn two_weeks_must_be_known_first() {
        assert_eq!(judged(300, vec![80; 13]), None);
        assert_eq!(judged(300, vec![80; 14]), Some((300, 80)));
        assert_eq!(judged(300, []), None);
    }
}
