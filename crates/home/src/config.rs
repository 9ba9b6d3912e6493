//! `home.toml`: what the owner told the house about itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::alerts::NotificationsConfig;
use crate::profiles::{PROFILES_FOLDER, Profiles};
use drivers::{Endpoint, Line, MeterSettings};
use feeds::PriceSource;
use forecast::{InvalidRoof, Place, Plane, Roof};
use metering::{Kind, Orientation, Profile};
use pricing::{Contracts, InvalidContracts};
use serde::{Deserialize, Serialize};
use units::{Currency, MeterId, Power, Scale, Zone};

/// The name of the file in the data folder.
pub const CONFIG_FILE: &str = "home.toml";
pub const RULES_FILE: &str = "rules.toml";
pub const HISTORY_FILE: &str = "history.sqlite";
pub const KEY_FILE: &str = "key.sealed";
pub const INVITATION_FILE: &str = "invitation.txt";
pub const LOCK_FILE: &str = "lock";

/// Everything in `home.toml`. Unknown keys are refused by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeConfig {
    pub name: String,
    /// The owner has told nothing yet: the window begins with its first run.
    #[serde(rename = "first_run", default, skip_serializing_if = "std::ops::Not::not")]
    pub new: bool,
    /// IANA zone of the home, whatever zone the computer is in.
    pub zone: String,
    pub currency: Currency,
    /// What the main fuse lets through: bounds what a meter can plausibly say.
    pub fuse_w: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<MarketConfig>,
    #[serde(rename = "contract", default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<pricing::ContractTable>,
    /// Where the power market's prices come from; nobody is asked where the owner chose no source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceSource>,
    /// Where the weather comes from; nobody is asked where the owner chose no source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weather: Option<WeatherSource>,
    /// Where the home is: for the sun over its roof, and rounded to a kilometre for the weather.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roof: Option<RoofConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<BatteryConfig>,
    #[serde(rename = "meter", default, skip_serializing_if = "Vec::is_empty")]
    pub meters: Vec<MeterConfig>,
    /// Who is named on statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementConfig>,
    /// What the owner wants to be told while the window is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<NotificationsConfig>,
    /// Present in a house of a simulated street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<Scale>,
}

/// A source of weather.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WeatherSource {
    OpenMeteo {
        /// Of a service that speaks the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceConfig {
    pub latitude_deg: f64,
    pub longitude_deg: f64,
}

/// The panels, part by part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoofConfig {
    /// What the inverter lets through, where that is less than the panels give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverter_w: Option<u32>,
    #[serde(rename = "plane")]
    pub planes: Vec<PlaneConfig>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaneConfig {
    pub peak_w: u32,
    /// 0 is flat, 90 a wall.
    pub tilt_deg: f64,
    /// 90 is east, 180 south, 270 west.
    pub azimuth_deg: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatteryConfig {
    /// What it holds from empty to full, as its maker says.
    pub capacity_wh: u32,
}

/// Names and addresses on statements; a party that is not told has the name that the house knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<PartyConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<PartyConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utility: Option<PartyConfig>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyConfig {
    pub name: String,
    /// Lines of the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketConfig {
    /// The version of the market's terms that the owner agreed to. Nothing is traded before.
    pub agreed_terms: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterConfig {
    pub id: MeterId,
    pub role: Role,
    pub profile: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtu_over_tcp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baud: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_bits: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_bits: Option<u8>,
    #[serde(default = "first_unit")]
    pub unit: u8,
    /// Which of several meters or inverters of a SunSpec device, counted from 1.
    #[serde(default = "first_instance", skip_serializing_if = "is_first")]
    pub instance: u16,
    /// The meter is wired the other way round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inverted: bool,
    /// How a meter of several phases counts, where its own registers do not net them.
    #[serde(default, skip_serializing_if = "Netting::is_the_meters")]
    pub netting: Netting,
    /// Seconds of market time between two readings.
    #[serde(default = "every_ten_seconds")]
    pub every_s: u32,
    /// Pause between two requests on the line, in place of the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ms: Option<u32>,
}

fn first_unit() -> u8 {
    1
}

fn first_instance() -> u16 {
    1
}

fn is_first(instance: &u16) -> bool {
    *instance == first_instance()
}

fn every_ten_seconds() -> u32 {
    10
}

/// What a meter measures in the home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The grid point: import positive.
    Grid,
    /// The roof: production positive.
    Solar,
    /// The battery: discharge positive.
    Battery,
}

/// How the energy of several phases is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Netting {
    /// As the meter's registers do.
    #[default]
    Meter,
    /// The owner has said that the utility, too, counts each phase on its own.
    PerPhase,
    /// The utility nets the phases and the meter does not: counted up from the netted power.
    Power,
}

impl Netting {
    fn is_the_meters(&self) -> bool {
        *self == Self::Meter
    }
}

impl From<Kind> for Role {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Grid => Self::Grid,
            Kind::Solar => Self::Solar,
            Kind::Battery => Self::Battery,
        }
    }
}

impl From<Role> for Kind {
    fn from(role: Role) -> Self {
        match role {
            Role::Grid => Self::Grid,
            Role::Solar => Self::Solar,
            Role::Battery => Self::Battery,
        }
    }
}

impl Role {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Solar => "solar",
            Self::Battery => "battery",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("There is no home in {}: home.toml is missing. Name another folder with --data, or start the window once to begin a new home.", .0.display())]
    Absent(PathBuf),
    #[error("{} cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{} is not valid: {cause}", path.display())]
    Malformed { path: PathBuf, cause: String },
    #[error("{}: {what}", path.display())]
    Invalid { path: PathBuf, what: String },
    #[error("{} cannot be written", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
}

impl HomeConfig {
    /// Reads and checks `home.toml` in a data folder.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(CONFIG_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Err(ConfigError::Absent(dir.to_owned()));
            }
            Err(cause) => return Err(ConfigError::Unreadable { path, cause }),
        };
        let config: Self = toml::from_str(&text)
            .map_err(|cause| ConfigError::Malformed { path: path.clone(), cause: cause.to_string() })?;
        let profiles = Profiles::load(&dir.join(PROFILES_FOLDER));
        config.check(&profiles).map_err(|what| ConfigError::Invalid { path, what })?;
        Ok(config)
    }

    /// Writes `home.toml`: beside it first, then in its place, so that a cut leaves the old one.
    pub fn save(&self, dir: &Path) -> Result<(), ConfigError> {
        let text = toml::to_string_pretty(self).expect("a home's configuration is plain data");
        write_in_place(&dir.join(CONFIG_FILE), &text)
            .map_err(|cause| ConfigError::Unwritable { path: dir.join(CONFIG_FILE), cause })
    }

    pub fn zone(&self) -> Zone {
        units::zone(&self.zone).expect("the zone was checked when the file was read")
    }

    pub fn fuse(&self) -> Power {
        Power::from_watts(self.fuse_w.into())
    }

    pub fn has(&self, role: Role) -> bool {
        self.meter_of(role).is_some()
    }

    /// Returns the meter that has a role in the home.
    pub fn meter_of(&self, role: Role) -> Option<&MeterConfig> {
        self.meters.iter().find(|meter| meter.role == role)
    }

    pub(crate) fn check(&self, profiles: &Profiles) -> Result<(), String> {
        units::zone(&self.zone).map_err(|cause| cause.to_string())?;
        if self.fuse_w == 0 {
            return Err("fuse_w is 0: write what the main fuse lets through, such as 11000".to_owned());
        }
        self.contracts().map_err(|cause| described(&cause))?;
        self.check_outlook()?;
        for (index, meter) in self.meters.iter().enumerate() {
            meter.check(profiles).map_err(|what| format!("meter \"{}\": {what}", meter.id))?;
            let twin =
                self.meters[..index].iter().find(|other| other.id == meter.id || other.role == meter.role);
            if let Some(twin) = twin {
                return Err(format!("the meters \"{}\" and \"{}\" share an id or a role", twin.id, meter.id));
            }
        }
        if let Some(notifications) = &self.notifications {
            notifications.quiet_hours().map_err(|what| format!("notifications: {what}"))?;
        }
        if let Some(scale) = self.simulation
            && !(scale.speed.is_finite() && scale.speed >= 1.0)
        {
            return Err("simulation: speed must be 1 or more".to_owned());
        }
        Ok(())
    }

    /// Returns the contracts with the utility as pricing knows them; `None` while there is none.
    pub fn contracts(&self) -> Result<Option<Contracts>, InvalidContracts> {
        if self.contracts.is_empty() {
            return Ok(None);
        }
        Contracts::from_tables(self.currency, self.zone(), &self.contracts).map(Some)
    }

    /// Returns the place of the home as forecasts and the weather know it.
    pub fn place(&self) -> Option<Place> {
        let PlaceConfig { latitude_deg, longitude_deg } = self.place?;
        Some(Place { latitude_deg, longitude_deg })
    }

    /// Returns the roof as forecasts know it; `None` while place or panels are not told.
    pub fn roof(&self) -> Result<Option<Roof>, InvalidRoof> {
        let (Some(place), Some(roof)) = (self.place(), &self.roof) else { return Ok(None) };
        let watts = |watts: u32| Power::from_watts(watts.into());
        let plane = |plane: &PlaneConfig| Plane {
            peak: watts(plane.peak_w),
            tilt_deg: plane.tilt_deg,
            azimuth_deg: plane.azimuth_deg,
        };
        let planes = roof.planes.iter().map(plane).collect();
        Roof::new(place, planes, roof.inverter_w.map(watts)).map(Some)
    }

    fn check_outlook(&self) -> Result<(), String> {
        if let Some(source) = self.prices.as_ref().filter(|source| source.needs_token()) {
            return Err(format!(
                "prices: {} asks for a token, which this version cannot keep safely yet; choose another source",
                source.name()
            ));
        }
        if self.weather.is_some() && self.place.is_none() {
            return Err("weather: it is asked for a place; add [place] with latitude_deg and longitude_deg"
                .to_owned());
        }
        if let Some(place) = self.place
            && !(place.latitude_deg.abs() <= 90.0 && place.longitude_deg.abs() <= 180.0)
        {
            return Err("place: latitude_deg is -90 to 90, longitude_deg -180 to 180".to_owned());
        }
        if self.battery.is_some_and(|battery| battery.capacity_wh == 0) {
            return Err("battery: capacity_wh is 0; write what it holds, such as 9500".to_owned());
        }
        self.roof().map(drop).map_err(|cause| format!("roof: {cause}"))
    }

    /// Returns what a home begins with before its owner has told anything: no meter, no contract.
    pub fn starter() -> Self {
        Self {
            name: "My home".to_owned(),
            new: true,
            zone: "Europe/Berlin".to_owned(),
            currency: Currency::EUR,
            fuse_w: 24_000,
            market: None,
            contracts: Vec::new(),
            prices: None,
            weather: None,
            place: None,
            roof: None,
            battery: None,
            meters: Vec::new(),
            statement: None,
            notifications: None,
            simulation: None,
        }
    }
}

impl MeterConfig {
    fn check(&self, profiles: &Profiles) -> Result<(), String> {
        let ways = [self.tcp.is_some(), self.rtu_over_tcp.is_some(), self.serial.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err("needs exactly one of tcp, rtu_over_tcp and serial".to_owned());
        }
        let Some(profile) = profiles.find(&self.profile) else {
            let unused: String = profiles.problems().iter().map(|problem| format!(". {problem}")).collect();
            return Err(format!(
                "profile \"{}\" is not known; `wattle meter profiles` lists them{unused}",
                self.profile
            ));
        };
        if self.instance == 0 {
            return Err("instance counts from 1".to_owned());
        }
        if self.every_s == 0 || self.every_s > 300 {
            return Err("every_s must be between 1 and 300".to_owned());
        }
        let asked = profile.protocol.is_asked();
        if asked && self.endpoint(profile)?.speaks_rtu() && !(1..=247).contains(&self.unit) {
            return Err(format!("no device on a serial line has the unit {}: it is 1 to 247", self.unit));
        }
        self.endpoint(profile).map(drop)
    }

    /// Returns where the meter is reached.
    pub fn endpoint(&self, profile: &Profile) -> Result<Endpoint, String> {
        if let Some(address) = &self.tcp {
            return Endpoint::tcp(address).map_err(|cause| cause.to_string());
        }
        if let Some(address) = &self.rtu_over_tcp {
            return Endpoint::rtu_over_tcp(address).map_err(|cause| cause.to_string());
        }
        let path = self.serial.as_ref().ok_or("needs one of tcp, rtu_over_tcp and serial")?;
        let mut line = profile.device.serial.map_or(Line::default(), Line::of);
        if let Some(baud) = self.baud {
            line.baud = baud;
        }
        if let Some(data_bits) = self.data_bits {
            line.data_bits =
                data_bits.to_string().parse().map_err(|cause: drivers::InvalidEndpoint| cause.to_string())?;
        }
        if let Some(parity) = &self.parity {
            line.parity = parity.parse().map_err(|cause: drivers::InvalidEndpoint| cause.to_string())?;
        }
        if let Some(stop_bits) = self.stop_bits {
            line.stop_bits =
                stop_bits.to_string().parse().map_err(|cause: drivers::InvalidEndpoint| cause.to_string())?;
        }
        Ok(Endpoint::serial(path, line))
    }

    /// Returns what the drivers want to know of it.
    pub fn settings(&self) -> MeterSettings {
        MeterSettings {
            unit: self.unit,
            instance: self.instance,
            orientation: self.orientation(),
            gap: self.gap_ms.map(|gap_ms| Duration::from_millis(gap_ms.into())),
        }
    }

    /// Returns how its values are to be read.
    pub fn orientation(&self) -> Orientation {
        if self.inverted { Orientation::Inverted } else { Orientation::AsMeter }
    }

    pub fn every(&self) -> Duration {
        Duration::from_secs(self.every_s.into())
    }
}

/// Returns an error with its causes in one sentence.
pub(crate) fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Replaces a file as one step: a cut at any instant leaves the old or the new one.
pub(crate) fn write_in_place(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension("new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(content.as_ref())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(lines: &str) -> Result<Endpoint, String> {
        let text = format!("id = \"grid\"\nrole = \"grid\"\n{lines}");
        let meter: MeterConfig = toml::from_str(&text).map_err(|cause| cause.to_string())?;
        let profiles = Profiles::load(Path::new("/nowhere"));
        meter.check(&profiles)?;
        meter.endpoint(profiles.find(&meter.profile).unwrap())
    }

    #[test]
    fn a_meter_of_every_profile_is_taken() {
        for profile in metering::profiles() {
            let lines = format!("profile = \"{}\"\ntcp = \"10.0.0.7:502\"", profile.name);
            assert_eq!(meter(&lines), Endpoint::tcp("10.0.0.7:502").map_err(|cause| cause.to_string()));
        }
    }

    #[test]
    fn a_serial_line_is_as_the_profile_says_unless_the_owner_says_otherwise() {
        let of = |lines: &str| meter(&format!("serial = \"/dev/ttyUSB0\"\n{lines}")).unwrap().to_string();
        assert_eq!(
            of("profile = \"schneider-iem3155\""),
            "--serial /dev/ttyUSB0 --baud 19200 --parity even --stop-bits 1"
        );
        assert_eq!(
            of("profile = \"p1\"\nbaud = 9600\ndata_bits = 7\nparity = \"even\""),
            "--serial /dev/ttyUSB0 --baud 9600 --data-bits 7 --parity even --stop-bits 1"
        );
    }

    #[test]
    fn what_no_device_has_is_refused_by_name() {
        let profile = "profile = \"sunspec-meter\"\nserial = \"/dev/ttyUSB0\"";
        for (line, part) in
            [("unit = 0", "unit 0"), ("instance = 0", "instance"), ("data_bits = 9", "7 or 8")]
        {
            let refused = meter(&format!("{profile}\n{line}")).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
