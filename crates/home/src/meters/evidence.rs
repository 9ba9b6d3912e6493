//! What readings prove: which way a meter counts, and whether its counters count what its power says.

use std::collections::VecDeque;
use std::time::Duration;

use metering::Sample;
use units::{Energy, Power, Timestamp};

use crate::view::meters::setup::{EnergyCheck, SignView, Told};

/// A kettle takes 2 kW, a hair dryer 1; what changes by less may have changed by itself.
const STEP: Power = Power::from_watts(150);

/// A flow below this may be noise, or an inverter's standby.
const FLOW: Power = Power::from_watts(20);

/// What an owner tells comes a little after, or a little before, what the meter shows.
const AROUND: Duration = Duration::from_secs(10);

/// After so long the step has been seen or will not be: P1 before DSMR 5 speaks every 10 s.
const WATCH_FOR: Duration = Duration::from_secs(60);

/// So many readings after it must agree.
const AGREEING: usize = 3;

/// Readings that are kept: ten minutes at one a second.
const KEPT: usize = 600;

/// The readings of a check, in the time of the computer's own clock: what a person does is not scaled.
#[derive(Clone, Debug, Default)]
pub struct Readings(VecDeque<(Timestamp, Sample)>);

impl Readings {
    pub fn push(&mut self, at: Timestamp, sample: Sample) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((at, sample));
    }

    pub fn last(&self) -> Option<&(Timestamp, Sample)> {
        self.0.back()
    }

    fn powers(&self, during: std::ops::Range<Timestamp>) -> Vec<Power> {
        let inside = self.0.iter().filter(|(at, _)| during.contains(at));
        inside.filter_map(|(_, sample)| sample.power).collect()
    }

    /// Returns the power before and after something was told, and what that says about the sign.
    pub fn judge(
        &self,
        told: Told,
        at: Timestamp,
        now: Timestamp,
    ) -> (Option<Power>, Option<Power>, SignView) {
        match told {
            Told::SwitchedOn | Told::SwitchedOff => self.judge_step(told == Told::SwitchedOn, at, now),
            Told::Importing | Told::Producing | Told::Discharging => self.judge_flow(1, at, now),
            Told::Exporting | Told::Charging => self.judge_flow(-1, at, now),
        }
    }

    /// Something was switched: power at the grid rises with what is switched on.
    fn judge_step(
        &self,
        on: bool,
        at: Timestamp,
        now: Timestamp,
    ) -> (Option<Power>, Option<Power>, SignView) {
        let mut before = self.powers(at - AROUND * 3..at - AROUND);
        if before.is_empty() {
            // The check has only just begun.
            before = self.powers(Timestamp::from_millis(0)..at).into_iter().take(AGREEING).collect();
        }
        let after = self.powers(at..now + Duration::from_millis(1));
        let Some(start) = median(&before) else { return (None, None, watching(at, now)) };
        let latest: Vec<Power> = after.iter().rev().take(AGREEING).copied().collect();
        let Some(end) = median(&latest).filter(|_| latest.len() == AGREEING) else {
            return (Some(start), None, watching(at, now));
        };
        let moved = end - start;
        let sign = if (moved.milliwatts()).abs() < STEP.milliwatts() {
            watching(at, now)
        } else if moved.is_negative() == on {
            SignView::Reversed
        } else {
            SignView::Right
        };
        (Some(start), Some(end), sign)
    }

    fn judge_flow(
        &self,
        sign: i64,
        at: Timestamp,
        now: Timestamp,
    ) -> (Option<Power>, Option<Power>, SignView) {
        let around = self.powers(at - AROUND..now + Duration::from_millis(1));
        let powers: Vec<Power> = around.into_iter().take(2 * AGREEING).collect();
        let Some(power) = median(&powers) else { return (None, None, watching(at, now)) };
        let verdict = if power.milliwatts().abs() < FLOW.milliwatts() {
            SignView::Unproven
        } else if power.milliwatts().signum() == sign {
            SignView::Right
        } else {
            SignView::Reversed
        };
        (None, Some(power), verdict)
    }

    /// Holds the counters against the power.
    pub fn energy(&self, resolution: Energy) -> EnergyCheck {
        let with: Vec<&(Timestamp, Sample)> =
            self.0.iter().filter(|(_, sample)| sample.import.is_some() || sample.export.is_some()).collect();
        let (Some(first), Some(last)) = (with.first(), with.last()) else {
            return if self.0.is_empty() { EnergyCheck::TooEarly } else { EnergyCheck::None };
        };
        let step = resolution.milliwatt_hours().max(1);
        let falls = |of: fn(&Sample) -> Option<Energy>| {
            let values: Vec<i64> = with
                .iter()
                .filter_map(|(_, sample)| of(sample))
                .map(|energy| energy.milliwatt_hours())
                .collect();
            values.windows(2).filter(|pair| pair[1] < pair[0] - 2 * step).count()
        };
        // A counter may fall once, when it is replaced. One that falls again and again is none.
        if falls(|sample| sample.import) + falls(|sample| sample.export) >= 2 {
            return EnergyCheck::NotACounter;
        }
        let rise = |of: fn(&Sample) -> Option<Energy>| {
            let between = of(&first.1).zip(of(&last.1));
            between.map_or(0, |(from, to)| (to - from).milliwatt_hours())
        };
        let counted = (rise(|sample| sample.import), rise(|sample| sample.export));
        let flowed = self.integral();
        let most = flowed.0.max(flowed.1);
        let noise = 2 * step + most / 20;
        let near = |one: i64, other: i64| (one - other).abs() <= noise;
        let counted_most = counted.0.max(counted.1);
        if counted_most > 20 * most + 10 * step {
            return EnergyCheck::WrongUnit;
        }
        if most < 10 * step {
            return EnergyCheck::TooEarly;
        }
        if near(counted.0, flowed.0) && near(counted.1, flowed.1) {
            EnergyCheck::Agrees
        } else if near(counted.0, flowed.1) && near(counted.1, flowed.0) {
            EnergyCheck::Swapped
        // One that stands still may be written only now and then, as inverters do.
        } else if counted_most > 0 && counted_most < most / 20 {
            EnergyCheck::WrongUnit
        } else {
            EnergyCheck::Differs
        }
    }

    /// Adds up what flowed in and out by the power, in the samples' own time.
    fn integral(&self) -> (i64, i64) {
        let (mut import, mut export) = (0_i64, 0_i64);
        let known: Vec<(Timestamp, i64)> =
            self.0.iter().filter_map(|(_, sample)| Some((sample.at, sample.power?.milliwatts()))).collect();
        for pair in known.windows(2) {
            let time = i64::try_from(pair[1].0.since(pair[0].0).as_millis()).unwrap_or_default();
            let energy = (pair[0].1 + pair[1].1) / 2 * time / 3_600_000;
            import += energy.max(0);
            export += (-energy).max(0);
        }
        (import, export)
    }
}

/// Folds what several things say: one that is decided counts, two that differ are a contradiction.
pub fn fold(signs: impl IntoIterator<Item = SignView>) -> SignView {
    let (mut right, mut reversed, mut watching) = (false, false, false);
    for sign in signs {
        match sign {
            SignView::Right => right = true,
            SignView::Reversed => reversed = true,
            SignView::Watching => watching = true,
            SignView::Unproven | SignView::Contradictory => {}
        }
    }
    match (right, reversed) {
        (true, true) => SignView::Contradictory,
        (true, false) => SignView::Right,
        (false, true) => SignView::Reversed,
        (false, false) if watching => SignView::Watching,
        (false, false) => SignView::Unproven,
    }
}

fn watching(at: Timestamp, now: Timestamp) -> SignView {
    if now.since(at) > WATCH_FOR { SignView::Unproven } else { SignView::Watching }
}

fn median(powers: &[Power]) -> Option<Power> {
    let mut sorted = powers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(powers: impl IntoIterator<Item = i64>) -> Readings {
        let mut readings = Readings::default();
        for (second, watts) in (1000..).zip(powers) {
            let at = Timestamp::from_seconds(second);
            readings.push(at, Sample { at, power: Some(Power::from_watts(watts)), ..Sample::default() });
        }
        readings
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn step(from: i64, to: i64, told: Told) -> SignView {
        let powers = (0..40).map(|second| if second < 20 { from } else { to });
        readings(powers).judge(told, at(1018), at(1039)).2
    }

    #[test]
    fn r16_a_kettle_proves_the_sign() {
        assert_eq!(step(300, 2300, Told::SwitchedOn), SignView::Right);
        assert_eq!(step(-1500, 500, Told::SwitchedOn), SignView::Right);
        assert_eq!(step(-300, -2300, Told::SwitchedOn), SignView::Reversed);
        assert_eq!(step(2300, 300, Told::SwitchedOff), SignView::Right);
        assert_eq!(step(300, 350, Told::SwitchedOn), SignView::Watching);
    }

    #[test]
    fn r16_what_does_not_move_in_a_minute_proves_nothing() {
        let still = readings([300; 90]);
        assert_eq!(still.judge(Told::SwitchedOn, at(1018), at(1089)).2, SignView::Unproven);
    }

    #[test]
    fn r16_what_the_utilitys_meter_shows_proves_the_sign() {
        let of = |watts: i64, told| readings([watts; 20]).judge(told, at(1010), at(1020)).2;
        assert_eq!(of(400, Told::Importing), SignView::Right);
        assert_eq!(of(-400, Told::Importing), SignView::Reversed);
        assert_eq!(of(-400, Told::Exporting), SignView::Right);
        assert_eq!(of(5, Told::Producing), SignView::Unproven);
        assert_eq!(of(-3000, Told::Charging), SignView::Right);
    }

    #[test]
    fn two_that_differ_are_a_contradiction() {
        assert_eq!(fold([SignView::Right, SignView::Unproven]), SignView::Right);
        assert_eq!(fold([SignView::Right, SignView::Reversed]), SignView::Contradictory);
        assert_eq!(fold([SignView::Watching]), SignView::Watching);
    }

    /// Ten minutes at 3 kW, with what the counters did in a second, in milliwatt-hours.
    fn energy(watts: i64, import: impl Fn(i64) -> i64, export: impl Fn(i64) -> i64) -> EnergyCheck {
        let mut readings = Readings::default();
        for second in 0..600 {
            let at = at(second);
            let power = Some(Power::from_watts(watts));
            let of = |milliwatt_hours| Some(Energy::from_milliwatt_hours(milliwatt_hours));
            let sample = Sample {
                at,
                power,
                import: of(import(second)),
                export: of(export(second)),
                ..Sample::default()
            };
            readings.push(at, sample);
        }
        readings.energy(Energy::from_watt_hours(1))
    }

    #[test]
    fn r18_swapped_registers_are_seen() {
        let counts = |second: i64| second * 3_000_000 / 3600;
        assert_eq!(energy(3000, counts, |_| 7), EnergyCheck::Agrees);
        assert_eq!(energy(3000, |_| 7, counts), EnergyCheck::Swapped);
        assert_eq!(energy(-3000, |_| 7, counts), EnergyCheck::Agrees);
    }

    #[test]
    fn r25_power_is_no_energy_and_watt_hours_no_kilowatt_hours() {
        let counts = |second: i64| second * 3_000_000 / 3600;
        assert_eq!(energy(3000, |second| counts(second) * 1000, |_| 0), EnergyCheck::WrongUnit);
        assert_eq!(energy(3000, |second| counts(second) / 1000, |_| 0), EnergyCheck::WrongUnit);
        let up_and_down = |second: i64| 3_000_000 + (second % 7) * 20_000;
        assert_eq!(energy(3000, up_and_down, |_| 0), EnergyCheck::NotACounter);
    }

    #[test]
    fn little_that_flowed_says_nothing() {
        assert_eq!(energy(10, |_| 0, |_| 0), EnergyCheck::TooEarly);
    }
}
