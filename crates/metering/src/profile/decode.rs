//! From registers to a sample.

use units::{Current, Energy, Frequency, Power, Timestamp, Voltage};

use super::registers::Registers;
use super::{Orientation, Profile};
use crate::sample::{Flag, Sample};
use crate::slots::{Quantity, RejectReason};

impl Profile {
    /// Returns what the registers say. What is not there, or is no number, is missing.
    ///
    /// `import` of the sample counts what flows in the positive direction, `export` what flows in the
    /// other: at a grid meter import and export, at a solar meter production and standby use.
    pub fn decode(&self, registers: &Registers, at: Timestamp, orientation: Orientation) -> Sample {
        let points = &self.points;
        let sign = self.orient(orientation);
        let value = |point: &Option<super::Point>| point.as_ref().and_then(|point| point.value(registers));
        let values = |point: &Option<super::Point>| point.as_ref().and_then(|point| point.values(registers));

        let counters = (value(&points.import), value(&points.export));
        let (import, export) = match orientation {
            Orientation::AsMeter => counters,
            Orientation::Inverted => (counters.1, counters.0),
        };
        let phase_power: Option<Vec<i64>> =
            values(&points.phase_power).map(|powers| powers.iter().map(|power| power * sign).collect());
        let current = values(&points.current).map(|currents| sign_currents(currents, phase_power.as_deref()));

        Sample {
            at,
            power: value(&points.power).map(|power| Power::from_milliwatts(power * sign)),
            import: import.map(Energy::from_milliwatt_hours),
            export: export.map(Energy::from_milliwatt_hours),
            phase_power: phase_power.map(|powers| each(powers, Power::from_milliwatts)),
            voltage: values(&points.voltage).map(|voltages| each(voltages, Voltage::from_millivolts)),
            current: current.map(|currents| each(currents, Current::from_milliamperes)),
            frequency: value(&points.frequency).map(Frequency::from_millihertz),
            serial: match &points.serial {
                Some(point) => point.text(registers),
                None => self.known_serial.clone(),
            },
            flags: self.flags(registers),
        }
    }

    /// Returns which of power and counters are missing from the sample because what the device sent is no
    /// number, or is beyond measure. What a profile marks as absent is neither.
    pub fn defects(&self, registers: &Registers, orientation: Orientation) -> Vec<(Quantity, RejectReason)> {
        let points = &self.points;
        let (import, export) = match orientation {
            Orientation::AsMeter => (&points.import, &points.export),
            Orientation::Inverted => (&points.export, &points.import),
        };
        [(Quantity::Power, &points.power), (Quantity::Import, import), (Quantity::Export, export)]
            .into_iter()
            .filter_map(|(quantity, point)| Some((quantity, point.as_ref()?.defect(registers)?)))
            .collect()
    }

    fn flags(&self, registers: &Registers) -> Vec<Flag> {
        let alive = self.alive.as_ref().is_none_or(|alive| {
            registers.get(alive.function, alive.address).is_some_and(|word| alive.equals.contains(&word))
        });
        let not_netted = (!self.netting).then_some(Flag::NotNetted);
        let stale = (!alive).then_some(Flag::Stale);
        not_netted.into_iter().chain(stale).collect()
    }
}

/// Gives each phase's current the sign of its power: most meters report it without.
pub(crate) fn sign_currents(currents: Vec<i64>, powers: Option<&[i64]>) -> Vec<i64> {
    let Some(powers) = powers.filter(|powers| powers.len() == currents.len()) else {
        return currents;
    };
    currents
        .iter()
        .zip(powers)
        .map(|(current, power)| if *power < 0 { -current.abs() } else { current.abs() })
        .collect()
}

fn each<T>(values: Vec<i64>, make: impl Fn(i64) -> T) -> Vec<T> {
    values.into_iter().map(make).collect()
}
