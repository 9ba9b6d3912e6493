//! From a sample to registers: what a simulated device of a profile answers.

use super::Profile;
use super::point::{Point, Term};
use super::value::{Scale, Type};
use crate::sample::{Flag, Sample};

/// Words at an address of a function's register space.
type Words = (u8, u16, Vec<u16>);

impl Profile {
    /// Returns the registers of a device that shows this sample: the inverse of `decode` as the meter
    /// is mounted, within the steps of the registers.
    ///
    /// A missing value becomes NaN or the profile's pattern for "not there"; where it has neither, the
    /// register is left out. Currents are written without sign, as meters do.
    pub fn encode(&self, sample: &Sample) -> Vec<Words> {
        let points = &self.points;
        let shown = [
            (&points.power, sample.power.map(|power| vec![power.milliwatts() * self.sign])),
            (&points.import, sample.import.map(|energy| vec![energy.milliwatt_hours()])),
            (&points.export, sample.export.map(|energy| vec![energy.milliwatt_hours()])),
            (&points.phase_power, list(&sample.phase_power, |power| power.milliwatts() * self.sign)),
            (&points.voltage, list(&sample.voltage, |voltage| voltage.millivolts())),
            (&points.current, list(&sample.current, |current| current.milliamperes().abs())),
            (&points.frequency, sample.frequency.map(|frequency| vec![frequency.millihertz()])),
        ];
        let shown: Vec<(&Point, Vec<i64>)> = shown
            .into_iter()
            .filter_map(|(point, values)| Some((point.as_ref()?, values.unwrap_or_default())))
            .collect();
        let mut words = Vec::new();
        for (point, values) in &shown {
            // Values that share a register for their power of ten share the power.
            let power = point.scale_at.map(|address| {
                let sharing = shown.iter().filter(|(other, _)| other.scale_at == Some(address));
                let power = finest_power(sharing);
                words.push((point.function, address, vec![power as u16]));
                power
            });
            point.write(values, power, &mut words);
        }
        if let (Some(point), Some(serial)) = (&points.serial, &sample.serial) {
            point.write_text(serial, &mut words);
        }
        if let Some(alive) = &self.alive {
            words.push((
                alive.function,
                alive.address,
                vec![alive.word(!sample.flags.contains(&Flag::Stale))],
            ));
        }
        words
    }
}

impl Point {
    fn write(&self, values: &[i64], power: Option<i16>, words: &mut Vec<Words>) {
        let scale = power.and_then(|power| self.scale.times_power_of_ten(power)).unwrap_or(self.scale);
        for (place, terms) in self.items.iter().enumerate() {
            let value = values.get(place).copied();
            for (term, value) in terms.iter().zip(shares(terms, value)) {
                if let Some(bits) = self.bits_of(value, scale) {
                    words.push((self.function, term.address, self.words.split(bits, self.registers)));
                }
            }
        }
    }

    fn write_text(&self, text: &str, words: &mut Vec<Words>) {
        let Some(term) = self.items.first().and_then(|terms| terms.first()) else { return };
        if self.kind == Type::Text {
            let mut bytes = text.as_bytes().to_vec();
            bytes.resize(usize::from(self.registers) * 2, 0);
            let text = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            words.push((self.function, term.address, text));
        } else if let Ok(number) = text.parse() {
            words.push((self.function, term.address, self.words.split(number, self.registers)));
        }
    }

    /// Tells whether the values fit their registers at a power of ten. What would read as "not there"
    /// does not.
    fn fits(&self, values: &[i64], power: i16) -> bool {
        self.scale.times_power_of_ten(power).is_some_and(|scale| {
            let written =
                |value: &i64| self.kind.write(*value, scale).filter(|bits| !self.absent.contains(bits));
            values.iter().all(|value| written(value).is_some())
        })
    }

    fn bits_of(&self, value: Option<i64>, scale: Scale) -> Option<u64> {
        match value {
            Some(value) => self.kind.write(value, scale),
            None if self.kind == Type::F32 => Some(u64::from(f32::NAN.to_bits())),
            None => self.absent.first().copied(),
        }
    }
}

/// Returns the smallest power of ten at which all values fit, or 0.
fn finest_power<'a>(points: impl Iterator<Item = &'a (&'a Point, Vec<i64>)> + Clone) -> i16 {
    (-3..=10).find(|power| points.clone().all(|(point, values)| point.fits(values, *power))).unwrap_or(0)
}

impl super::Alive {
    fn word(&self, alive: bool) -> u16 {
        let well = self.equals.first().copied().unwrap_or(1);
        let ill = (0..).find(|word| !self.equals.contains(word)).unwrap_or(u16::MAX);
        if alive { well } else { ill }
    }
}

/// Shares a value among terms: what is positive goes to the first that is added, what is negative to the
/// first that is taken away, or to the first of all where none is.
fn shares(terms: &[Term], value: Option<i64>) -> Vec<Option<i64>> {
    let Some(value) = value else { return vec![None; terms.len()] };
    let minus = terms.iter().position(|term| term.minus);
    let (carrier, amount) = match minus {
        Some(minus) if value < 0 => (minus, -value),
        _ => (0, value),
    };
    (0..terms.len()).map(|place| Some(if place == carrier { amount } else { 0 })).collect()
}

fn list<T>(values: &Option<Vec<T>>, get: impl Fn(&T) -> i64) -> Option<Vec<i64>> {
    values.as_ref().map(|values| values.iter().map(get).collect())
}
