//! A net counter for meters that count each phase on its own.
//!
//! While one phase exports what two others import, a billing meter that nets its phases counts nothing;
//! a meter that does not counts on both registers. What it calls power is netted, though, so its own
//! registers are replaced by two that are counted up from power. Over a gap power says nothing, and there
//! the difference of the meter's registers, which is right however they were counted, is booked.

use std::time::Duration;

use units::{Energy, Power, Timestamp};

use crate::sample::Sample;

/// Milliwatts times milliseconds in a milliwatt-hour.
const TO_MILLIWATT_HOURS: i128 = 3_600_000;

/// Counts what flows in and what flows out, netted over the phases.
#[derive(Clone, Debug)]
pub struct NetCounter {
    /// In milliwatt-milliseconds, so that nothing is lost to rounding.
    import: i128,
    export: i128,
    /// The farthest that two samples may lie apart whose powers are joined by a line.
    longest: Duration,
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    at: Timestamp,
    power: Option<Power>,
    /// The difference of the meter's own registers.
    net: Option<i64>,
}

impl NetCounter {
    /// Goes on from where the two registers stood.
    pub fn resume(import: Energy, export: Energy, longest: Duration) -> Self {
        let counted = |energy: Energy| i128::from(energy.milliwatt_hours()) * TO_MILLIWATT_HOURS;
        Self { import: counted(import), export: counted(export), longest, last: None }
    }

    /// Lets the next gap be bridged from a time at which the meter's own registers differed by `net`.
    pub fn bridge_from(&mut self, at: Timestamp, net: Energy) {
        self.last = Some(Last { at, power: None, net: Some(net.milliwatt_hours()) });
    }

    /// Counts a sample in, and puts the netted registers in the place of the meter's own.
    pub fn push(&mut self, sample: &mut Sample) {
        let own = sample.import.zip(sample.export);
        let net = own.map(|(import, export)| (import - export).milliwatt_hours());
        let now = Last { at: sample.at, power: sample.power, net };
        if let Some(last) = self.last.filter(|last| last.at < now.at) {
            self.count(last, now);
        }
        // Where a sample tells less than the one before, what was known then still bridges the gap.
        let known = |last: Last| Last { net: now.net.or(last.net), ..now };
        self.last = match self.last {
            Some(last) if now.power.is_none() && now.net.is_none() => Some(last),
            Some(last) => Some(known(last)),
            None => Some(now),
        };
        sample.import = Some(energy(self.import));
        sample.export = Some(energy(self.export));
    }

    fn count(&mut self, last: Last, now: Last) {
        let time = now.at.since(last.at);
        match (last.power, now.power) {
            (Some(from), Some(to)) if time <= self.longest => self.join(from, to, time),
            _ => {
                let Some((from, to)) = last.net.zip(now.net) else { return };
                let passed = i128::from(to - from) * TO_MILLIWATT_HOURS;
                self.import += passed.max(0);
                self.export += (-passed).max(0);
            }
        }
    }

    /// Adds the area under a straight line from one power to the next.
    fn join(&mut self, from: Power, to: Power, time: Duration) {
        let (from, to) = (i128::from(from.milliwatts()), i128::from(to.milliwatts()));
        let time = i128::try_from(time.as_millis()).unwrap_or_default();
        if (from >= 0) == (to >= 0) || from == to {
            let area = (from + to) * time / 2;
            self.import += area.max(0);
            self.export += (-area).max(0);
            return;
        }
        // It crosses zero: two triangles, whose bases are as their heights.
        let span = from.abs() + to.abs();
        let triangle = |height: i128| height * height * time / (2 * span);
        for height in [from, to] {
            if height > 0 {
                self.import += triangle(height);
            } else {
                self.export += triangle(height);
            }
        }
    }
}

fn energy(counted: i128) -> Energy {
    Energy::from_milliwatt_hours(i64::try_from(counted / TO_MILLIWATT_HOURS).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_secs(30);

    fn sample(seconds: i64, watts: i64, own: (i64, i64)) -> Sample {
        Sample {
            at: Timestamp::from_seconds(seconds),
            power: Some(Power::from_watts(watts)),
            import: Some(Energy::from_watt_hours(own.0)),
            export: Some(Energy::from_watt_hours(own.1)),
            ..Sample::default()
        }
    }

    fn counted(samples: impl IntoIterator<Item = Sample>) -> (i64, i64) {
        let mut counter = NetCounter::resume(Energy::ZERO, Energy::ZERO, GAP);
        let mut last = Sample::default();
        for mut sample in samples {
            counter.push(&mut sample);
            last = sample;
        }
        (last.import.unwrap().milliwatt_hours(), last.export.unwrap().milliwatt_hours())
    }

    #[test]
    fn m33_phases_against_each_other_count_nothing() {
        // One phase exports 1 kW and two import 500 W each: its own registers rise by 1 kWh in an hour.
        let hour = (0..=360).map(|step| sample(10 * step, 0, (step, step)));
        assert_eq!(counted(hour), (0, 0));
    }

    #[test]
    fn m33_power_is_counted_by_its_direction() {
        let hour = (0..=360).map(|step| sample(10 * step, if step < 180 { 1000 } else { -1000 }, (0, 0)));
        let (import, export) = counted(hour);
        // Half an hour of 1 kW each, but for the ten seconds in which it turned.
        assert!((import - 498_611).abs() < 1000 && (export - 500_000).abs() < 1000, "{import} {export}");
    }

    #[test]
    fn m33_over_a_gap_the_meters_own_difference_is_booked() {
        let samples = [sample(0, 500, (1000, 400)), sample(7200, -2000, (1500, 2400))];
        assert_eq!(counted(samples), (0, 1_500_000));
    }

    #[test]
    fn m33_registers_go_on_after_a_restart() {
        let mut counter = NetCounter::resume(Energy::from_watt_hours(7), Energy::from_watt_hours(9), GAP);
        counter.bridge_from(Timestamp::from_seconds(0), Energy::from_watt_hours(600));
        let mut first = sample(3600, 100, (1400, 300));
        counter.push(&mut first);
        assert_eq!(first.import, Some(Energy::from_watt_hours(507)));
        assert_eq!(first.export, Some(Energy::from_watt_hours(9)));
    }
}
