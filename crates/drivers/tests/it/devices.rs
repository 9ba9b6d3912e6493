//! What devices do not bear: long reads, missing registers, being asked while busy.

use std::time::Duration;

use drivers::{Bus, BusSettings, Code, Device, DeviceSettings, Endpoint, Trouble};
use metering::Read;
use serde_json::{Value, json};

use crate::peer::Peer;
use crate::truth::{codes, quick, read, read_true, units, word};

/// Starts a server whose unit 1 has a habit, and a device that reads it.
fn with(habit: &Value, values: Vec<Read>) -> (Peer, Device) {
    let mut served = units(&[1]);
    for (name, value) in habit.as_object().unwrap() {
        served["1"][name] = value.clone();
    }
    let peer = Peer::tcp(0, &served).unwrap();
    let endpoint = Endpoint::tcp(&peer.address()).unwrap();
    let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
    (peer, bus.device(1, DeviceSettings { values, ..quick() }))
}

#[tokio::test]
async fn a_device_that_takes_short_reads_only_is_read_in_parts_from_then_on() {
    let (_peer, device) = with(&json!({ "longest": 10 }), vec![]);
    read_true(&device, &[read(0, 80)]).await.unwrap();
    assert!(device.tally().reduced_reads);
    assert!(codes(&device).iter().all(|code| *code == Code::Exception));
    read_true(&device, &[read(0, 80)]).await.unwrap();
    assert_eq!(codes(&device), [], "it is remembered");
}

/// Finding what it bears takes longer than one reading has.
#[tokio::test]
async fn what_a_slow_device_of_short_reads_taught_is_kept_for_the_next_reading() {
    let (_peer, device) = with(&json!({ "longest": 10 }), vec![]);
    let slow =
        DeviceSettings { gap: Duration::from_millis(40), patience: Duration::from_millis(500), ..quick() };
    let device = device.bus().device(1, slow);
    let mut polls = 1;
    while device.read(&[read(0, 80)]).await.is_err() {
        polls += 1;
    }
    assert!((2..=3).contains(&polls), "{polls} polls");
    assert!(device.tally().reduced_reads);
}

#[tokio::test]
async fn a_hole_between_values_does_not_cost_the_values() {
    let (_peer, device) = with(&json!({ "missing": [11, 12] }), vec![read(0, 2), read(8, 2), read(14, 4)]);
    let reading = device.read(&[read(0, 18)]).await.unwrap();
    for address in [0, 1, 8, 9, 14, 15, 16, 17] {
        assert_eq!(reading.registers.get(4, address), Some(word(1, address)));
    }
    assert_eq!(reading.registers.get(4, 11), None);
}

#[tokio::test]
async fn a_missing_optional_register_is_parked_and_costs_no_other() {
    let (_peer, device) = with(&json!({ "missing": [100] }), vec![]);
    let reads = [read(0, 10), Read { optional: true, ..read(100, 2) }];
    for refusals in [1, 1, 1, 0, 0] {
        let reading = device.read(&reads).await.unwrap();
        assert_eq!(reading.registers.len(), 10);
        assert_eq!(codes(&device).len(), refusals);
    }
}

#[tokio::test]
async fn registers_that_are_all_refused_are_an_exception() {
    let (_peer, device) = with(&json!({}), vec![]);
    let error = device.read(&[read(2000, 2)]).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Exception(2));
}

#[tokio::test]
async fn a_busy_device_is_asked_again_after_a_pause() {
    let (mut peer, device) = with(&json!({ "exception": 6 }), vec![]);
    let reads = [read(0, 10)];
    let answer = async {
        let mut troubles = 0;
        while troubles == 0 {
            troubles = device.tally().trouble.get(&Code::Exception).copied().unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        peer.serve(&json!({ "1": { "exception": null } })).unwrap();
    };
    let (reading, ()) = tokio::join!(device.read(&reads), answer);
    let reading = reading.unwrap();
    assert_eq!(reading.registers.len(), 10);
    assert_eq!(codes(&device), [Code::Exception]);
}
