//! Ten sequences of counter readings that widely used programs book wrongly, and what they are worth.
//!
//! Readings come an hour apart behind a fuse of 43 kW; `-` is a missing reading.

use metering::{BookSettings, Booked, CounterEventKind, Reading, book};
use units::{Energy, Power, Timestamp};

/// Parses readings in kWh, an hour apart. A serial number may follow after `@`.
pub fn readings(text: &str) -> Vec<Reading> {
    readings_every(3600, text)
}

pub fn readings_every(seconds: i64, text: &str) -> Vec<Reading> {
    let reading = |(place, word): (usize, &str)| {
        let (counter, serial) =
            word.split_once('@').map_or((word, None), |(word, serial)| (word, Some(serial)));
        Reading {
            at: Timestamp::from_seconds(1_780_000_000 + seconds * place as i64),
            counter: counter.parse().ok().and_then(|kwh: f64| Energy::from_f64(kwh * 1000.0)),
            serial: serial.map(str::to_owned),
        }
    };
    text.split_whitespace().enumerate().map(reading).collect()
}

pub fn settings(confirm: u32) -> BookSettings {
    BookSettings {
        fuse: Power::from_watts(43_000),
        resolution: Energy::from_watt_hours(10),
        confirm,
        ..BookSettings::default()
    }
}

/// Returns the words of the events.
pub fn kinds(booked: &Booked) -> Vec<&'static str> {
    booked.events.iter().map(|event| event.kind.word()).collect()
}

/// Checks booked kWh, held kWh and events.
#[track_caller]
pub fn check(text: &str, settings: &BookSettings, kwh: f64, held: f64, events: &[&str]) {
    let booked = book(&readings(text), settings);
    let energy = |kwh: f64| Energy::from_f64(kwh * 1000.0).expect("a number");
    assert_eq!((booked.booked, booked.held), (energy(kwh), energy(held)), "{text}: {:?}", booked.events);
    assert_eq!(kinds(&booked), events, "{text}");
}

#[test]
fn v01_a_transient_zero_books_only_the_true_difference() {
    check("13423.7 13423.8 0 13423.9", &settings(1), 0.2, 0.0, &["glitch"]);
    check("13423.7 13423.8 0 13423.9", &settings(2), 0.2, 0.0, &["glitch"]);
}

#[test]
fn v02_a_transient_low_reading_books_only_the_true_difference() {
    check("13423.7 13423.8 0.4 13423.9", &settings(1), 0.2, 0.0, &["glitch"]);
}

#[test]
fn v03_a_small_dip_is_not_counted_twice() {
    check("1000 1000.5 1000.3 1001", &settings(1), 1.0, 0.0, &["dip"]);
    let coarse = BookSettings { resolution: Energy::from_watt_hours(100), ..settings(2) };
    check("1000 1000.5 1000.3 1001", &coarse, 1.0, 0.0, &["dip"]);
}

#[test]
fn v04_a_real_reset_loses_nothing_after_it() {
    check("1000 1002 0 3", &settings(1), 5.0, 0.0, &["reset"]);
    check("1000 1002 0 3", &settings(2), 2.0, 3.0, &[]);
    check("1000 1002 0 3 3", &settings(2), 5.0, 0.0, &["reset"]);
}

#[test]
fn v05_a_register_that_overflows_makes_no_spike() {
    // 32 bits of 10 Wh end at 42949.67296 kWh.
    let wraps_at = Some(Energy::from_watt_hours(42_949_673) - Energy::from_milliwatt_hours(40));
    let wraps = |confirm| BookSettings { wraps_at, ..settings(confirm) };
    let exact = 0.672_96;
    let booked = book(&readings("42949.5 42949.6 0.1 0.5"), &wraps(1));
    assert_eq!(booked.booked, Energy::from_milliwatt_hours(1_072_960 - 400_000), "{booked:?}");
    check("42949.5 42949.6 0.1 0.5", &wraps(1), exact, 0.0, &["wrap"]);
    check("42949.5 42949.6 0.1 0.5 0.5", &wraps(2), exact, 0.0, &["wrap"]);
}

#[test]
fn v06_missing_readings_are_a_gap_that_the_counter_bridges() {
    check("1000 - - 1012", &settings(1), 12.0, 0.0, &["gap"]);
}

#[test]
fn v07_a_counter_that_resets_daily_is_booked_on() {
    check("16 18 0 4", &settings(1), 6.0, 0.0, &["reset"]);
    check("16 18 0 4 4", &settings(2), 6.0, 0.0, &["reset"]);
}

#[test]
fn v08_a_used_meter_in_its_place_brings_no_energy_along() {
    check("1000 1002 5400 5401", &settings(1), 3.0, 0.0, &["jump_held", "replaced"]);
    check("1000 1002 5400 5401", &settings(2), 2.0, 4399.0, &["jump_held"]);
    check("1000 1002 5400 5401 5401", &settings(2), 3.0, 0.0, &["jump_held", "replaced"]);
}

#[test]
fn v09_a_net_counter_may_run_backwards() {
    let signed = BookSettings { signed: true, ..settings(1) };
    check("1000 998 995", &signed, -5.0, 0.0, &[]);
}

#[test]
fn v10_a_plain_counter_is_a_difference() {
    check("1000 1005 1010", &settings(1), 10.0, 0.0, &[]);
}

#[test]
fn events_tell_before_and_after() {
    let booked = book(&readings("1000 1002 5400 5401"), &settings(1));
    let energy = |kwh: i64| Some(Energy::from_watt_hours(kwh * 1000));
    for event in &booked.events {
        assert_eq!((event.before, event.after), (energy(1002), energy(5400)));
        assert_eq!(event.at, Timestamp::from_seconds(1_780_000_000 + 2 * 3600));
    }
    assert_eq!(booked.events[1].kind, CounterEventKind::Replaced);
}
