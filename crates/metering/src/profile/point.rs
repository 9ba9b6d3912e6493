//! A value of a profile: the registers it is made of.

use units::Energy;

use super::registers::Registers;
use super::value::{Raw, Scale, Type, WordOrder};
use crate::slots::RejectReason;

/// The values that a profile names.
#[derive(Clone, Debug, Default)]
pub(super) struct Points {
    pub power: Option<Point>,
    pub import: Option<Point>,
    pub export: Option<Point>,
    pub phase_power: Option<Point>,
    pub voltage: Option<Point>,
    pub current: Option<Point>,
    pub frequency: Option<Point>,
    pub serial: Option<Point>,
}

/// One value or a list of values. Each item is a sum of terms.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub function: u8,
    pub kind: Type,
    pub words: WordOrder,
    /// The registers of one term.
    pub registers: u16,
    pub scale: Scale,
    /// Where the power of ten stands by which the number is multiplied too.
    pub scale_at: Option<u16>,
    /// Bit patterns that mean "not there".
    pub absent: Vec<u64>,
    /// Whether a device of this profile may lack it.
    pub optional: bool,
    pub resolution: Energy,
    /// Where the counter begins anew, where the profile says so.
    pub wraps_at: Option<Energy>,
    /// A value beyond this many thousandths came ten times too large.
    pub tenfold_above: Option<i64>,
    pub items: Vec<Vec<Term>>,
}

/// A register that is added or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub address: u16,
    pub minus: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Alive {
    pub function: u8,
    pub address: u16,
    pub equals: Vec<u16>,
}

impl Points {
    pub(super) fn all(&self) -> impl Iterator<Item = &Point> {
        [
            &self.power,
            &self.import,
            &self.export,
            &self.phase_power,
            &self.voltage,
            &self.current,
            &self.frequency,
            &self.serial,
        ]
        .into_iter()
        .flatten()
    }
}

impl Point {
    /// Returns the first item in thousandths, if all its registers are there and are numbers.
    pub(super) fn value(&self, registers: &Registers) -> Option<i64> {
        self.items.first().and_then(|terms| self.sum(terms, registers))
    }

    /// Returns the items in thousandths from the first on, if none before the last that is there is
    /// missing: a device for three phases that is connected to one has one.
    pub(super) fn values(&self, registers: &Registers) -> Option<Vec<i64>> {
        let values: Vec<Option<i64>> = self.items.iter().map(|terms| self.sum(terms, registers)).collect();
        let there = values.iter().rposition(Option::is_some)? + 1;
        values.into_iter().take(there).collect()
    }

    /// Returns each item in thousandths.
    pub(super) fn each(&self, registers: &Registers) -> impl Iterator<Item = Option<i64>> {
        self.items.iter().map(|terms| self.sum(terms, registers))
    }

    /// Returns why the first item is no measurement although its registers are there and are not marked
    /// as absent.
    pub(super) fn defect(&self, registers: &Registers) -> Option<RejectReason> {
        let raw = |term: &Term| Some(self.kind.read(self.bits(term.address, registers)?));
        let raws: Option<Vec<Raw>> = self.items.first()?.iter().map(raw).collect();
        let scale = self.scale(registers)?;
        raws?.into_iter().find_map(|raw| match (raw, scale.apply(raw)) {
            (_, Some(_)) => None,
            (Raw::Float(number), None) if !number.is_finite() => Some(RejectReason::NotANumber),
            (_, None) => Some(RejectReason::OutOfRange),
        })
    }

    /// Returns a text without the padding that devices put around it, or a number as text.
    pub(super) fn text(&self, registers: &Registers) -> Option<String> {
        let address = self.items.first()?.first()?.address;
        if self.kind != Type::Text {
            return self.bits(address, registers).map(|bits| bits.to_string());
        }
        let words = registers.words(self.function, address, self.registers)?;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Returns the step of the counter where it stands at `counter`.
    pub(super) fn resolution(&self, counter: Energy) -> Energy {
        if self.kind != Type::F32 {
            return self.resolution;
        }
        let raw =
            counter.milliwatt_hours() as f64 * self.scale.denominator as f64 / self.scale.numerator as f64;
        let raw = (raw as f32).abs();
        let step = f64::from(raw.next_up()) - f64::from(raw);
        let step = (step * self.scale.numerator as f64 / self.scale.denominator as f64).ceil();
        self.resolution.max(Energy::from_milliwatt_hours(step as i64))
    }

    /// Returns what the counter counts until it begins anew: as much as its registers hold, unless the profile
    /// says otherwise. None for one that never ends in the life of a house, and for a sum of several.
    pub(super) fn wraps_at(&self) -> Option<Energy> {
        let whole = matches!(self.kind, Type::U16 | Type::I16 | Type::U32 | Type::I32);
        let single = matches!(self.items.as_slice(), [terms] if terms.len() == 1);
        let held = || self.scale.apply(Raw::Whole(1 << self.kind.bits())).map(Energy::from_milliwatt_hours);
        self.wraps_at.or_else(|| if whole && single { held() } else { None })
    }

    fn sum(&self, terms: &[Term], registers: &Registers) -> Option<i64> {
        let scale = self.scale(registers)?;
        terms.iter().try_fold(0_i64, |sum, term| {
            let value = scale.apply(self.kind.read(self.bits(term.address, registers)?))?;
            let value = match self.tenfold_above {
                Some(limit) if value.abs() > limit => value / 10,
                _ => value,
            };
            if term.minus { sum.checked_sub(value) } else { sum.checked_add(value) }
        })
    }

    /// Returns the scale with the power of ten that the device tells; none where it tells none, which is
    /// marked as 0x8000, or an absurd one.
    fn scale(&self, registers: &Registers) -> Option<Scale> {
        let Some(address) = self.scale_at else { return Some(self.scale) };
        self.scale.times_power_of_ten(registers.get(self.function, address)? as i16)
    }

    /// Returns the bits of one term, unless they mean "not there".
    fn bits(&self, address: u16, registers: &Registers) -> Option<u64> {
        let words = registers.words(self.function, address, self.registers)?;
        Some(self.words.join(words)).filter(|bits| !self.absent.contains(bits))
    }
}
