//! Golden frames: raw registers of a profile, decoded and held against what they promise.

use units::Timestamp;

use super::form::{Expected, Golden, Protocol};
use super::lint::{Checked, at};
use super::registers::Registers;
use super::{Orientation, Profile};
use crate::telegram::{DecodeError, Telegram};
use crate::{Sample, decode_p1, decode_sml};

pub(super) fn check_golden(profile: &Profile) -> Checked<()> {
    if profile.golden.is_empty() {
        return at("golden", "needs at least one frame: registers and the values that they mean");
    }
    for (index, golden) in profile.golden.iter().enumerate() {
        let place = format!("golden[{index}]");
        let sample = golden.sample(profile, &place)?;
        let differing = golden.expect.differing(&Expected::of(&sample));
        if let Some((key, expected, got)) = differing {
            return at(format!("{place}.expect.{key}"), format!("expected {expected}, decoded {got}"));
        }
    }
    Ok(())
}

impl Golden {
    /// Decodes the frame in the profile's protocol.
    fn sample(&self, profile: &Profile, place: &str) -> Checked<Sample> {
        let at_zero = Timestamp::default();
        let whole = |telegrams: Vec<Result<Telegram, DecodeError>>| match telegrams.into_iter().next() {
            Some(Ok(telegram)) => Ok(telegram.sample(telegram.meter_time.unwrap_or_default())),
            Some(Err(error)) => at(place, error.to_string()),
            None => at(place, "holds no telegram"),
        };
        match (profile.protocol, &self.telegram, &self.bytes) {
            (Protocol::Modbus, None, None) => {
                Ok(profile.decode(&self.registers(place)?, at_zero, Orientation::AsMeter))
            }
            (Protocol::Sunspec, None, None) => {
                let registers = self.registers(place)?;
                let Some(found) = profile.first_in(&registers) else {
                    return at(
                        format!("{place}.registers"),
                        "hold no chain with one of the profile's models",
                    );
                };
                Ok(found.decode(&registers, at_zero, Orientation::AsMeter))
            }
            (Protocol::P1, Some(lines), None) => whole(decode_p1(
                lines.lines().map(|line| format!("{line}\r\n")).collect::<String>().as_bytes(),
            )),
            (Protocol::Sml, None, Some(text)) => {
                let digits: String = text.split_whitespace().collect();
                let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
                let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
                match bytes {
                    Some(bytes) => whole(decode_sml(&bytes)),
                    None => at(format!("{place}.bytes"), "must be hexadecimal bytes"),
                }
            }
            _ => at(place, "needs registers, a telegram (p1) or bytes (sml), as its protocol asks for"),
        }
    }

    fn registers(&self, place: &str) -> Checked<Registers> {
        let mut registers = Registers::new();
        for (index, block) in self.registers.iter().enumerate() {
            let words: Result<Vec<u16>, _> =
                block.words.split_whitespace().map(|word| u16::from_str_radix(word, 16)).collect();
            match words {
                Ok(words) => registers.insert(block.function, block.address, &words),
                Err(_) => {
                    return at(format!("{place}.registers[{index}].words"), "must be hexadecimal words");
                }
            }
        }
        Ok(registers)
    }

    /// Returns the frame as registers of a device.
    pub fn image(&self) -> Registers {
        self.registers("golden").unwrap_or_default()
    }
}

impl Expected {
    fn of(sample: &crate::Sample) -> Self {
        fn list<T>(values: &Option<Vec<T>>, get: impl Fn(&T) -> f64) -> Option<Vec<f64>> {
            values.as_ref().map(|values| values.iter().map(get).collect())
        }
        Self {
            power_w: sample.power.map(|power| power.as_f64()),
            import_wh: sample.import.map(|energy| energy.as_f64()),
            export_wh: sample.export.map(|energy| energy.as_f64()),
            phase_power_w: list(&sample.phase_power, |power| power.as_f64()),
            voltage_v: list(&sample.voltage, |voltage| voltage.as_f64()),
            current_a: list(&sample.current, |current| current.as_f64()),
            frequency_hz: sample.frequency.map(|frequency| frequency.as_f64()),
            serial: sample.serial.clone(),
            flags: sample.flags.clone(),
        }
    }

    /// Returns the first key whose values differ, with both values as text.
    fn differing(&self, got: &Self) -> Option<(&'static str, String, String)> {
        let pairs = [
            ("power_w", format!("{:?}", self.power_w), format!("{:?}", got.power_w)),
            ("import_wh", format!("{:?}", self.import_wh), format!("{:?}", got.import_wh)),
            ("export_wh", format!("{:?}", self.export_wh), format!("{:?}", got.export_wh)),
            ("phase_power_w", format!("{:?}", self.phase_power_w), format!("{:?}", got.phase_power_w)),
            ("voltage_v", format!("{:?}", self.voltage_v), format!("{:?}", got.voltage_v)),
            ("current_a", format!("{:?}", self.current_a), format!("{:?}", got.current_a)),
            ("frequency_hz", format!("{:?}", self.frequency_hz), format!("{:?}", got.frequency_hz)),
            ("serial", format!("{:?}", self.serial), format!("{:?}", got.serial)),
            ("flags", format!("{:?}", self.flags), format!("{:?}", got.flags)),
        ];
        pairs.into_iter().find(|(_, expected, got)| expected != got)
    }
}
