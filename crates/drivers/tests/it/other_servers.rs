//! Profiles against the other two servers that this project did not write: libmodbus in C and the npm
//! package modbus-serial.

use std::time::Duration;

use drivers::{Endpoint, Line, Meter, MeterSettings};
use metering::{Golden, Profile, profile};
use units::Timestamp;

use crate::golden::{self, frames};
use crate::proxy::connect_terminals;
use crate::servers::{Server, Shows, Stack, Way};
use crate::terminal::pseudo_terminal;

async fn check(endpoint: &Endpoint, unit: u8, profile: &Profile, golden: &Golden) {
    let mut hasty = profile.clone();
    hasty.limits.connect_delay = Duration::ZERO;
    let settings = MeterSettings { unit, gap: Some(Duration::ZERO), ..MeterSettings::of(profile) };
    let meter = Meter::open(endpoint.clone(), &hasty, settings);
    let observation = meter.read().await.unwrap_or_else(|error| panic!("{}: {error}", profile.name));
    golden::check(&profile.name, golden, &observation.sample(Timestamp::default()));
    meter.close().await;
}

#[tokio::test]
async fn each_profile_reads_its_golden_frames_from_libmodbus() {
    for (profile, golden) in frames() {
        // What this server was not told is zero, so only a frame that has all values can be checked.
        let image = golden.image();
        let told = |value: &metering::Read| image.get(value.function, value.address).is_some();
        if !profile.values().iter().all(told) {
            continue;
        }
        let shows = [(1, Shows::Frame(profile, golden))];
        let server = Server::start(Stack::Libmodbus, Way::Tcp(0), &shows, None).unwrap();
        check(&Endpoint::tcp(&server.address()).unwrap(), 1, profile, golden).await;
    }
}

#[tokio::test]
async fn each_profile_reads_its_golden_frames_from_modbus_serial() {
    let units: Vec<(u8, Shows)> =
        (1..).zip(frames()).map(|(unit, (profile, golden))| (unit, Shows::Frame(profile, golden))).collect();
    assert!(units.len() >= 20);
    let server = Server::start(Stack::ModbusSerial, Way::Tcp(0), &units, None).unwrap();
    let endpoint = Endpoint::tcp(&server.address()).unwrap();
    for (unit, (profile, golden)) in (1..).zip(frames()) {
        check(&endpoint, unit, profile, golden).await;
    }
}

#[tokio::test]
async fn meters_are_read_from_both_over_a_serial_line() {
    for stack in [Stack::Libmodbus, Stack::ModbusSerial] {
        for name in ["eastron-sdm630", "carlo-gavazzi-em340", "abb-b23"] {
            let profile = profile(name).unwrap();
            let golden = &profile.golden[0];
            let ((one, near), (other, far)) = (pseudo_terminal().unwrap(), pseudo_terminal().unwrap());
            let carrier = connect_terminals(one, other);
            let server =
                Server::start(stack, Way::Serial(&far), &[(1, Shows::Frame(profile, golden))], None).unwrap();
            check(&Endpoint::serial(near, Line::default()), 1, profile, golden).await;
            drop(server);
            carrier.abort();
        }
    }
}
