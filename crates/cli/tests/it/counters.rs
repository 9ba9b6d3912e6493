//! `wattle meter book`: the ten sequences of counter readings that others book wrongly, and its refusals.

use serde_json::{Value, json};

use crate::files::Files;
use crate::program::{Said, run};

/// Writes readings in Wh, an hour apart; `-` is a missing reading, a serial number may follow after `@`.
fn lines(readings: &str) -> String {
    let line = |(hour, word): (usize, &str)| {
        let (counter, serial) = word.split_once('@').unwrap_or((word, ""));
        let counter = if counter == "-" { "null" } else { counter };
        let serial = if serial.is_empty() { String::new() } else { format!(r#","serial":"{serial}""#) };
        format!(r#"{{"at":"2026-06-01T{hour:02}:00:00Z","counter_wh":{counter}{serial}}}"#)
    };
    readings.split_whitespace().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn book(text: &str, options: &str) -> Said {
    let files = Files::new();
    let file = files.text("readings.jsonl", text);
    let options = options.split_whitespace();
    run(&["meter", "book", &file, "--json"].into_iter().chain(options).collect::<Vec<_>>())
}

/// Checks what readings are worth with 43 kW of fuses and a counter of 10 Wh.
#[track_caller]
fn worth(readings: &str, options: &str, booked: Value, held: Value, kinds: &[&str]) {
    let said = book(&lines(readings), &format!("--fuse-w 43000 --resolution-wh 10 {options}"));
    assert_eq!((said.status, said.error.as_str()), (0, ""), "{readings}");
    let answer = &said.lines[0];
    let told: Vec<&str> =
        answer["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((&answer["booked_wh"], &answer["held_wh"]), (&booked, &held), "{readings}: {answer}");
    assert_eq!(told, kinds, "{readings}");
}

#[test]
fn v01_a_transient_zero_books_only_the_true_difference() {
    worth("13423700 13423800 0 13423900", "", json!(200), json!(0), &["glitch"]);
}

#[test]
fn v02_a_transient_low_reading_books_only_the_true_difference() {
    worth("13423700 13423800 400 13423900", "", json!(200), json!(0), &["glitch"]);
}

#[test]
fn v03_a_small_dip_is_not_counted_twice() {
    worth("1000000 1000500 1000300 1001000", "", json!(1000), json!(0), &["dip"]);
}

#[test]
fn v04_a_real_reset_loses_nothing_after_it() {
    worth("1000000 1002000 0 3000", "--confirm 1", json!(5000), json!(0), &["reset"]);
    worth("1000000 1002000 0 3000", "", json!(2000), json!(3000), &[]);
    worth("1000000 1002000 0 3000 3000", "", json!(5000), json!(0), &["reset"]);
}

#[test]
fn v05_a_register_that_overflows_makes_no_spike() {
    let wraps = "--wraps-at-wh 42949672.96";
    let readings = "42949500 42949600 100 500";
    worth(readings, &format!("{wraps} --confirm 1"), json!(672.96), json!(0), &["wrap"]);
    worth(&format!("{readings} 500"), wraps, json!(672.96), json!(0), &["wrap"]);
}

#[test]
fn v06_missing_readings_are_a_gap_that_the_counter_bridges() {
    worth("1000000 - - 1012000", "", json!(12_000), json!(0), &["gap"]);
}

#[test]
fn v07_a_counter_that_resets_daily_is_booked_on() {
    worth("16000 18000 0 4000", "--confirm 1", json!(6000), json!(0), &["reset"]);
    worth("16000 18000 0 4000 4000", "", json!(6000), json!(0), &["reset"]);
}

#[test]
fn v08_a_used_meter_in_its_place_brings_no_energy_along() {
    let events = ["jump_held", "replaced"];
    worth("1000000 1002000 5400000 5401000", "--confirm 1", json!(3000), json!(0), &events);
    worth("1000000 1002000 5400000 5401000 5401000", "", json!(3000), json!(0), &events);
}

#[test]
fn v09_a_net_counter_may_run_backwards() {
    worth("1000000 998000 995000", "--signed", json!(-5000), json!(0), &[]);
}

#[test]
fn v10_a_plain_counter_is_a_difference() {
    worth("1000000 1005000 1010000", "", json!(10_000), json!(0), &[]);
}

#[test]
fn another_serial_number_is_another_meter_at_once() {
    worth("1000000@a 1002000@a 5400000@b 5401000@b", "", json!(3000), json!(0), &["replaced"]);
}

#[test]
fn events_say_when_and_from_what_to_what() {
    let said = book(&lines("13423700.5 13423800 0.25 13423900.125"), "");
    let events = json!([
        { "at": "2026-06-01T02:00:00Z", "kind": "glitch", "before_wh": 13_423_800, "after_wh": 0.25 }
    ]);
    assert_eq!((&said.lines[0]["events"], &said.lines[0]["booked_wh"]), (&events, &json!(199.625)));
}

#[test]
fn a_file_of_nothing_is_worth_nothing() {
    let said = book("", "");
    assert_eq!(said.lines, [json!({ "booked_wh": 0, "held_wh": 0, "events": [] })]);
}

#[test]
fn a_file_that_is_no_sequence_of_readings_is_refused_by_its_line() {
    let good = r#"{"at":"2026-06-01T00:00:00Z","counter_wh":1}"#;
    for (bad, part) in [
        (good, "times must rise"),
        (r#"{"at":"2026-05-31T23:59:59Z","counter_wh":1}"#, "times must rise"),
        (r#"{"at":"2026-06-01T00:00:01Z"}"#, "counter_wh"),
        (r#"{"at":"2026-06-01T00:00:01Z","counter_wh":"1"}"#, "invalid type"),
        (r#"{"at":"yesterday","counter_wh":1}"#, "yesterday"),
        (r#"{"at":"2026-06-01T00:00:01Z","counter_wh":1,"counter_wh":2}"#, "duplicate field"),
        (r#"{"at":"2026-06-01T00:00:01Z","counter_wh":1,"power_w":2}"#, "power_w"),
        (r#"{"at":"2026-06-01T00:00:01Z","counter_wh":1e300}"#, "more than any counter"),
        (r#"{"at":"2026-06-01T00:00:01Z","counter_wh":1} x"#, "trailing"),
        (r#"["2026-06-01T00:00:01Z",1,null]"#, "array"),
    ] {
        let said = book(&format!("{good}\n{bad}\n"), "");
        let error = said.told_error();
        assert_eq!((said.status, said.lines.len(), &error["code"]), (2, 0, &json!("unusable_file")), "{bad}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("line 2") && message.contains(part), "{bad}: {message}");
    }
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    for options in
        ["--confirm 0", "--resolution-wh 0", "--resolution-wh x", "--wraps-at-wh -1", "--fuse-w -1"]
    {
        assert_eq!(book(&lines("1 2"), options).status, 2, "{options}");
    }
}
