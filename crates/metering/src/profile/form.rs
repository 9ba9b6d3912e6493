//! The TOML form of a profile, as it is written; `lint` makes a [`super::Profile`] of it.

use serde::Deserialize;

use super::lint::ProfileError;
use super::value::{Type, Unit, WordOrder};

pub(super) fn parse(toml: &str) -> Result<Form, ProfileError> {
    toml::from_str(toml).map_err(ProfileError::Syntax)
}

/// What the device stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Grid,
    Solar,
    Battery,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Solar => "solar",
            Self::Battery => "battery",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Grid, Self::Solar, Self::Battery];
        all.into_iter().find(|kind| kind.word() == word).ok_or("must be grid, solar or battery")
    }
}

/// How the device speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Modbus,
    Sunspec,
    P1,
    Sml,
}

impl Protocol {
    /// Returns whether its devices answer questions under an address; others speak by themselves.
    pub const fn is_asked(self) -> bool {
        match self {
            Self::Modbus | Self::Sunspec => true,
            Self::P1 | Self::Sml => false,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Modbus => "modbus",
            Self::Sunspec => "sunspec",
            Self::P1 => "p1",
            Self::Sml => "sml",
        }
    }
}

/// What a positive power of the device means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Positive {
    Import,
    Export,
    Production,
    Consumption,
    Discharge,
    Charge,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    pub name: String,
    pub maker: String,
    pub model: String,
    pub kind: Kind,
    pub protocol: Protocol,
    pub source: String,
    pub positive: Positive,
    #[serde(default = "yes")]
    pub netting: bool,
    pub limits: Option<LimitsForm>,
    pub device: DeviceForm,
    #[serde(default)]
    pub defaults: DefaultsForm,
    #[serde(default)]
    pub values: ValuesForm,
    pub alive: Option<AliveForm>,
    pub sunspec: Option<SunspecForm>,
    #[serde(default)]
    pub golden: Vec<Golden>,
    /// What else the same device measures.
    #[serde(default)]
    pub part: Vec<PartForm>,
}

/// Another place that the device measures: the roof or the battery of a hybrid inverter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartForm {
    pub kind: Kind,
    /// What the device is called as this, where its own name would mislead.
    pub model: Option<String>,
    pub positive: Positive,
    pub values: ValuesForm,
    pub alive: Option<AliveForm>,
    #[serde(default)]
    pub golden: Vec<Golden>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsForm {
    pub max_registers: u16,
    #[serde(default)]
    pub even: bool,
    pub gap_ms: u64,
    #[serde(default)]
    pub connect_delay_ms: u64,
    #[serde(default = "one_second_in_ms")]
    pub timeout_ms: u64,
    pub stale_after_s: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceForm {
    #[serde(default = "first_unit")]
    pub unit: u8,
    #[serde(default = "modbus_port")]
    pub tcp_port: u16,
    pub serial: Option<String>,
}

/// What the values of a profile have in common unless one says otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefaultsForm {
    pub function: Option<u8>,
    pub r#type: Option<Type>,
    pub words: Option<WordOrder>,
    #[serde(default)]
    pub absent: Vec<Pattern>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValuesForm {
    pub power: Option<PointForm>,
    pub import: Option<PointForm>,
    pub export: Option<PointForm>,
    pub phase_power: Option<PointForm>,
    pub voltage: Option<PointForm>,
    pub current: Option<PointForm>,
    pub frequency: Option<PointForm>,
    pub serial: Option<PointForm>,
}

/// One value: a register, a sum or difference of registers, or a list of registers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointForm {
    pub function: Option<u8>,
    pub address: Option<u16>,
    #[serde(default)]
    pub plus: Vec<u16>,
    #[serde(default)]
    pub minus: Vec<u16>,
    pub addresses: Option<Vec<u16>>,
    pub minus_addresses: Option<Vec<u16>>,
    pub r#type: Option<Type>,
    pub words: Option<WordOrder>,
    pub unit: Option<Unit>,
    pub scale: Option<ScaleForm>,
    /// Where the power of ten stands by which the number is multiplied (SunSpec).
    pub scale_at: Option<u16>,
    pub absent: Option<Vec<Pattern>>,
    #[serde(default)]
    pub optional: bool,
    pub resolution_wh: Option<f64>,
    /// Where a counter begins anew, if that is not the end of its registers.
    pub wraps_at_wh: Option<f64>,
    pub tenfold_above: Option<f64>,
    /// The length of a text in registers.
    pub registers: Option<u16>,
}

/// `10` or `"1/10"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ScaleForm {
    Whole(i64),
    Fraction(String),
}

/// A bit pattern that means "not there".
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Pattern {
    Bits(u64),
    Named(NamedPattern),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NamedPattern {
    /// All bits set.
    Ones,
    /// The largest signed number, `7FFF...`.
    Max,
    /// The smallest signed number, `8000...`.
    Min,
}

/// A register that says whether the values are alive, such as the meter status behind an inverter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AliveForm {
    pub function: Option<u8>,
    pub address: u16,
    pub equals: Vec<u16>,
}

/// Which SunSpec models carry the device's values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SunspecForm {
    pub models: Vec<u16>,
    /// Makers whose devices mean the opposite of `positive`, by a part of the name that they give.
    #[serde(default)]
    pub opposite_makers: Vec<String>,
}

/// What the device sends and the values it must decode to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// What the frame shows and where it comes from.
    pub about: String,
    /// What Modbus devices answer.
    #[serde(default)]
    pub registers: Vec<GoldenWords>,
    /// What P1 meters send: lines, whose ends are written as the standard asks for.
    pub telegram: Option<String>,
    /// What SML meters send, as hexadecimal bytes.
    pub bytes: Option<String>,
    pub expect: Expected,
}

/// Consecutive registers as hexadecimal words: `"4366 6666 0000 0000"`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenWords {
    pub function: u8,
    pub address: u16,
    pub words: String,
}

/// The expected values; what is not named must be missing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub power_w: Option<f64>,
    pub import_wh: Option<f64>,
    pub export_wh: Option<f64>,
    pub phase_power_w: Option<Vec<f64>>,
    pub voltage_v: Option<Vec<f64>>,
    pub current_a: Option<Vec<f64>>,
    pub frequency_hz: Option<f64>,
    pub serial: Option<String>,
    #[serde(default)]
    pub flags: Vec<crate::Flag>,
}

fn yes() -> bool {
    true
}

fn one_second_in_ms() -> u64 {
    1000
}

fn first_unit() -> u8 {
    1
}

fn modbus_port() -> u16 {
    502
}
