//! `wattle rules backtest` on the remembered days of a street's house: the same decisions as were made then.

use history::{History, OpenMode};
use serde_json::{Value, json};
use simulator::street::{Street, StreetOptions};

use crate::files::Files;
use crate::program::run;

/// A street of six that remembers three days.
fn street(dir: &std::path::Path) -> std::path::PathBuf {
    let options = StreetOptions {
        dir: dir.join("street"),
        houses: 6,
        seed: 7,
        speed: 60.0,
        start: "2026-06-16T10:00:00Z".parse().unwrap(),
        app_house: None,
        past_days: 3,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { drop(Street::build(options).await.unwrap()) });
    dir.join("street")
}

fn sum(slots: &[Value], decision: &str) -> i64 {
    let of_kind = slots.iter().filter(|slot| slot["decision"] == decision);
    of_kind.map(|slot| slot["traded_wh"].as_i64().unwrap()).sum()
}

fn nanos(answer: &Value, name: &str) -> i64 {
    answer[name].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_homes_past_is_decided_as_it_was_and_earns_no_more_than_the_best_possible() {
    let folder = tempfile::tempdir().unwrap();
    let street = street(folder.path());
    let mut compared = 0;
    for house in ["home-01", "home-02", "home-03", "home-04"] {
        let dir = street.join(house);
        let rules = dir.join("rules.toml");
        let arguments = ["rules", "backtest", rules.to_str().unwrap(), "--from", "2026-06-14", "--to"];
        let data = ["2026-06-16", "--data", dir.to_str().unwrap(), "--json", "--slots"];
        let said = run(&[&arguments[..], &data[..]].concat());
        assert_eq!(said.status, 0, "{}", said.error);
        let answer = &said.lines[0];
        let slots = answer["slots"].as_array().unwrap();
        assert_eq!((&answer["days"], slots.len()), (&json!(2), 2 * 96));
        assert_eq!(answer["sold_wh"], json!(sum(slots, "offer")));
        assert_eq!(answer["bought_wh"], json!(sum(slots, "bid")));
        let gain = nanos(answer, "earned_nanos") + nanos(answer, "saved_nanos");
        assert!(gain > 0 && gain <= nanos(answer, "best_possible_nanos"), "{house}: {answer}");
        compared += same_as_then(&dir, slots);
    }
    assert_eq!(compared, 4 * 2 * 96);
}

/// Compares with what the household recorded when it decided; returns how many slots.
fn same_as_then(dir: &std::path::Path, slots: &[Value]) -> usize {
    let history = History::open(&dir.join("history.sqlite"), OpenMode::ReadOnly).unwrap();
    for slot in slots {
        let at: units::Slot = slot["slot"].as_str().unwrap().parse().unwrap();
        let side = if slot["side"] == "sell" { market::Side::Sell } else { market::Side::Buy };
        let then = history.decisions(at..at.next()).unwrap();
        let then = then.iter().find(|decision| decision.side == side).unwrap();
        let number = |name: &str| slot[name].as_i64();
        assert_eq!(slot["decision"], then.verdict.word(), "{slot}");
        assert_eq!(slot["rule"].as_str(), then.rule.as_deref(), "{slot}");
        assert_eq!(number("limit_price_micros_per_kwh"), then.limit.map(|limit| limit.micros_per_kwh()));
        assert_eq!(number("quantity_wh"), then.quantity.map(|quantity| quantity.get()));
        let reasons: Value = serde_json::from_str(&then.reasons_json).unwrap();
        assert_eq!(slot["reasons"], reasons, "{slot}");
    }
    slots.len()
}

#[test]
fn days_that_are_not_on_record_are_a_no_and_days_that_are_none_a_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let street = street(folder.path());
    let dir = street.join("home-02");
    let rules = dir.join("rules.toml");
    let ask = |rules: &str, from: &str, to: &str| {
        let data = ["--data", dir.to_str().unwrap(), "--json"];
        run(&[&["rules", "backtest", rules, "--from", from, "--to", to][..], &data[..]].concat())
    };
    let rules = rules.to_str().unwrap();
    let never = ask(rules, "2025-01-01", "2025-02-01");
    assert_eq!((never.status, &never.told_error()["code"]), (1, &json!("no_past")));
    let none = ask(rules, "2026-06-15", "2026-06-15");
    assert_eq!((none.status, &none.told_error()["code"]), (2, &json!("usage")));
    let files = Files::new();
    let broken = files.text("broken.toml", "[[rule]]\nname = 3\n");
    assert_eq!(ask(&broken, "2026-06-15", "2026-06-16").status, 2);
}
