//! Profiles against the other two servers that this project did not write: libmodbus in C and the npm
//! package modbus-serial.

use std::time::Duration;

use drivers::{Endpoint, Meter, MeterSettings};
use metering::{Golden, Profile};
use units::Timestamp;

use crate::every_profile;
use crate::golden::{self, frames};
use crate::mixed::Combination;
use crate::servers::{Server, Shows, Stack, Way};

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

/// All profiles take minutes over a slow line: `cargo xtask meter-faults --profiles`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_are_read_from_each_server_over_a_line_of_9600_baud() {
    let names = ["eastron-sdm630", "carlo-gavazzi-em340", "growatt-max"];
    let runs = Combination::all().filter(|combination| combination.serial).map(|combination| {
        tokio::spawn(every_profile::read(combination, move |profile| names.contains(&profile.name.as_str())))
    });
    for run in runs.collect::<Vec<_>>() {
        let figures = run.await.unwrap().unwrap();
        assert_eq!(figures.profiles, names.len() + 1, "the inverter's roof, too: {}", figures.line());
        assert!(figures.frames >= 6);
    }
}
