//! How good a forecast was, against what came and against the simplest there is.

use std::collections::BTreeMap;
use std::ops::Range;

use units::{Energy, Slot};

use crate::foretold::{Basis, Foretold, Measured};
use crate::quantile::SHARES;

/// How a forecast compared with the meter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Slots that were both foretold and measured.
    pub slots: usize,
    /// The mean pinball loss over the three quantiles in watt-hours; the smaller the better.
    pub pinball_wh: f64,
    /// The pinball loss of P50 alone: half the mean error.
    pub middle_wh: f64,
    /// How many of the slots came out between P10 and P90; eight in ten should.
    pub within: f64,
}

/// The simplest forecast: it comes as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Yesterday,
    LastWeek,
}

/// Scores forecasts against what was measured; `None` where no slot has both.
pub fn score(foretold: &[Foretold], measured: &[Measured]) -> Option<Score> {
    let came: BTreeMap<Slot, Energy> = measured.iter().map(|one| (one.slot, one.energy)).collect();
    let (mut slots, mut pinball, mut middle, mut within) = (0, 0.0, 0.0, 0);
    for forecast in foretold {
        let Some(energy) = came.get(&forecast.slot()) else { continue };
        let quantiles = [forecast.p10(), forecast.p50(), forecast.p90()];
        let losses: Vec<f64> = SHARES
            .iter()
            .zip(quantiles)
            .map(|(share, quantile)| loss(*share, quantile.as_f64(), energy.as_f64()))
            .collect();
        slots += 1;
        pinball += losses.iter().sum::<f64>() / 3.0;
        middle += losses[1];
        within += usize::from(forecast.p10() <= *energy && *energy <= forecast.p90());
    }
    let count = slots as f64;
    (slots > 0).then(|| Score {
        slots,
        pinball_wh: pinball / count,
        middle_wh: middle / count,
        within: within as f64 / count,
    })
}

/// Returns how much of a reference's loss a forecast avoids, for all quantiles and for P50 alone: 1 is perfect,
/// 0 no better, below 0 worse. `None` where the reference has no loss to avoid.
pub fn skill(score: &Score, reference: &Score) -> Option<(f64, f64)> {
    let avoided = |loss: f64, of: f64| (of > 0.0).then(|| 1.0 - loss / of);
    Some((avoided(score.pinball_wh, reference.pinball_wh)?, avoided(score.middle_wh, reference.middle_wh)?))
}

impl Persistence {
    /// Foretells the slots `[from, to)` as they were a day or a week before; without slots whose past is missing.
    pub fn forecast(self, measured: &[Measured], slots: Range<Slot>) -> Vec<Foretold> {
        let (back, history_days) = match self {
            Self::Yesterday => (96, 1),
            Self::LastWeek => (7 * 96, 7),
        };
        let came: BTreeMap<Slot, Energy> = measured.iter().map(|one| (one.slot, one.energy)).collect();
        let basis = Basis { history_days, ..Basis::default() };
        let same =
            |slot: Slot| came.get(&slot.offset(-back)).map(|energy| Foretold::new(slot, [*energy; 3], basis));
        Slot::range(slots).filter_map(same).collect()
    }
}

/// The pinball loss: what is above a quantile costs its share, what is below costs the rest.
fn loss(share: f64, quantile: f64, came: f64) -> f64 {
    if came >= quantile { share * (came - quantile) } else { (1.0 - share) * (quantile - came) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foretold(p10: i64, p50: i64, p90: i64) -> Foretold {
        let slot = Slot::from_index(0);
        Foretold::new(slot, [p10, p50, p90].map(Energy::from_watt_hours), Basis::default())
    }

    fn measured(watt_hours: i64) -> [Measured; 1] {
        [Measured { slot: Slot::from_index(0), energy: Energy::from_watt_hours(watt_hours) }]
    }

    #[test]
    fn the_loss_is_the_pinball_loss() {
        let score = score(&[foretold(100, 200, 300)], &measured(250)).unwrap();
        // 0.1 x 150, 0.5 x 50, 0.1 x 50.
        assert!((score.pinball_wh - (15.0 + 25.0 + 5.0) / 3.0).abs() < 1e-9);
        assert_eq!((score.middle_wh, score.within, score.slots), (25.0, 1.0, 1));
        assert_eq!(super::score(&[foretold(1, 2, 3)], &[]), None);
    }

    #[test]
    fn skill_is_the_share_of_the_loss_that_is_avoided() {
        let of = |p50| score(&[foretold(p50, p50, p50)], &measured(250)).unwrap();
        assert_eq!(skill(&of(200), &of(150)), Some((0.5, 0.5)));
        assert_eq!(skill(&of(150), &of(200)), Some((-1.0, -1.0)));
        assert_eq!(skill(&of(200), &of(250)), None);
    }

    #[test]
    fn quantiles_are_put_in_order() {
        let foretold = foretold(300, 100, 200);
        assert_eq!(foretold.p10(), Energy::from_watt_hours(100));
        assert_eq!(foretold.p90(), Energy::from_watt_hours(300));
    }
}
