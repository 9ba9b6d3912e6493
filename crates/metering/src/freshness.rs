//! Tells a live meter from one that answers with the values of an hour ago.
//!
//! Gateways and inverters go on answering after the meter behind them has died. Power, voltage and
//! frequency never stand still together on a live meter, so values that do are stale.

use std::time::Duration;

use units::Timestamp;

use crate::sample::{Flag, Sample};

/// Watches the values of one meter.
#[derive(Clone, Debug)]
pub struct Freshness {
    after: Duration,
    since: Option<Sample>,
}

impl Freshness {
    /// Makes a watch that marks samples stale once all values have stood still for longer than `after`.
    pub fn new(after: Duration) -> Self {
        Self { after, since: None }
    }

    /// Marks the sample stale if nothing has moved for too long, or if a meter shows neither power nor
    /// voltage. A meter that tells neither voltage nor frequency is not judged: its values may rest.
    pub fn judge(&mut self, sample: &mut Sample) {
        let since = match &self.since {
            Some(before) if stands_still(before, sample) => before.at,
            _ => {
                self.since = Some(sample.clone());
                sample.at
            }
        };
        let frozen = sample.at.since(since) > self.after && is_judged(sample);
        if (frozen || is_dead(sample)) && !sample.flags.contains(&Flag::Stale) {
            sample.flags.push(Flag::Stale);
        }
    }
}

fn stands_still(before: &Sample, now: &Sample) -> bool {
    let at = Timestamp::default();
    let values = |sample: &Sample| Sample { at, flags: Vec::new(), ..sample.clone() };
    values(before) == values(now)
}

fn is_judged(sample: &Sample) -> bool {
    sample.voltage.is_some() && sample.frequency.is_some()
}

fn is_dead(sample: &Sample) -> bool {
    let without_voltage = sample.voltage.as_ref().is_some_and(|phases| phases.iter().all(|v| v.is_zero()));
    without_voltage && sample.power.is_some_and(|power| power.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{Frequency, Power, Voltage};

    fn sample(second: i64, watts: i64) -> Sample {
        Sample {
            at: Timestamp::from_seconds(second),
            power: Some(Power::from_watts(watts)),
            voltage: Some(vec![Voltage::from_volts(230)]),
            frequency: Some(Frequency::from_hertz(50)),
            ..Sample::default()
        }
    }

    /// Returns at which seconds a sample is stale.
    fn stale(samples: impl IntoIterator<Item = Sample>) -> Vec<i64> {
        let mut freshness = Freshness::new(Duration::from_secs(60));
        let mut judged: Vec<Sample> = samples.into_iter().collect();
        judged.iter_mut().for_each(|sample| freshness.judge(sample));
        let stale = judged.iter().filter(|sample| sample.flags.contains(&Flag::Stale));
        stale.map(|sample| sample.at.seconds()).collect()
    }

    #[test]
    fn values_that_stand_still_for_over_a_minute_are_stale_until_one_moves() {
        let samples = [0, 30, 60, 61, 90].map(|second| sample(second, 500)).into_iter();
        assert_eq!(stale(samples.chain([sample(91, 501), sample(120, 501)])), [61, 90]);
    }

    #[test]
    fn a_meter_without_voltage_and_power_is_dead() {
        let mut dead = sample(1, 0);
        dead.voltage = Some(vec![Voltage::ZERO; 3]);
        assert_eq!(stale([sample(0, 0), dead]), [1]);
    }

    #[test]
    fn a_meter_that_tells_power_alone_may_rest() {
        let rest = |second| Sample { voltage: None, ..sample(second, 0) };
        assert_eq!(stale([0, 100, 1000].map(rest)), [0; 0]);
    }
}
