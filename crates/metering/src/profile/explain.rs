//! What each register means, for an owner who holds a reading against the device's display or its manual.

use super::point::Point;
use super::registers::Registers;
use super::{Orientation, Profile};

/// One value of a device with the registers that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The name of the value in a profile: `power`, `import`, `voltage`.
    pub name: &'static str,
    /// Which of several of the same name, from 1; missing where there is one.
    pub phase: Option<u8>,
    pub registers: Vec<RawRegisters>,
    /// In thousandths of the unit, as the house uses it: with the house's sign.
    pub value: Option<i64>,
    /// What it says where it is no number, such as a serial number.
    pub text: Option<String>,
    /// `W`, `Wh`, `V`, `A`, `Hz`; empty for texts.
    pub unit: &'static str,
}

/// Consecutive registers as the device sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRegisters {
    pub function: u8,
    pub address: u16,
    /// Missing where the device did not send them.
    pub words: Option<Vec<u16>>,
}

impl Profile {
    /// Explains what a device sent, value by value.
    pub fn explain(&self, registers: &Registers, orientation: Orientation) -> Vec<Explained> {
        let points = &self.points;
        let sign = self.orient(orientation);
        let (import, export) = match orientation {
            Orientation::AsMeter => ("import", "export"),
            Orientation::Inverted => ("export", "import"),
        };
        let signs: Vec<i64> = match &points.phase_power {
            Some(point) => point.values(registers).unwrap_or_default().iter().map(|v| v * sign).collect(),
            None => Vec::new(),
        };
        let mut rows = Vec::new();
        let numbers = [
            ("power", "W", &points.power, sign),
            (import, "Wh", &points.import, 1),
            (export, "Wh", &points.export, 1),
            ("phase_power", "W", &points.phase_power, sign),
            ("voltage", "V", &points.voltage, 1),
            ("current", "A", &points.current, 1),
            ("frequency", "Hz", &points.frequency, 1),
        ];
        for (name, unit, point, sign) in numbers {
            let Some(point) = point else { continue };
            let mut values: Vec<Option<i64>> =
                point.each(registers).map(|value| value.map(|value| value * sign)).collect();
            if name == "current" && values.len() == signs.len() {
                // A current flows the way of its power.
                for (value, power) in values.iter_mut().zip(&signs) {
                    *value = value.map(|value| if *power < 0 { -value.abs() } else { value.abs() });
                }
            }
            let several = values.len() > 1;
            for (index, value) in values.into_iter().enumerate() {
                let phase = u8::try_from(index + 1).ok().filter(|_| several);
                let registers = point.raw(index, registers);
                rows.push(Explained { name, phase, registers, value, text: None, unit });
            }
        }
        if let Some(point) = &points.serial {
            let (registers, text) = (point.raw(0, registers), point.text(registers));
            rows.push(Explained { name: "serial", phase: None, registers, value: None, text, unit: "" });
        }
        rows
    }
}

impl Point {
    fn raw(&self, item: usize, registers: &Registers) -> Vec<RawRegisters> {
        let of = |address, count| RawRegisters {
            function: self.function,
            address,
            words: registers.words(self.function, address, count).map(<[u16]>::to_vec),
        };
        let terms = self.items.get(item).into_iter().flatten().map(|term| of(term.address, self.registers));
        terms.chain(self.scale_at.map(|address| of(address, 1))).collect()
    }
}

#[cfg(test)]
mod tests {
    use units::Timestamp;

    use super::*;
    use crate::profile::{profile, profiles};

    #[test]
    fn what_is_explained_is_what_is_decoded() {
        for profile in profiles() {
            for golden in profile.golden.iter().filter(|golden| !golden.registers.is_empty()) {
                let registers = golden.image();
                for orientation in [Orientation::AsMeter, Orientation::Inverted] {
                    let sample = profile.decode(&registers, Timestamp::default(), orientation);
                    let rows = profile.explain(&registers, orientation);
                    let value = |name| rows.iter().find(|row| row.name == name).and_then(|row| row.value);
                    if rows.is_empty() {
                        continue;
                    }
                    assert_eq!(
                        value("power"),
                        sample.power.map(|power| power.milliwatts()),
                        "{}",
                        profile.name
                    );
                    let import = sample.import.map(|energy| energy.milliwatt_hours());
                    assert_eq!(value("import"), import, "{}", profile.name);
                }
            }
        }
    }

    #[test]
    fn a_difference_names_both_of_its_registers() {
        let profile = profile("sma-native").unwrap();
        let rows = profile.explain(&profile.golden[0].image(), Orientation::AsMeter);
        let power = rows.iter().find(|row| row.name == "power").unwrap();
        let addresses: Vec<u16> = power.registers.iter().map(|registers| registers.address).collect();
        assert_eq!(addresses, [30865, 30867]);
        assert_eq!((power.value, power.unit), (Some(-1_254_000), "W"));
    }
}
