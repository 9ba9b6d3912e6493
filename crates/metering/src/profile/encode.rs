//! From a sample to registers: what a simulated device of a profile answers.

use super::Profile;
use super::point::{Point, Term};
use super::value::Type;
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
        let mut words = Vec::new();
        let mut write = |point: &Option<Point>, values: Option<Vec<i64>>| {
            if let Some(point) = point {
                point.write(values.as_deref(), &mut words);
            }
        };
        write(&points.power, sample.power.map(|power| vec![power.milliwatts() * self.sign]));
        write(&points.import, sample.import.map(|energy| vec![energy.milliwatt_hours()]));
        write(&points.export, sample.export.map(|energy| vec![energy.milliwatt_hours()]));
        write(&points.phase_power, list(&sample.phase_power, |power| power.milliwatts() * self.sign));
        write(&points.voltage, list(&sample.voltage, |voltage| voltage.millivolts()));
        write(&points.current, list(&sample.current, |current| current.milliamperes().abs()));
        write(&points.frequency, sample.frequency.map(|frequency| vec![frequency.millihertz()]));
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
    fn write(&self, values: Option<&[i64]>, words: &mut Vec<Words>) {
        for (place, terms) in self.items.iter().enumerate() {
            let value = values.and_then(|values| values.get(place)).copied();
            for (term, value) in terms.iter().zip(shares(terms, value)) {
                if let Some(bits) = self.bits_of(value) {
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

    fn bits_of(&self, value: Option<i64>) -> Option<u64> {
        match value {
            Some(value) => self.kind.write(value, self.scale),
            None if self.kind == Type::F32 => Some(u64::from(f32::NAN.to_bits())),
            None => self.absent.first().copied(),
        }
    }
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
