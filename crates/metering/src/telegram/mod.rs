//! What a meter says of itself in a telegram: values by their OBIS codes (IEC 62056-61), and what they mean.
//!
//! P1 and SML differ in how they are written, not in what they say: both name each value by its code.

mod decimal;
mod meaning;

use std::collections::BTreeMap;

use units::Timestamp;

use crate::sample::{Flag, Sample};

pub(crate) use decimal::Decimal;

/// A meter's clock that is further off than this is worth a word.
const CLOCK_TOLERANCE_MS: u64 = 30_000;

/// A telegram that is whole: its checksum, where its kind has one, is right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Telegram {
    /// Every value by its code, such as `1-0:1.8.1`. The sixth group of a code is left out where it is 255.
    pub obis: BTreeMap<String, ObisValue>,
    /// The meter's own clock, which is never trusted, only compared.
    pub meter_time: Option<Timestamp>,
    values: Sample,
}

/// A value as the meter wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObisValue {
    /// A number exactly and without leading zeros where it has a unit, otherwise the meter's text.
    pub value: String,
    pub unit: Option<String>,
}

/// Why a telegram was dropped. It is dropped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    #[error("the telegram's checksum is wrong")]
    Crc,
    #[error("the telegram is not written as its protocol asks for")]
    Malformed,
    #[error("the telegram ends before its end")]
    Truncated,
}

impl DecodeError {
    /// Returns the word for it on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Crc => "crc",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
        }
    }
}

impl Telegram {
    pub(crate) fn new(values: Values, meter_time: Option<Timestamp>, hints: &Hints) -> Self {
        let sample = meaning::sample(&values, hints);
        let obis = values.0.into_iter().map(|(code, value)| (code, value.written())).collect();
        Self { obis, meter_time, values: sample }
    }

    /// Returns what the telegram means, stamped with the host's time at which it came.
    ///
    /// The meter's clock never dates a sample: meters showed 1 January 2000, times five months old, and
    /// times in the future. One that is over 30 s off is flagged.
    pub fn sample(&self, at: Timestamp) -> Sample {
        let mut sample = Sample { at, ..self.values.clone() };
        if self.clock_offset_ms(at).is_some_and(|offset| offset.unsigned_abs() > CLOCK_TOLERANCE_MS) {
            sample.flags.push(Flag::ClockOff);
        }
        sample
    }

    /// Returns how far the meter's clock was ahead when the telegram came.
    pub fn clock_offset_ms(&self, at: Timestamp) -> Option<i64> {
        self.meter_time.map(|time| time.millis().saturating_sub(at.millis()))
    }
}

/// What is known of a telegram beside its values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    /// Whether power flows out, where a status word tells it.
    pub exports: Option<bool>,
    /// The net power in place of the one that the telegram tells wrongly.
    pub power: Option<Decimal>,
    /// Whether the meter's kind hides its decimals and its power until a PIN is entered.
    pub may_hide: bool,
}

/// The values of a telegram before they are given a meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values(BTreeMap<String, Value>);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number { number: Decimal, unit: String },
    Text(String),
}

impl Values {
    /// Notes a value. The first of a code counts: a second one is not of the telegram's own meter.
    pub(crate) fn note(&mut self, code: String, value: Value) {
        self.0.entry(code).or_insert(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn text(&self, code: &str) -> Option<&str> {
        match self.0.get(code)? {
            Value::Text(text) => Some(text),
            Value::Number { .. } => None,
        }
    }

    fn number(&self, code: &str) -> Option<(Decimal, &str)> {
        match self.0.get(code)? {
            Value::Number { number, unit } => Some((*number, unit)),
            Value::Text(_) => None,
        }
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Value {
    fn written(self) -> ObisValue {
        match self {
            Self::Number { number, unit } => {
                ObisValue { value: number.to_string(), unit: Some(unit).filter(|unit| !unit.is_empty()) }
            }
            Self::Text(value) => ObisValue { value, unit: None },
        }
    }
}
