//! A sample on paper: numbers in units with at most three decimals, exactly.

use metering::{Flag, Sample};
use serde::{Serialize, Serializer};
use units::Timestamp;

/// A number in thousandths, written in whole units with its decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thousandths(pub i64);

impl Serialize for Thousandths {
    /// Writes a whole number as an integer. Others are below 2^53 thousandths, so the nearest float is
    /// written with the same three decimals.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_i64(self.0 / 1000),
            _ => serializer.serialize_f64(self.0 as f64 / 1000.0),
        }
    }
}

impl std::fmt::Display for Thousandths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        match (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000) {
            (whole, 0) => write!(f, "{sign}{whole}"),
            (whole, part) => write!(f, "{sign}{whole}.{part:03}"),
        }
    }
}

/// What `wattle meter read` prints.
#[derive(Serialize)]
pub struct SampleLine {
    pub at: Timestamp,
    pub power_w: Option<Thousandths>,
    pub import_wh: Option<Thousandths>,
    pub export_wh: Option<Thousandths>,
    pub phase_power_w: Option<Vec<Thousandths>>,
    voltage_v: Option<Vec<Thousandths>>,
    current_a: Option<Vec<Thousandths>>,
    frequency_hz: Option<Thousandths>,
    pub serial: Option<String>,
    pub flags: Vec<Flag>,
}

impl From<&Sample> for SampleLine {
    fn from(sample: &Sample) -> Self {
        fn each<T: Copy>(values: &Option<Vec<T>>, get: fn(T) -> i64) -> Option<Vec<Thousandths>> {
            values.as_ref().map(|values| values.iter().map(|value| Thousandths(get(*value))).collect())
        }
        Self {
            at: sample.at,
            power_w: sample.power.map(|power| Thousandths(power.milliwatts())),
            import_wh: sample.import.map(|energy| Thousandths(energy.milliwatt_hours())),
            export_wh: sample.export.map(|energy| Thousandths(energy.milliwatt_hours())),
            phase_power_w: each(&sample.phase_power, units::Power::milliwatts),
            voltage_v: each(&sample.voltage, units::Voltage::millivolts),
            current_a: each(&sample.current, units::Current::milliamperes),
            frequency_hz: sample.frequency.map(|frequency| Thousandths(frequency.millihertz())),
            serial: sample.serial.clone(),
            flags: sample.flags.clone(),
        }
    }
}

impl SampleLine {
    /// Returns it as lines for people; what the meter does not tell is left out.
    pub fn text(&self) -> String {
        let one = |name: &str, value: &Option<Thousandths>, unit: &str| {
            value.map(|value| format!("{name:<12}{value} {unit}"))
        };
        let many = |name: &str, values: &Option<Vec<Thousandths>>, unit: &str| {
            let values: Vec<String> = values.as_ref()?.iter().map(Thousandths::to_string).collect();
            Some(format!("{name:<12}{} {unit}", values.join("  ")))
        };
        let flags: Vec<&str> = self.flags.iter().map(|flag| flag.word()).collect();
        let lines = [
            Some(format!("{:<12}{}", "Time", self.at)),
            one("Power", &self.power_w, "W (import is positive, export negative)"),
            one("Import", &self.import_wh, "Wh"),
            one("Export", &self.export_wh, "Wh"),
            many("Phases", &self.phase_power_w, "W"),
            many("Voltage", &self.voltage_v, "V"),
            many("Current", &self.current_a, "A"),
            one("Frequency", &self.frequency_hz, "Hz"),
            self.serial.as_ref().map(|serial| format!("{:<12}{serial}", "Serial")),
            (!flags.is_empty()).then(|| format!("{:<12}{}", "Flags", flags.join(", "))),
        ];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// Returns the main values in one line.
    pub fn short_text(&self) -> String {
        let value = |value: &Option<Thousandths>| value.map_or("-".into(), |value| value.to_string());
        let (power, import, export) = (value(&self.power_w), value(&self.import_wh), value(&self.export_wh));
        format!("{}  {power} W  import {import} Wh  export {export} Wh", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_to_three_decimals() {
        for (thousandths, text) in [
            (0, "0"),
            (1500, "1.5"),
            (-1, "-0.001"),
            (12_345_677_734, "12345677.734"),
            (-4_321_500, "-4321.5"),
        ] {
            assert_eq!(serde_json::to_string(&Thousandths(thousandths)).unwrap(), text);
        }
        assert_eq!(Thousandths(-1).to_string(), "-0.001");
    }

    #[test]
    fn what_is_missing_is_null() {
        let line = serde_json::to_value(SampleLine::from(&Sample::default())).unwrap();
        assert_eq!(line["power_w"], serde_json::Value::Null);
        assert_eq!(line["phase_power_w"], serde_json::Value::Null);
        assert_eq!(line["flags"], serde_json::json!([]));
    }
}
