//! Finds feeds that lie an hour off, by a second clue: prices that are known, and the market's midnight.

use std::fmt;

use pricing::{PriceKind, SpotCurve};
use units::{LocalDay, Slot, Zone};

/// A shift is looked for up to two hours either way.
const FARTHEST_SLOTS: i64 = 8;
/// So much of a day must be in common, else chance could look like a shift.
const ENOUGH_SLOTS: usize = 48;
/// A shifted curve fits five times better once it is shifted back.
const CLEARLY_BETTER: i128 = 5;
/// Mean difference, in micros per kWh, below which two curves are the same.
const SAME_MICROS: i128 = 500;

/// By how much a feed is off, and what told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Positive: prices are named for a later time than theirs.
    pub minutes: i64,
    pub clue: Clue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue {
    /// Prices that were known before, or that another source names.
    KnownPrices,
    /// The published days do not end at the market's midnight.
    MarketMidnight,
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, way) = (self.minutes.abs(), if self.minutes > 0 { "late" } else { "early" });
        let clue = match self.clue {
            Clue::KnownPrices => "measured against the prices that were known",
            Clue::MarketMidnight => "since its days do not end at the market's midnight",
        };
        write!(f, "{size} minutes too {way}, {clue}")
    }
}

/// Returns by how many slots a curve lies late against another one; `None` where they agree, where they have
/// too little in common, or where they differ in another way than by a shift.
pub fn lag<K: PriceKind, L: PriceKind>(known: &SpotCurve<K>, curve: &SpotCurve<L>) -> Option<i64> {
    let unshifted = mean_difference(known, curve, 0)?;
    if unshifted <= SAME_MICROS {
        return None;
    }
    let lags = (-FARTHEST_SLOTS..=FARTHEST_SLOTS).filter(|lag| *lag != 0);
    let fits = lags.filter_map(|lag| Some((mean_difference(known, curve, lag)?, lag.abs(), lag)));
    let (difference, _, lag) = fits.min()?;
    (difference * CLEARLY_BETTER < unshifted).then_some(lag)
}

/// Returns the shift of a curve against prices that were known before.
pub(crate) fn against_known<K: PriceKind, L: PriceKind>(
    known: &SpotCurve<K>,
    curve: &SpotCurve<L>,
) -> Option<Shift> {
    lag(known, curve).map(|slots| Shift { minutes: slots * 15, clue: Clue::KnownPrices })
}

/// Returns the shift of a curve whose days should end at midnight of the market's zone.
pub(crate) fn against_midnight<K: PriceKind>(curve: &SpotCurve<K>, market: Zone) -> Option<Shift> {
    let minute = i64::from(LocalDay::minute_of_day(curve.end()?.start(), market));
    let minutes = if minute > 12 * 60 { minute - 24 * 60 } else { minute };
    let off = minutes != 0 && minutes.abs() <= FARTHEST_SLOTS * 15;
    off.then_some(Shift { minutes, clue: Clue::MarketMidnight })
}

/// Compares a curve, shifted back by `lag`, with a known one over the slots that they share.
fn mean_difference<K: PriceKind, L: PriceKind>(
    known: &SpotCurve<K>,
    curve: &SpotCurve<L>,
    lag: i64,
) -> Option<i128> {
    let all = Slot::from_index(i64::MIN / 2)..Slot::from_index(i64::MAX / 2);
    let (mut sum, mut count) = (0i128, 0);
    for (slot, price) in curve.range(all) {
        if let Some(other) = known.get(slot.offset(-lag)) {
            sum += (i128::from(price.micros_per_kwh()) - i128::from(other.micros_per_kwh())).abs();
            count += 1;
        }
    }
    (count >= ENOUGH_SLOTS).then(|| sum / count as i128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pricing::Published;
    use units::{Currency, Price, zone};

    /// Two days that dip at noon and peak in the evening, never the same hour twice.
    fn curve(start: &str, shifted_by: i64) -> SpotCurve<Published> {
        let start: Slot = start.parse().unwrap();
        let mut curve = SpotCurve::new(Currency::EUR);
        for index in 0..192 {
            let hour = index / 4;
            let price = 90_000 - 60_000 * i64::from((10..15).contains(&(hour % 24))) + hour * 911 % 7_000;
            curve.set(start.offset(index + shifted_by), Price::from_micros_per_kwh(price));
        }
        curve
    }

    #[test]
    fn a_feed_that_lies_an_hour_off_is_found_either_way() {
        let known = curve("2026-05-31T22:00:00Z", 0);
        for slots in [-4, 4, 8, -2] {
            assert_eq!(lag(&known, &curve("2026-05-31T22:00:00Z", slots)), Some(slots));
        }
        assert_eq!(lag(&known, &curve("2026-05-31T22:00:00Z", 0)), None);
    }

    #[test]
    fn other_prices_and_few_prices_are_no_shift() {
        let known = curve("2026-05-31T22:00:00Z", 0);
        assert_eq!(lag(&known, &curve("2026-06-10T22:00:00Z", 4)), None, "nothing in common");
        let mut dearer = SpotCurve::<Published>::new(Currency::EUR);
        dearer.extend(
            known
                .range(Slot::from_index(0)..Slot::from_index(9_000_000))
                .map(|(slot, price)| (slot, price + price)),
        );
        assert_eq!(lag(&known, &dearer), None);
    }

    #[test]
    fn days_that_end_an_hour_beside_midnight_are_shifted() {
        let berlin = zone("Europe/Berlin").unwrap();
        let shift = |slots| against_midnight(&curve("2026-05-31T22:00:00Z", slots), berlin);
        assert_eq!(shift(0), None);
        assert_eq!(shift(4), Some(Shift { minutes: 60, clue: Clue::MarketMidnight }));
        assert_eq!(shift(-4).map(|shift| shift.minutes), Some(-60));
        assert_eq!(shift(-24), None, "half a day is not published yet");
    }
}
