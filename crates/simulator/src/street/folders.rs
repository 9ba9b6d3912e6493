//! The data folders of the street's households, as their owners would have filled them in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use exchange_api::Invitation;
use home::config::{HomeConfig, INVITATION_FILE, MarketConfig, MeterConfig, RULES_FILE, Role};
use units::{Currency, MeterId, Scale};

use super::StreetError;
use super::market::FUSE_W;
use crate::house::{HousePlan, ZONE};
use crate::meter::{BATTERY_UNIT, GRID_UNIT, SOLAR_UNIT};

pub(super) const PASSPHRASE_FILE: &str = "passphrase";

/// How often a meter is read, in real seconds at high speeds: thrice within what two samples around a
/// border may be apart.
const READ_EVERY_S: f64 = 0.1;

/// What a meter is usually read at, in market seconds.
const READ_EVERY_MARKET_S: u32 = 10;

/// Where a house's meters are read.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Tcp(SocketAddr),
    Serial(PathBuf),
}

/// Refuses a folder in which a street has lived: its clock, its keys and its meters are gone.
pub(super) fn refuse_inhabited(dir: &Path) -> Result<(), StreetError> {
    let lived = ["exchange", "home-01"].iter().any(|name| dir.join(name).exists());
    if lived { Err(StreetError::Inhabited(dir.to_owned())) } else { Ok(()) }
}

/// Makes the folder of a household with its rules, its passphrase and its invitation.
pub(super) fn write_home(plan: &HousePlan, dir: &Path, invitation: &Invitation) -> Result<(), StreetError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |cause| StreetError::File { path, cause }
    };
    std::fs::create_dir_all(dir).map_err(file(dir))?;
    let write = |name: &str, text: String| {
        let path = dir.join(name);
        std::fs::write(&path, text).map_err(file(&path))
    };
    write(RULES_FILE, plan.terms.rules_toml())?;
    write(INVITATION_FILE, format!("{invitation}\n"))?;
    // A simulated key protects nothing. It still goes the way of a real one.
    write(PASSPHRASE_FILE, format!("{} of Wattle Street\n", plan.id))
}

/// Writes `home.toml`.
pub(super) fn write_config(
    plan: &HousePlan,
    dir: &Path,
    line: &Line,
    scale: Scale,
) -> Result<(), StreetError> {
    let config = config(plan, line, scale);
    config.save(dir).map_err(|cause| StreetError::Config { house: plan.id.clone(), cause })
}

fn config(plan: &HousePlan, line: &Line, scale: Scale) -> HomeConfig {
    HomeConfig {
        name: format!("Wattle Street {}", plan.number),
        new: false,
        zone: ZONE.name().to_owned(),
        currency: Currency::EUR,
        fuse_w: FUSE_W,
        market: Some(MarketConfig { agreed_terms: super::market::terms_version() }),
        contracts: vec![super::market::contract(plan)],
        prices: None,
        weather: None,
        place: None,
        roof: None,
        battery: None,
        meters: meter_roles(plan).into_iter().map(|role| meter(role, line, scale.speed)).collect(),
        statement: None,
        notifications: None,
        simulation: Some(scale),
    }
}

/// Returns what is measured in a house.
pub(super) fn meter_roles(plan: &HousePlan) -> Vec<Role> {
    let solar = plan.roof.map(|_| Role::Solar);
    let battery = plan.battery.map(|_| Role::Battery);
    [Some(Role::Grid), solar, battery].into_iter().flatten().collect()
}

/// Returns the name of the meter of a role.
pub(super) fn meter_id(role: Role) -> MeterId {
    let name = match role {
        Role::Grid => "grid",
        Role::Solar => "solar",
        Role::Battery => "battery",
    };
    MeterId::new(name).expect("a short word is an id")
}

fn meter(role: Role, line: &Line, speed: f64) -> MeterConfig {
    let (tcp, serial) = match line {
        Line::Tcp(address) => (Some(address.to_string()), None),
        Line::Serial(path) => (None, Some(path.clone())),
    };
    MeterConfig {
        id: meter_id(role),
        role,
        profile: "eastron-sdm630".to_owned(),
        tcp,
        rtu_over_tcp: None,
        serial,
        baud: None,
        data_bits: None,
        parity: None,
        stop_bits: None,
        unit: match role {
            Role::Grid => GRID_UNIT,
            Role::Solar => SOLAR_UNIT,
            Role::Battery => BATTERY_UNIT,
        },
        instance: 1,
        inverted: false,
        netting: home::config::Netting::Meter,
        every_s: ((READ_EVERY_S * speed) as u32).max(READ_EVERY_MARKET_S),
        // A simulated meter needs no rest, and at high speeds there is no time for one.
        gap_ms: Some(0),
    }
}
