//! Every profile that asks, read through the real master from a server that shows its golden frames.

use std::time::Duration;

use drivers::{Endpoint, Line, Meter, MeterSettings};
use metering::{Flag, Profile, profile};
use serde_json::{Map, Value};
use units::Timestamp;

use crate::golden;
use crate::peer::Peer;
use crate::proxy::connect_terminals;
use crate::terminal::pseudo_terminal;

/// Returns what suits a profile, without the pauses that a server on the loopback does not need.
fn settings(profile: &Profile, unit: u8) -> (Profile, MeterSettings) {
    let mut hasty = profile.clone();
    hasty.limits.connect_delay = Duration::ZERO;
    (hasty, MeterSettings { unit, gap: Some(Duration::ZERO), ..MeterSettings::of(profile) })
}

async fn check(endpoint: &Endpoint, profile: &Profile, golden: &metering::Golden, unit: u8) {
    let (hasty, settings) = settings(profile, unit);
    let meter = Meter::open(endpoint.clone(), &hasty, settings);
    let observation = match meter.read().await {
        Ok(observation) => observation,
        Err(error) => panic!("{}: {error}", profile.name),
    };
    let sample = observation.sample(Timestamp::default());
    golden::check(&profile.name, golden, &sample);
    let mut flags = sample.flags.clone();
    flags.retain(|flag| *flag != Flag::ReducedReads);
    assert_eq!(flags, golden.expect.flags, "{}", profile.name);
    meter.close().await;
}

#[tokio::test]
async fn each_profile_reads_its_golden_frames_over_tcp() {
    let frames: Vec<_> = golden::frames().zip(1_u8..).collect();
    assert!(frames.len() >= 20);
    let units: Map<String, Value> = frames
        .iter()
        .map(|((profile, golden), unit)| (unit.to_string(), golden::unit(profile, golden)))
        .collect();
    let peer = Peer::tcp(0, &Value::Object(units)).unwrap();
    let endpoint = Endpoint::tcp(&peer.address()).unwrap();
    for ((profile, golden), unit) in frames {
        check(&endpoint, profile, golden, unit).await;
    }
}

#[tokio::test]
async fn meters_read_their_golden_frames_over_a_serial_line() {
    let names = ["eastron-sdm120", "carlo-gavazzi-em340", "schneider-iem3155", "sunspec-meter"];
    let units: Map<String, Value> = (1..)
        .zip(names)
        .map(|(unit, name)| {
            let profile = profile(name).unwrap();
            (unit.to_string(), golden::unit(profile, &profile.golden[0]))
        })
        .collect();
    let ((one, near), (other, far)) = (pseudo_terminal().unwrap(), pseudo_terminal().unwrap());
    let carrier = connect_terminals(one, other);
    let served = Value::Object(units);
    let peer = tokio::task::spawn_blocking(move || Peer::serial(&far, &served)).await.unwrap().unwrap();
    let endpoint = Endpoint::serial(near, Line::default());
    for (unit, name) in (1..).zip(names) {
        let profile = profile(name).unwrap();
        check(&endpoint, profile, &profile.golden[0], unit).await;
    }
    drop(peer);
    carrier.abort();
}
