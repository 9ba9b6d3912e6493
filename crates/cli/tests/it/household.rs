//! A household from the command line: a real meter, no market, its files.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::files::Files;
use crate::peer::Peer;
use crate::program::{Said, command, run};

/// A running `wattle run --json`; it is ended however the test ends.
pub struct Running {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub fn start(arguments: &[&str]) -> Self {
        let mut process = command(&[&["run", "--json"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads until an event for which the question is answered with yes.
    pub fn until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        for line in self.lines.by_ref() {
            let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if is_it(&event) {
                return event;
            }
        }
        panic!("the program ended before: {what}");
    }

    pub fn event(&mut self, name: &str) -> Value {
        self.until(name, |event| event["event"] == name)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal and returns the exit status.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        let sent =
            std::process::Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
        self.event("ended");
        self.process.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const RULES: &str = "[[rule]]\nname = \"roof\"\nside = \"sell\"\nlimit = { at = \"0.120 EUR/kWh\" }\n";

/// Fills a data folder; its meter is the one at `address`.
fn home(files: &Files, address: &str) -> String {
    files.text("rules.toml", RULES);
    files.text("passphrase", "correct horse battery\n");
    let config = format!(
        "name = \"Number 7\"\nzone = \"Europe/Berlin\"\ncurrency = \"EUR\"\nfuse_w = 24000\n\n\
         [[contract]]\nvalid_from = \"2020-01-01\"\nretail = \"0.320 EUR/kWh\"\nfeed_in = \"0.080 EUR/kWh\"\n\n\
         [[meter]]\nid = \"grid\"\nrole = \"grid\"\nprofile = \"eastron-sdm630\"\ntcp = \"{address}\"\nevery_s = 1\n"
    );
    files.text("home.toml", &config);
    files.path("").to_str().unwrap().to_owned()
}

fn meter() -> Peer {
    Peer::tcp(0, &json!({ "1": { "input": { "52": -1500.5, "72": 100.0, "74": 200.0 } } })).unwrap()
}

fn on(dir: &str, arguments: &[&str]) -> Said {
    run(&[arguments, &["--data", dir, "--json"]].concat())
}

#[test]
fn a_household_runs_tells_its_first_sample_and_ends_at_a_signal() {
    let (files, meter) = (Files::new(), meter());
    let dir = home(&files, &meter.address());
    let passphrase = files.path("passphrase");
    for signal in ["-TERM", "-INT"] {
        let mut running =
            Running::start(&["--data", &dir, "--passphrase-file", passphrase.to_str().unwrap()]);
        let started = running.event("started");
        assert_eq!(
            (&started["home"], &started["trading"], &started["held_by"]),
            (&json!("Number 7"), &json!("running"), &Value::Null)
        );
        let first = running.event("first_sample");
        assert_eq!(first["power_w"], -1500.5);
        assert!(first["since_start_ms"].as_u64().unwrap() < 30_000 && first["at"].is_string());
        assert_eq!(running.end(signal), Some(0));
    }
}

#[test]
fn a_second_process_looks_on_and_says_who_trades() {
    let (files, meter) = (Files::new(), meter());
    let dir = home(&files, &meter.address());
    let mut first = Running::start(&["--data", &dir]);
    first.event("first_sample");
    let holder = format!("wattle run (process {})", first.pid());
    let mut second = Running::start(&["--data", &dir]);
    let started = second.event("started");
    assert_eq!((&started["trading"], &started["held_by"]), (&json!("read_only"), &json!(holder)));
    assert_eq!(second.end("-TERM"), Some(0));
    assert_eq!(first.end("-TERM"), Some(0));
}

#[test]
fn without_keyring_and_passphrase_the_meter_is_read_and_the_notice_says_what_is_missing() {
    let (files, meter) = (Files::new(), meter());
    let dir = home(&files, &meter.address());
    let mut running = Running::start(&["--data", &dir]);
    let notice = running.event("notice");
    assert_eq!(notice["code"], "no_key");
    assert!(notice["message"].as_str().unwrap().contains("--passphrase-file"), "{notice}");
    running.event("first_sample");
    assert_eq!(running.end("-TERM"), Some(0));
}

#[test]
fn the_passphrase_may_be_a_credential_of_the_service() {
    let (files, meter) = (Files::new(), meter());
    let dir = home(&files, &meter.address());
    let mut process = command(&["run", "--json", "--data", &dir])
        .env("CREDENTIALS_DIRECTORY", &dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut running = Running { process, lines };
    assert_eq!(running.event("notice")["code"], "key_in_file");
    assert!(files.path("key.sealed").exists());
    assert_eq!(running.end("-TERM"), Some(0));
}

#[test]
fn a_folder_that_cannot_be_opened_is_refused_with_what_to_do() {
    let files = Files::new();
    let dir = files.path("nothing");
    let said = on(dir.to_str().unwrap(), &["run"]);
    assert_eq!((said.status, &said.told_error()["code"]), (2, &json!("no_home")));
    let dir = home(&files, "127.0.0.1:1");
    files.text("rules.toml", "[[rule]]\nname = \"x\"\nprice = 1\n");
    let error = on(&dir, &["run"]).told_error();
    assert_eq!(error["code"], "bad_rules");
    assert!(error["message"].as_str().unwrap().contains("price"), "{error}");
    files.text("rules.toml", RULES);
    files.text("home.toml", "name = \"x\"\ncolour = \"red\"\n");
    let said = on(&dir, &["run"]);
    assert_eq!((said.status, &said.told_error()["code"]), (2, &json!("bad_configuration")));
    assert!(said.told_error()["message"].as_str().unwrap().contains("colour"), "{}", said.error);
}

#[test]
fn trading_is_stopped_and_resumed_whoever_trades() {
    let (files, meter) = (Files::new(), meter());
    let dir = home(&files, &meter.address());
    let alone = on(&dir, &["stop"]);
    let expected = json!({
        "trading": "stopped", "by": null, "cancelled": [], "unconfirmed": [], "bound_slots": []
    });
    assert_eq!((alone.status, &alone.lines), (0, &vec![expected]));
    let mut running = Running::start(&["--data", &dir]);
    assert_eq!(running.event("started")["trading"], "stopped", "a stop outlives the process");
    running.event("first_sample");
    let holder = json!(format!("wattle run (process {})", running.pid()));
    let resumed = on(&dir, &["resume"]);
    assert_eq!((resumed.status, &resumed.lines[0]["by"]), (0, &holder));
    running.until("resumed", |event| event["event"] == "trading" && event["state"] == "running");
    let stopped = on(&dir, &["stop"]);
    assert_eq!((stopped.status, &stopped.lines[0]["by"]), (0, &holder));
    running.until("stopped", |event| event["event"] == "trading" && event["state"] == "stopped");
    assert_eq!(running.end("-TERM"), Some(0));
}

#[test]
fn a_history_is_backed_up_while_it_is_written_and_restored_when_nobody_trades() {
    let (files, meter) = (Files::new(), meter());
    let dir = home(&files, &meter.address());
    let mut running = Running::start(&["--data", &dir]);
    running.event("first_sample");
    let elsewhere = Files::new();
    let backup = elsewhere.path("backup.sqlite");
    let backup = backup.to_str().unwrap();
    let said = on(&dir, &["backup", backup]);
    assert_eq!((said.status, said.error.as_str()), (0, ""));
    assert_eq!(said.lines[0]["bytes"], std::fs::metadata(backup).unwrap().len());
    let again = on(&dir, &["backup", backup]);
    assert_eq!(again.status, 1);
    assert!(again.told_error()["message"].as_str().unwrap().contains("exists already"), "{}", again.error);
    let refused = on(&dir, &["restore", backup]);
    assert_eq!((refused.status, &refused.told_error()["code"]), (1, &json!("locked")));
    assert!(refused.told_error()["message"].as_str().unwrap().contains("wattle run"), "{}", refused.error);
    assert_eq!(running.end("-TERM"), Some(0));
    let restored = on(&dir, &["restore", backup]);
    assert_eq!((restored.status, restored.error.as_str()), (0, ""));
    let kept = restored.lines[0]["kept_as"].as_str().unwrap();
    assert!(std::path::Path::new(kept).exists(), "{kept}");
    assert_eq!(on(&dir, &["orders", "list"]).lines, [json!({ "orders": [] })]);
    let garbage = elsewhere.text("garbage", "no database");
    assert_eq!(on(&dir, &["restore", &garbage]).status, 2);
    assert_eq!(on(&dir, &["keys"]).lines, [json!({ "keys": [] })]);
}

#[test]
fn rules_are_checked_alone_and_against_the_contract() {
    let files = Files::new();
    let dir = home(&files, "127.0.0.1:1");
    let rules = files.text(
        "RULES.toml",
        "[[rule]]\nname = \"cheap\"\nside = \"sell\"\nlimit = { at = \"0.050 EUR/kWh\" }\n\
         [[rule]]\nname = \"late\"\nside = \"sell\"\nlimit = { at = \"0.120 EUR/kWh\" }\n",
    );
    let alone = run(&["rules", "check", &rules, "--json"]);
    assert_eq!((alone.status, &alone.lines[0]["ok"]), (0, &json!(true)));
    let codes = |said: &Said| -> Vec<String> {
        let findings = said.lines[0]["findings"].as_array().unwrap().iter();
        findings.map(|found| found["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(&alone), ["never_speaks"]);
    let against = on(&dir, &["rules", "check", &rules]);
    assert_eq!((against.status, &against.lines[0]["ok"]), (1, &json!(false)));
    assert_eq!(codes(&against), ["worse_than_contract", "never_speaks"]);
    for (text, part) in [
        ("[[rule]]\nname = \"a\"\nside = \"sell\"\nlimit = { at = \"1 EUR/kWh\" }\nprice = 1\n", "price"),
        ("[[rule]]\nname = \"a\"\nside = \"sell\"\nlimit = { at = \"1 CHF/kWh\" }\n", "CHF"),
        ("[[rule", "rule"),
    ] {
        let path = files.text("RULES.toml", text);
        let said = run(&["rules", "check", &path, "--json"]);
        assert_eq!((said.status, &said.told_error()["code"]), (2, &json!("unusable_file")), "{text}");
        assert!(said.told_error()["message"].as_str().unwrap().contains(part), "{}", said.error);
    }
    let francs =
        files.text("RULES.toml", "[[rule]]\nname = \"a\"\nside = \"sell\"\nlimit = { at = \"1 CHF/kWh\" }\n");
    assert_eq!(run(&["rules", "check", &francs, "--currency", "CHF", "--json"]).status, 0);
}

#[test]
fn what_is_no_invitation_is_refused() {
    let files = Files::new();
    let dir = home(&files, "127.0.0.1:1");
    let said = on(&dir, &["join", "hello"]);
    assert_eq!((said.status, &said.told_error()["code"]), (2, &json!("invalid_invitation")));
    assert!(!files.path("invitation.txt").exists());
}
