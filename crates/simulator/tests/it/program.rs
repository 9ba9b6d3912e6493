//! `wattle-street` as others start it: its lines, its exit status, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

fn street(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattle-street"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn sorted<const N: usize>(mut names: [&'static str; N]) -> Vec<&'static str> {
    names.sort_unstable();
    names.to_vec()
}

#[test]
fn it_prints_a_line_a_slot_and_a_summary() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("street");
    let run = ["--for", "30m", "--houses", "2", "--start", "2026-06-01T10:00:00Z", "--json", "--data"];
    let output = street(&run).arg(&data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second, summary] = &lines[..] else { panic!("{text}") };
    assert_eq!((&first["event"], &first["slot"]), (&"slot".into(), &"2026-06-01T10:00:00Z".into()));
    assert_eq!(second["slot"], "2026-06-01T10:15:00Z");
    assert_eq!(keys(first), sorted(["event", "slot", "areas", "traded_wh", "orders", "houses"]));
    assert_eq!(keys(&first["areas"][0]), sorted(["id", "price_micros_per_kwh"]));
    let house = [
        "id",
        "area",
        "import_wh",
        "export_wh",
        "sold_wh",
        "bought_wh",
        "quality",
        "earned_nanos",
        "saved_nanos",
    ];
    assert_eq!(keys(&first["houses"][0]), sorted(house));
    assert!(first["houses"][0]["earned_nanos"].is_string());
    let sums = [
        "event",
        "slots",
        "traded_wh",
        "energy_imbalance_wh",
        "money_imbalance_nanos",
        "worse_off",
        "statements_verified",
        "statements_failed",
    ];
    assert_eq!(keys(summary), sorted(sums));
    assert_eq!((&summary["slots"], &summary["energy_imbalance_wh"]), (&2.into(), &0.into()));
    assert_eq!(summary["money_imbalance_nanos"], "0");
    assert_eq!((&summary["statements_verified"], &summary["statements_failed"]), (&2.into(), &0.into()));
    for kept in ["exchange/market.toml", "home-01/home.toml", "home-02/history.sqlite"] {
        assert!(data.join(kept).exists(), "{kept}");
    }
}

#[test]
fn a_speed_beyond_450_is_wrong_usage() {
    let output = street(&["--speed", "451", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let error: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(keys(&error["error"]), ["code", "hint", "message"]);
    assert!(error["error"]["message"].as_str().unwrap().contains("--speed"), "{error}");
}

#[test]
fn with_a_window_it_tells_where_its_house_is_and_ends_with_its_input() {
    let run = ["--houses", "2", "--app-house", "1", "--past-days", "1", "--json"];
    let mut child = street(&run).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["event"], "ready");
    let home = PathBuf::from(ready["home"].as_str().unwrap());
    for file in ["home.toml", "rules.toml", "invitation.txt", "passphrase", "history.sqlite"] {
        assert!(home.join(file).exists(), "{file}");
    }
    drop(child.stdin.take());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    let summary: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(summary["event"], "summary");
    assert!(child.wait().unwrap().success());
    assert!(!home.exists(), "a folder that nobody named goes with the street");
}

#[test]
fn an_interrupted_street_still_adds_up() {
    let mut child = street(&["--houses", "2", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("\"event\":\"slot\""), "{line}");
    // SAFETY: the child was not waited for yet, so the id is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) }, 0);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(rest.lines().last().unwrap().contains("\"event\":\"summary\""), "{rest}");
    assert!(child.wait().unwrap().success());
}
