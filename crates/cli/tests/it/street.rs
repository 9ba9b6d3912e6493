//! A house of a living street that is run from the command line: join, trade, stop.

use serde_json::{Value, json};
use simulator::street::{Street, StreetOptions};

use crate::household::Running;
use crate::program::{Said, run};

/// Builds a street of four whose first house is the test's; at noon it has a surplus to sell.
async fn street(dir: &std::path::Path) -> Street {
    let options = StreetOptions {
        dir: dir.join("street"),
        houses: 4,
        seed: 7,
        speed: 60.0,
        start: "2026-06-16T10:00:00Z".parse().unwrap(),
        app_house: Some(1),
        past_days: 0,
    };
    Street::build(options).await.unwrap()
}

#[test]
fn a_house_joins_trades_and_stops_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    // The street lives on its own threads while the test waits for programs.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let street = runtime.block_on(street(folder.path()));
    let dir = street.neighbours()[0].dir.clone();
    let passphrase = dir.join("passphrase");
    let data = ["--data", dir.to_str().unwrap()];
    let key = ["--passphrase-file", passphrase.to_str().unwrap()];
    let on = |arguments: &[&str]| -> Said { run(&[arguments, &data, &["--json"]].concat()) };

    let invitation = std::fs::read_to_string(dir.join("invitation.txt")).unwrap();
    std::fs::remove_file(dir.join("invitation.txt")).unwrap();
    let mut config = home::config::HomeConfig::load(&dir).unwrap();
    config.market = None;
    config.save(&dir).unwrap();

    let asked = on(&["join", &invitation]);
    let (answer, version) = (&asked.lines[0], asked.lines[0]["terms"]["version"].as_str().unwrap());
    assert_eq!((asked.status, &answer["agreed"], &answer["currency"]), (1, &json!(false), &json!("EUR")));
    assert!(!answer["terms"]["text"].as_str().unwrap().is_empty());
    let wrong = on(&["join", &invitation, "--agree", "no such version"]);
    assert_eq!((wrong.status, &wrong.told_error()["code"]), (1, &json!("terms_not_agreed")));
    let joined = on(&["join", &invitation, "--agree", version]);
    assert_eq!((joined.status, &joined.lines[0]["agreed"]), (0, &json!(true)), "{}", joined.error);

    let mut running = Running::start(&[&data[..], &key].concat());
    running.until("contact", |event| event["event"] == "exchange" && event["state"] == "connected");
    let orders = || on(&["orders", "list"]).lines[0]["orders"].as_array().unwrap().clone();
    let state_is = |order: &Value, states: &[&str]| states.contains(&order["state"].as_str().unwrap());
    let began = std::time::Instant::now();
    while !orders().iter().any(|order| state_is(order, &["accepted"])) {
        assert!(began.elapsed().as_secs() < 60, "no order was accepted: {:?}", orders());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let keys = on(&["keys"]).lines[0]["keys"].clone();
    assert_eq!(keys[0]["place"], "sealed_file");
    assert_eq!(keys.as_array().unwrap().len(), 1);

    let stopped = on(&["stop"]);
    let answer = &stopped.lines[0];
    assert_eq!((stopped.status, &answer["unconfirmed"]), (0, &json!([])), "{answer}");
    assert_eq!(answer["by"], json!(format!("wattle run (process {})", running.pid())));
    assert!(!answer["cancelled"].as_array().unwrap().is_empty(), "{answer}");
    assert!(!orders().iter().any(|order| state_is(order, &["waiting", "sent", "accepted", "cancelling"])));

    // Nobody runs any more: stopping tells the exchange by itself.
    assert_eq!(on(&["resume"]).status, 0);
    while !orders().iter().any(|order| state_is(order, &["accepted"])) {
        assert!(began.elapsed().as_secs() < 90, "no order was accepted after the resume: {:?}", orders());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(running.end("-TERM"), Some(0));
    let stopped = run(&[&["stop", "--json"], &data[..], &key].concat());
    let answer = &stopped.lines[0];
    assert_eq!(
        (stopped.status, &answer["by"], &answer["unconfirmed"]),
        (0, &Value::Null, &json!([])),
        "{answer}"
    );
    assert!(!answer["cancelled"].as_array().unwrap().is_empty(), "{answer}");

    let again = on(&["join", &invitation, "--agree", version]);
    assert_eq!((again.status, &again.told_error()["code"]), (1, &json!("already_a_member")));
    runtime.block_on(street.finish());
}
