//! Numbers as meters write them: types, word orders, units, scales.

use serde::Deserialize;

/// How a number is written in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    Text,
}

/// Which word of a number comes first. Within a word Modbus always sends the high byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WordOrder {
    /// High word first.
    Be,
    /// Low word first ("word swapped").
    Ls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Unit {
    W,
    #[serde(rename = "kW")]
    KiloW,
    Wh,
    #[serde(rename = "kWh")]
    KiloWh,
    #[serde(rename = "MWh")]
    MegaWh,
    V,
    A,
    Hz,
}

impl Unit {
    /// Returns how many thousandths of the base unit it has.
    pub(super) const fn thousandths(self) -> i64 {
        match self {
            Self::W | Self::Wh | Self::V | Self::A | Self::Hz => 1000,
            Self::KiloW | Self::KiloWh => 1_000_000,
            Self::MegaWh => 1_000_000_000,
        }
    }
}

/// A raw number times a fraction: thousandths of the base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    pub numerator: i64,
    pub denominator: i64,
}

/// A number in registers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Raw {
    Whole(i128),
    Float(f64),
}

/// The largest value that is taken for a measurement, in thousandths: what a double holds exactly.
const LARGEST: i128 = 9_000_000_000_000_000;

impl Type {
    /// Returns how many registers a number of this type takes; a text says so itself.
    pub(super) const fn registers(self) -> u16 {
        match self {
            Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 => 4,
            Self::Text => 0,
        }
    }

    pub(super) const fn bits(self) -> u32 {
        self.registers() as u32 * 16
    }

    /// Reads the bits of a number as what they mean.
    pub(super) fn read(self, bits: u64) -> Raw {
        match self {
            Self::U16 | Self::U32 | Self::U64 | Self::Text => Raw::Whole(i128::from(bits)),
            Self::I16 => Raw::Whole(i128::from(bits as u16 as i16)),
            Self::I32 => Raw::Whole(i128::from(bits as u32 as i32)),
            Self::I64 => Raw::Whole(i128::from(bits as i64)),
            Self::F32 => Raw::Float(f64::from(f32::from_bits(bits as u32))),
        }
    }

    /// Writes the number nearest to `thousandths`; `None` where it does not fit.
    pub(super) fn write(self, thousandths: i64, scale: Scale) -> Option<u64> {
        let raw =
            div_nearest(i128::from(thousandths) * i128::from(scale.denominator), scale.numerator.into());
        match self {
            Self::U16 => u16::try_from(raw).ok().map(u64::from),
            Self::I16 => i16::try_from(raw).ok().map(|raw| u64::from(raw as u16)),
            Self::U32 => u32::try_from(raw).ok().map(u64::from),
            Self::I32 => i32::try_from(raw).ok().map(|raw| u64::from(raw as u32)),
            Self::U64 => u64::try_from(raw).ok(),
            Self::I64 => i64::try_from(raw).ok().map(|raw| raw as u64),
            Self::F32 => {
                let value = thousandths as f64 * scale.denominator as f64 / scale.numerator as f64;
                Some(u64::from((value as f32).to_bits()))
            }
            Self::Text => None,
        }
    }
}

impl Scale {
    /// Returns the scale times `10^power`; none beyond the powers that SunSpec allows, -10 to 10.
    pub(super) fn times_power_of_ten(self, power: i16) -> Option<Self> {
        let factor =
            10_i64.checked_pow(power.unsigned_abs().into()).filter(|_| (-10..=10).contains(&power))?;
        Some(match power {
            0.. => Self { numerator: self.numerator.checked_mul(factor)?, ..self },
            _ => Self { denominator: self.denominator.checked_mul(factor)?, ..self },
        })
    }

    /// Returns the value in thousandths, to the nearest; `None` where it is not a number or beyond measure.
    pub(super) fn apply(self, raw: Raw) -> Option<i64> {
        let scaled = match raw {
            Raw::Whole(raw) => div_nearest(raw.checked_mul(self.numerator.into())?, self.denominator.into()),
            Raw::Float(raw) => {
                let scaled = (raw * self.numerator as f64 / self.denominator as f64).round();
                if !scaled.is_finite() || scaled.abs() > LARGEST as f64 {
                    return None;
                }
                scaled as i128
            }
        };
        i64::try_from(scaled).ok().filter(|_| scaled.abs() <= LARGEST)
    }
}

impl WordOrder {
    /// Puts words together to the bits of a number.
    pub(super) fn join(self, words: &[u16]) -> u64 {
        let join = |bits: u64, word: &u16| bits << 16 | u64::from(*word);
        match self {
            Self::Be => words.iter().fold(0, join),
            Self::Ls => words.iter().rev().fold(0, join),
        }
    }

    /// Takes the bits of a number apart into `count` words.
    pub(super) fn split(self, bits: u64, count: u16) -> Vec<u16> {
        let word = |place: u16| (bits >> (16 * place)) as u16;
        match self {
            Self::Be => (0..count).rev().map(word).collect(),
            Self::Ls => (0..count).map(word).collect(),
        }
    }
}

/// Divides to the nearest whole number, half away from zero.
fn div_nearest(numerator: i128, denominator: i128) -> i128 {
    let (numerator, denominator) =
        if denominator < 0 { (-numerator, -denominator) } else { (numerator, denominator) };
    let half = denominator / 2;
    if numerator < 0 { (numerator - half) / denominator } else { (numerator + half) / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_join_in_either_order() {
        assert_eq!(WordOrder::Be.join(&[0x1234, 0x5678]), 0x1234_5678);
        assert_eq!(WordOrder::Ls.join(&[0x1234, 0x5678]), 0x5678_1234);
        assert_eq!(WordOrder::Ls.join(&[4, 3, 2, 1]), 0x0001_0002_0003_0004);
    }

    #[test]
    fn signed_types_extend_their_sign() {
        assert_eq!(Type::I16.read(0xFFFE), Raw::Whole(-2));
        assert_eq!(Type::U16.read(0xFFFE), Raw::Whole(65534));
        assert_eq!(Type::I32.read(0xFFFF_FFFE), Raw::Whole(-2));
        assert_eq!(Type::I64.read(u64::MAX), Raw::Whole(-1));
    }

    #[test]
    fn a_float_counter_in_kilowatt_hours_is_exact_to_the_milliwatt_hour() {
        let kilowatt_hours = Scale { numerator: 1_000_000, denominator: 1 };
        let raw = Type::F32.read(u64::from(12345.678_f32.to_bits()));
        // The nearest 32-bit float to 12345.678 is 12345.677734375.
        assert_eq!(kilowatt_hours.apply(raw), Some(12_345_677_734));
    }

    #[test]
    fn what_is_no_number_is_absent() {
        let scale = Scale { numerator: 1000, denominator: 1 };
        for bits in [0x7FC0_0000_u64, 0xFFFF_FFFF, 0x7F80_0000, 0xFF80_0000] {
            assert_eq!(scale.apply(Type::F32.read(bits)), None, "{bits:#x}");
        }
        assert_eq!(scale.apply(Raw::Float(1e38)), None);
        assert_eq!(scale.apply(Raw::Whole(i128::from(u64::MAX))), None);
    }

    proptest! {
        #[test]
        fn splitting_undoes_joining(words in proptest::collection::vec(any::<u16>(), 1..=4), swapped: bool) {
            let order = if swapped { WordOrder::Ls } else { WordOrder::Be };
            prop_assert_eq!(order.split(order.join(&words), words.len() as u16), words);
        }

        #[test]
        fn writing_undoes_reading_of_whole_numbers(bits: u32, tenths: bool) {
            let scale = Scale { numerator: 1000, denominator: if tenths { 10 } else { 1 } };
            for kind in [Type::U32, Type::I32] {
                let thousandths = scale.apply(kind.read(u64::from(bits))).unwrap();
                prop_assert_eq!(kind.write(thousandths, scale), Some(u64::from(bits)));
            }
        }
    }
}
