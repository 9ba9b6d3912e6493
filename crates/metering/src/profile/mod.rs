//! Meter profiles: what a device calls its values, where they are, and how they are written. Data, not code.
//!
//! A profile is a TOML file under `profiles/`, compiled in. Its format is in
//! `docs/protocols/meter-profiles.md`; `profiles/template.toml` is a copy to start from. Parsing lints:
//! a profile that exists is one whose golden frames decode to what they promise.

mod catalogue;
mod decode;
mod encode;
mod explain;
mod form;
mod golden;
mod lint;
mod point;
mod reads;
mod registers;
mod sunspec;
mod value;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use units::Energy;

pub use catalogue::{Catalogue, NameTaken};
pub(crate) use decode::sign_currents;
pub use explain::{Explained, RawRegisters};
pub use form::{Golden, GoldenWords, Kind, Protocol};
pub use lint::ProfileError;
pub use reads::Read;
pub use registers::Registers;
pub use sunspec::FoundModel;

use point::{Alive, Point, Points};

/// The profiles that are compiled in, in the order in which they are shown.
const FILES: &[&str] = &[
    include_str!("../../profiles/eastron-sdm630.toml"),
    include_str!("../../profiles/eastron-sdm120.toml"),
    include_str!("../../profiles/eastron-sdm72.toml"),
    include_str!("../../profiles/carlo-gavazzi-em340.toml"),
    include_str!("../../profiles/carlo-gavazzi-em24.toml"),
    include_str!("../../profiles/carlo-gavazzi-em24-e1.toml"),
    include_str!("../../profiles/abb-b23.toml"),
    include_str!("../../profiles/schneider-iem3155.toml"),
    include_str!("../../profiles/janitza-umg96.toml"),
    include_str!("../../profiles/janitza-b23.toml"),
    include_str!("../../profiles/shelly-pro-3em.toml"),
    include_str!("../../profiles/huawei-sun2000.toml"),
    include_str!("../../profiles/growatt-max.toml"),
    include_str!("../../profiles/growatt-tlx.toml"),
    include_str!("../../profiles/sungrow-sg.toml"),
    include_str!("../../profiles/sungrow-sh.toml"),
    include_str!("../../profiles/victron-gx.toml"),
    include_str!("../../profiles/sma-native.toml"),
    include_str!("../../profiles/sunspec-inverter.toml"),
    include_str!("../../profiles/sunspec-meter.toml"),
    include_str!("../../profiles/solaredge-meter.toml"),
    include_str!("../../profiles/p1.toml"),
    include_str!("../../profiles/sml.toml"),
];

static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|text| Profile::parse(text).expect("a test parses every profile that is compiled in"))
        .collect()
});

/// Returns every profile that is compiled in.
pub fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// Returns the profile of this name, if there is one.
pub fn profile(name: &str) -> Option<&'static Profile> {
    profiles().iter().find(|profile| profile.name == name)
}

/// A kind of device: how to ask it and what its answers mean.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Kebab-case, maker first: `eastron-sdm630`.
    pub name: String,
    pub maker: String,
    pub model: String,
    pub kind: Kind,
    pub protocol: Protocol,
    /// Where the facts come from.
    pub source: String,
    /// Whether the device's totals net its phases, as a billing meter does.
    pub netting: bool,
    pub limits: Limits,
    pub device: Device,
    /// Raw registers with the values they mean.
    pub golden: Vec<Golden>,
    /// What else the same device measures.
    parts: Vec<Arc<Profile>>,
    is_part: bool,
    sign: i64,
    points: Points,
    alive: Option<Alive>,
    sunspec: Option<sunspec::Models>,
    /// The serial number that is not among the values that are read again and again.
    known_serial: Option<String>,
}

/// What the device bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most registers that one read may ask for.
    pub max_registers: u16,
    /// Whether reads must begin at an even register and have an even length.
    pub even: bool,
    /// The pause that the device needs between an answer and the next request.
    pub gap: Duration,
    /// The pause that the device needs after a connection was made.
    pub connect_delay: Duration,
    /// How long the device may take to answer.
    pub timeout: Duration,
    /// How long all values may stand still before a live meter must be presumed dead.
    pub stale_after: Option<Duration>,
}

/// How the device is found when it leaves the factory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    pub unit: u8,
    pub tcp_port: u16,
    pub serial: Option<SerialLine>,
}

/// A serial line as people write it: `9600 8N1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialLine {
    pub baud: u32,
    /// `N`, `E` or `O`.
    pub parity: char,
    pub stop_bits: u8,
}

/// Which way a meter is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// Power in the meter's positive direction is positive.
    #[default]
    AsMeter,
    /// The meter looks the other way: power changes its sign, import and export their places.
    Inverted,
}

/// The step of counters that devices tell with their own decimals: P1 meters in watt-hours, SML meters in
/// tenths, SunSpec devices by their power of ten, mostly one.
const SPOKEN_RESOLUTION: Energy = Energy::from_watt_hours(1);

impl Limits {
    /// Of devices that are not asked.
    const NONE: Self = Self {
        max_registers: 125,
        even: false,
        gap: Duration::ZERO,
        connect_delay: Duration::ZERO,
        timeout: Duration::from_secs(1),
        stale_after: None,
    };
}

impl Profile {
    /// Parses and lints a profile. An error names the place in the file.
    pub fn parse(toml: &str) -> Result<Self, ProfileError> {
        lint::check(form::parse(toml)?)
    }

    /// Returns the step in which the counters move where they stand at `counter`.
    ///
    /// A counter in a 32-bit float moves in ever coarser steps as it grows: an SDM630 above 32,768 kWh
    /// in steps of 3.9 Wh, above 131,072 kWh in steps of 15.6 Wh.
    pub fn resolution(&self, counter: Energy) -> Energy {
        if self.protocol != Protocol::Modbus {
            return SPOKEN_RESOLUTION;
        }
        let counters = [&self.points.import, &self.points.export];
        counters.into_iter().flatten().map(|point| point.resolution(counter)).max().unwrap_or(Energy::ZERO)
    }

    /// Returns what else the same device measures, as a hybrid inverter does: each is asked like the device, over
    /// the same connection, for other values.
    pub fn parts(&self) -> &[Arc<Self>] {
        &self.parts
    }

    /// Returns whether it is a part of another profile, whose name it has.
    pub const fn is_part(&self) -> bool {
        self.is_part
    }

    /// Returns what of the device stands at a place; the device itself where it has nothing there.
    pub fn standing_at(self: &Arc<Self>, kind: Kind) -> &Arc<Self> {
        let part = self.parts.iter().find(|part| part.kind == kind && self.kind != kind);
        part.unwrap_or(self)
    }

    /// Returns what its counters count until they begin anew.
    pub fn wraps_at(&self) -> Option<Energy> {
        if self.sunspec.is_some() {
            // Accumulators are of 32 bits and mostly count watt-hours.
            return Some(Energy::from_watt_hours(1 << 32));
        }
        let ends =
            [&self.points.import, &self.points.export].map(|point| point.as_ref().map(Point::wraps_at));
        match ends {
            [Some(import), Some(export)] => import.filter(|_| import == export),
            [one, other] => one.or(other).flatten(),
        }
    }

    /// Returns what a positive power means at the device itself, before it is translated.
    pub const fn positive(&self) -> &'static str {
        match (self.kind, self.sign > 0) {
            (Kind::Grid, true) => "import",
            (Kind::Grid, false) => "export",
            (Kind::Solar, true) => "production",
            (Kind::Solar, false) => "consumption",
            (Kind::Battery, true) => "discharge",
            (Kind::Battery, false) => "charge",
        }
    }

    fn orient(&self, orientation: Orientation) -> i64 {
        match orientation {
            Orientation::AsMeter => self.sign,
            Orientation::Inverted => -self.sign,
        }
    }

    fn all_points(&self) -> impl Iterator<Item = &Point> {
        self.points.all()
    }
}
