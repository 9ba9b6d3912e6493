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
fn the_meters_of_a_simulated_house_are_found_by_their_address_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let street = runtime.block_on(street(folder.path()));
    let config = home::config::HomeConfig::load(&street.neighbours()[0].dir).unwrap();
    let address = config.meters[0].tcp.clone().unwrap();
    let said = run(&["meter", "scan", "--tcp", &address, "--json"]);
    let mut found: Vec<u64> = Vec::new();
    for find in &said.lines {
        assert_eq!(find["profile"], "eastron-sdm630", "{}", said.error);
        let device: Vec<&str> = find["device"].as_str().unwrap().split(' ').collect();
        let read = run(&[&["meter", "read", "--json"][..], &device].concat());
        assert_eq!(read.status, 0, "{}", read.error);
        assert!(read.lines[0]["import_wh"].as_f64() >= find["sample"]["import_wh"].as_f64());
        found.push(device.last().unwrap().parse().unwrap());
    }
    let mut known: Vec<u64> = config.meters.iter().map(|meter| meter.unit.into()).collect();
    known.sort_unstable();
    assert_eq!(found, known, "each meter once");
    runtime.block_on(street.finish());
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

/// Two houses of the street, one at rest and one that trades, agree on a deal and place orders by hand.
#[test]
fn orders_and_deals_are_made_by_hand_whoever_trades() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let street = runtime.block_on(street(folder.path()));
    let dir = street.neighbours()[0].dir.clone();
    let passphrase = dir.join("passphrase");
    let data = ["--data", dir.to_str().unwrap()];
    let key = ["--passphrase-file", passphrase.to_str().unwrap()];
    let by_hand = |arguments: &[&str]| -> Said { run(&[arguments, &data, &key, &["--json"]].concat()) };

    let early = by_hand(&[
        "deals", "propose", "--with", "home-02", "--side", "sell", "--price", "0", "--cap-wh", "9",
    ]);
    assert_eq!((early.status, &early.told_error()["code"]), (1, &json!("not_a_member")));
    let mut running = Running::start(&[&data[..], &key].concat());
    running.until("contact", |event| event["event"] == "exchange" && event["state"] == "connected");
    let began = std::time::Instant::now();
    let orders = || by_hand_list(&data, "orders");
    while !orders().iter().any(|order| order["state"] == "accepted") {
        assert!(began.elapsed().as_secs() < 60, "no order was accepted: {:?}", orders());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }

    // Four hours ahead: its gate stays open for minutes of real time.
    let ahead = units::Slot::containing(units::Clock::now(street.clock())).offset(16).to_string();
    let order = |limit: &str| {
        by_hand(&[
            "orders",
            "place",
            "--slot",
            &ahead,
            "--side",
            "buy",
            "--quantity-wh",
            "120",
            "--limit",
            limit,
        ])
    };
    let placed = order("0.150 EUR/kWh");
    assert_eq!((placed.status, &placed.lines[0]["state"]), (0, &json!("accepted")), "{}", placed.error);
    assert_eq!(placed.lines[0]["limit_price_micros_per_kwh"], 150_000);
    let id = placed.lines[0]["id"].as_str().unwrap().to_owned();
    let beyond = order("9.000 EUR/kWh");
    assert_eq!((beyond.status, &beyond.told_error()["code"]), (1, &json!("outside_cap_and_floor")));
    assert_eq!(order("0.150").status, 2, "a price without its unit");
    let past = by_hand(&[
        "orders",
        "place",
        "--slot",
        "2026-06-16T09:00:00Z",
        "--side",
        "buy",
        "--quantity-wh",
        "1",
        "--limit",
        "0.150 EUR/kWh",
    ]);
    assert_eq!((past.status, &past.told_error()["code"]), (1, &json!("gate_closed")));
    assert!(orders().iter().any(|order| order["id"] == json!(id) && order["state"] == "accepted"));
    let cancelled = by_hand(&["orders", "cancel", &id]);
    assert_eq!(
        (cancelled.status, &cancelled.lines[0]["cancelled"]),
        (0, &json!([id])),
        "{}",
        cancelled.error
    );
    let again = by_hand(&["orders", "cancel", "nothing"]);
    assert_eq!((again.status, &again.told_error()["code"]), (1, &json!("unknown_order")));

    let keys = run(&[&["keys", "--json"], &data[..]].concat());
    let me = keys.lines[0]["keys"][0]["member"].as_str().unwrap().to_owned();
    let neighbour = if me == "home-02" { "home-03" } else { "home-02" };
    let propose = |with: &str| {
        by_hand(&[
            "deals",
            "propose",
            "--with",
            with,
            "--side",
            "sell",
            "--price",
            "0.140 EUR/kWh",
            "--cap-wh",
            "300",
            "--days",
            "mon,tue",
            "--hours",
            "06:00-22:00",
        ])
    };
    let stranger = propose("home-99");
    assert_eq!(
        (stranger.status, &stranger.told_error()["code"]),
        (1, &json!("not_found")),
        "{}",
        stranger.error
    );
    let myself = propose(&me);
    assert_eq!((myself.status, &myself.told_error()["code"]), (1, &json!("deal_with_oneself")));
    let proposed = propose(neighbour);
    let deal = &proposed.lines[0];
    assert_eq!((proposed.status, &deal["state"]), (0, &json!("proposed")), "{}", proposed.error);
    assert_eq!((&deal["seller"], &deal["buyer"]), (&json!(me), &json!(neighbour)));
    assert_eq!((&deal["days"], &deal["hours"]), (&json!(["mon", "tue"]), &json!("06:00-22:00")));
    let id = deal["id"].as_str().unwrap();
    let own = by_hand(&["deals", "accept", id]);
    assert_eq!((own.status, &own.told_error()["code"]), (1, &json!("own_proposal")));
    assert!(by_hand_list(&data, "deals").iter().any(|deal| deal["id"] == json!(id)));
    assert_eq!(running.end("-TERM"), Some(0));

    // Nobody trades now: the command goes to the exchange by itself.
    let ended = by_hand(&["deals", "end", id]);
    assert_eq!((ended.status, &ended.lines[0]["state"]), (0, &json!("ended")), "{}", ended.error);
    assert_eq!(ended.lines[0]["ended_by"], json!(me));
    // Without the exchange it is kept and the answer is no.
    runtime.block_on(street.cut_exchange());
    let waiting = propose(neighbour);
    assert_eq!((waiting.status, &waiting.lines[0]["waiting"]), (1, &json!("propose")), "{}", waiting.error);
    runtime.block_on(street.finish());
}

fn by_hand_list(data: &[&str], what: &str) -> Vec<Value> {
    let said = run(&[&[what, "list", "--json"], data].concat());
    said.lines[0][what].as_array().unwrap_or_else(|| panic!("{}", said.error)).clone()
}
