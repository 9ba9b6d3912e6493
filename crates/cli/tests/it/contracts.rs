//! Contracts from the command line.

use serde_json::json;

use crate::files::Files;
use crate::program::{command, run};

const HOME: &str = "name = \"Number 7\"\nzone = \"Europe/Berlin\"\ncurrency = \"EUR\"\nfuse_w = 24000\n";

const FIXED: &str =
    "[[contract]]\nvalid_from = \"2020-01-01\"\nretail = \"0.320 EUR/kWh\"\nfeed_in = \"0.080 EUR/kWh\"\n";

const NIGHT: &str = "[[contract]]\nvalid_from = \"2199-01-01\"\nname = \"Night 99\"\nretail = \"0.340 EUR/kWh\"\n\
    feed_in = \"0.080 EUR/kWh\"\n\n[[contract.zone]]\nname = \"Night\"\nhours = \"22:00-06:00\"\nretail = \"0.240 EUR/kWh\"\n";

fn home(files: &Files) -> String {
    files.text("home.toml", HOME);
    files.text("passphrase", "correct horse battery\n");
    files.path("").to_str().unwrap().to_owned()
}

#[test]
fn contracts_of_a_file_are_put_in_force_and_listed() {
    let files = Files::new();
    let (data, first, later) =
        (home(&files), files.text("first.toml", FIXED), files.text("later.toml", NIGHT));
    let passphrase = files.path("passphrase").to_str().unwrap().to_owned();
    let add = |file: &str| {
        run(&["contracts", "add", file, "--data", &data, "--passphrase-file", &passphrase, "--json"])
    };
    assert_eq!(add(&first).status, 0);
    let said = add(&later);
    assert_eq!(said.status, 0, "{}", said.error);
    let answer = &said.lines[0];
    assert_eq!(answer["contracts"][0]["kind"], "fixed");
    assert_eq!(answer["contracts"][0]["until"], "2199-01-01");
    assert_eq!(answer["contracts"][1]["kind"], "time_of_use");
    assert_eq!(answer["retail_micros_per_kwh"], 320_000);
    assert_eq!(run(&["contracts", "list", "--data", &data, "--json"]).lines[0], *answer);
    let listed = command(&["contracts", "list", "--data", &data]).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("2199-01-01 on \"Night 99\": by the time of day"), "{text}");
    // What has begun keeps its price.
    let past = add(&files.text("past.toml", &FIXED.replace("2020-01-01", "2021-01-01")));
    assert_eq!((past.status, &past.told_error()["code"]), (1, &json!("alters_the_past")));
}

#[test]
fn a_file_that_is_not_understood_is_refused_by_its_place() {
    let files = Files::new();
    let good = files.text("good.toml", NIGHT);
    assert_eq!(run(&["contracts", "check", &good, "--json"]).status, 0);
    let bad = files.text("bad.toml", &NIGHT.replace("22:00-06:00", "22-6"));
    let said = run(&["contracts", "check", &bad, "--json"]);
    assert_eq!(said.status, 2);
    let message = said.told_error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("zone 1 \"Night\", hours"), "{message}");
}
