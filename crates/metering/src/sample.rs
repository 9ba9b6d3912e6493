//! What a meter said at one instant, and what a slot amounts to.

use units::{Current, Energy, Frequency, Power, Slot, Timestamp, Voltage, WattHours};

/// One reading of one meter. What the meter does not tell is missing, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub at: Timestamp,
    /// Power at the grid point: import positive, export negative.
    pub power: Option<Power>,
    /// The import register: a counter for ever.
    pub import: Option<Energy>,
    /// The export register.
    pub export: Option<Energy>,
    pub phase_power: Option<Vec<Power>>,
    pub voltage: Option<Vec<Voltage>>,
    pub current: Option<Vec<Current>>,
    pub frequency: Option<Frequency>,
    pub serial: Option<String>,
    pub flags: Vec<Flag>,
}

/// What a reader should know about a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// The meter counts each phase on its own instead of netting them.
    NotNetted,
    /// The meter hides decimals and power until its PIN is entered.
    NoPin,
    /// The values have not moved for longer than a live meter's would.
    Stale,
    /// The meter's clock is off.
    ClockOff,
    /// The adapter echoes requests.
    LocalEcho,
    /// The device takes only short reads.
    ReducedReads,
}

/// How good a figure of energy is. The same words everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Both borders of the slot were seen.
    Measured,
    /// The counter bridged a gap; the share of each slot is a guess, the sum is not.
    Recovered,
    Estimated,
    /// The slot was not wholly observed.
    Partial,
    Missing,
}

/// How energy was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Difference of the meter's counter.
    Counter,
    /// Integral of power, for meters without a counter.
    Integral,
}

/// What one meter measured in one interval: a slot of 900 s, or shorter for diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotEnergy {
    pub start: Timestamp,
    pub seconds: u32,
    pub import: Option<Energy>,
    pub export: Option<Energy>,
    /// The registers at the borders, linear between the samples around them.
    pub borders: Borders,
    pub quality: Quality,
    pub method: Method,
}

/// The registers at the start and the end of a slot; missing where no samples lie close enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Borders {
    pub import_start: Option<Energy>,
    pub import_end: Option<Energy>,
    pub export_start: Option<Energy>,
    pub export_end: Option<Energy>,
}

impl SlotEnergy {
    /// Returns what the market counts, import and export: the whole watt-hours of the register at the end
    /// less those at the start, so that slots telescope to the register. Only a measured slot has it.
    ///
    /// A register that the meter does not have counts nothing: a household that cannot export sells 0 Wh.
    pub fn market_wh(&self) -> Option<(WattHours, WattHours)> {
        if (self.quality, self.method) != (Quality::Measured, Method::Counter) {
            return None;
        }
        let counted = |start: Option<Energy>, end: Option<Energy>| match (start, end) {
            (Some(start), Some(end)) => Some(end.floor_watt_hours() - start.floor_watt_hours()),
            (None, None) => Some(WattHours::ZERO),
            _ => None,
        };
        let borders = &self.borders;
        let import = counted(borders.import_start, borders.import_end)?;
        Some((import, counted(borders.export_start, borders.export_end)?))
    }

    /// Returns the market's slot, if the interval is one.
    pub fn slot(&self) -> Option<Slot> {
        Slot::starting_at(self.start).ok().filter(|_| i64::from(self.seconds) == units::SLOT_SECONDS)
    }
}

/// Declares the word of each variant, which is what JSON, TOML and SQL carry.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Returns the word for it on paper and on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Finds it by its word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| serde::de::Error::custom(format!("unknown word \"{word}\"")))
            }
        }
    };
}
pub(crate) use words;

words!(Flag {
    NotNetted = "not_netted",
    NoPin = "no_pin",
    Stale = "stale",
    ClockOff = "clock_off",
    LocalEcho = "local_echo",
    ReducedReads = "reduced_reads",
});
words!(Quality {
    Measured = "measured",
    Recovered = "recovered",
    Estimated = "estimated",
    Partial = "partial",
    Missing = "missing",
});
words!(Method { Counter = "counter", Integral = "integral" });
