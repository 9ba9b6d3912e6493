//! Devices that tell where their values are: several in a chain, moved by a restart, with changing scales.

use std::time::Duration;

use drivers::{Endpoint, Meter, MeterSettings, ReadError, Trouble};
use metering::{Profile, Sample, profile};
use serde_json::{Value, json};
use units::Timestamp;

use crate::peer::Peer;

/// Returns a chain: a name, then models by id and registers, then the end.
fn chain(models: &[(u16, Vec<u16>)]) -> Value {
    let mut words = vec![0x5375, 0x6E53, 1, 66];
    let mut names = [0_u16; 66];
    names[..2].copy_from_slice(&[u16::from_be_bytes(*b"Fr"), u16::from_be_bytes(*b"o\0")]);
    words.extend(names);
    for (id, registers) in models {
        words.extend([*id, registers.len() as u16]);
        words.extend(registers);
    }
    words.extend([0xFFFF, 0]);
    json!({ "1": { "only": [[3, 40000, words]] } })
}

/// Returns a meter of three phases (model 203) that shows a power of `power` times ten to the `scale`.
fn meter(power: i16, scale: i16) -> (u16, Vec<u16>) {
    let mut registers = vec![0; 105];
    // Offsets in the model count from its id, two registers before.
    for (offset, word) in [(18, power as u16), (22, scale as u16), (54, 0), (16, 5000), (17, -2_i16 as u16)] {
        registers[offset - 2] = word;
    }
    (203, registers)
}

fn open(peer: &Peer, instance: u16) -> Meter {
    let mut hasty: Profile = profile("sunspec-meter").unwrap().clone();
    (hasty.limits.connect_delay, hasty.limits.timeout) = (Duration::ZERO, Duration::from_secs(1));
    let settings = MeterSettings { instance, gap: Some(Duration::ZERO), ..MeterSettings::of(&hasty) };
    Meter::open(Endpoint::tcp(&peer.address()).unwrap(), &hasty, settings)
}

async fn sample(meter: &Meter) -> Result<Sample, ReadError> {
    Ok(meter.read().await?.sample(Timestamp::default()))
}

async fn watts(meter: &Meter) -> f64 {
    sample(meter).await.unwrap().power.unwrap().as_f64()
}

#[tokio::test]
async fn each_meter_of_a_chain_can_be_read_and_one_too_many_is_told() {
    let vendor = (64_001, vec![7; 12]);
    let peer = Peer::tcp(0, &chain(&[meter(110, 0), vendor, meter(220, 0)])).unwrap();
    assert_eq!(watts(&open(&peer, 1)).await, 110.0);
    assert_eq!(watts(&open(&peer, 2)).await, 220.0);
    let third = open(&peer, 3);
    assert_eq!(third.read().await.unwrap_err().trouble, Trouble::NoModel);
    assert_eq!((third.tally().polls, third.tally().good), (1, 0));
}

#[tokio::test]
async fn a_device_without_a_chain_is_told() {
    let peer = Peer::tcp(0, &json!({ "1": { "input": { "0": 230.0 } } })).unwrap();
    assert_eq!(open(&peer, 1).read().await.unwrap_err().trouble, Trouble::NoChain);
}

#[tokio::test]
async fn a_scale_that_changes_with_the_value_never_makes_a_power_of_ten() {
    let mut peer = Peer::tcp(0, &chain(&[meter(123, 0)])).unwrap();
    let meter_ = open(&peer, 1);
    for (power, scale, truth) in [(123, 0, 123.0), (1234, 1, 12_340.0), (1234, -2, 12.34), (0, -3, 0.0)] {
        peer.serve(&chain(&[meter(power, scale)])).unwrap();
        assert_eq!(watts(&meter_).await, truth);
    }
    // 0x8000: there is no scale, so there is no power.
    peer.serve(&chain(&[meter(1234, i16::MIN)])).unwrap();
    assert_eq!(sample(&meter_).await.unwrap().power, None);
    assert_eq!((meter_.tally().polls, meter_.tally().good), (5, 5), "a walk is no poll");
}

#[tokio::test]
async fn a_restart_is_walked_again_since_the_chain_may_be_another() {
    let mut peer = Peer::tcp(0, &chain(&[meter(110, 0)])).unwrap();
    let meter_ = open(&peer, 1);
    assert_eq!(watts(&meter_).await, 110.0);
    let port = peer.port();
    drop(peer);
    // An inverter before it moves the meter; in its old place lie other values.
    peer = Peer::tcp(port, &chain(&[(103, vec![555; 50]), meter(220, 0)])).unwrap();
    let mut next = sample(&meter_).await;
    while next.is_err() {
        next = sample(&meter_).await;
    }
    assert_eq!(next.unwrap().power.unwrap().as_f64(), 220.0);
    drop(peer);
}

#[tokio::test]
async fn a_device_of_short_reads_is_walked_and_read_in_parts_between_values() {
    let mut served = chain(&[meter(4321, -1)]);
    served["1"]["longest"] = json!(20);
    let peer = Peer::tcp(0, &served).unwrap();
    let meter_ = open(&peer, 1);
    assert_eq!(watts(&meter_).await, 432.1);
    assert!(meter_.tally().reduced_reads);
}
