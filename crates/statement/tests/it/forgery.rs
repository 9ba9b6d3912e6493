//! Whoever changes a statement, its entries or its log is told which step fails.

use ledger::SigningKey;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use statement::{Anchor, Entry, build, verify};

use crate::street;

/// Changes a JSON value.
type Change = fn(&mut Value);

fn file() -> Vec<u8> {
    build(street::sample(3).draft(0), &street::log_key()).unwrap().to_bytes()
}

fn anchor() -> Anchor {
    Anchor::from(&street::log_key())
}

/// Changes the file's JSON, writes it canonically again, and returns the first step that fails.
fn failure(file: &[u8], change: impl FnOnce(&mut Value)) -> Option<String> {
    let mut value: Value = serde_json::from_slice(file).unwrap();
    change(&mut value);
    verify(&ledger::canonical_json(&value).unwrap(), Some(&anchor())).first_failure
}

#[test]
fn without_an_anchor_the_answer_is_no_however_well_the_rest_holds() {
    let report = verify(&file(), None);
    assert!(!report.ok);
    assert_eq!(report.first_failure.as_deref(), Some("unanchored"));
    assert_eq!(report.anchor, None);
    assert!(report.steps.iter().all(|step| step.ok == (step.name != "anchor")));
    assert_eq!(report.share_by_source.member, 1.0);
}

#[test]
fn another_key_is_another_log() {
    let other = SigningKey::from_bytes(&[9; 32]).verifying_key();
    let report = verify(&file(), Some(&Anchor::from(other)));
    assert_eq!(report.first_failure.as_deref(), Some("checkpoint"));
    let elsewhere = ledger::LogKey::new("wattle/elsewhere", *street::log_key().key()).unwrap();
    assert_eq!(verify(&file(), Some(&Anchor::from(&elsewhere))).first_failure.as_deref(), Some("anchor"));
}

#[test]
fn each_kind_of_change_fails_in_its_step() {
    let file = file();
    let cases: [(&str, Change); 11] = [
        ("configuration", |value| value["paper"]["header"]["currency"] = json!("USD")),
        ("file", |value| value["paper"]["header"]["sequence"] = json!(2)),
        ("checkpoint", |value| {
            let note = value["evidence"]["checkpoint"].as_str().unwrap().replacen('\n', "\n9", 1);
            value["evidence"]["checkpoint"] = json!(note);
        }),
        ("entries", |value| value["evidence"]["proof"][0] = json!("A".repeat(43))),
        ("entries", |value| value["paper"]["header"]["member"] = json!("home-02")),
        ("signatures", |value| {
            for entry in value["evidence"]["entries"].as_array_mut().unwrap() {
                entry.as_object_mut().unwrap().remove("signatures");
            }
        }),
        ("lines", |value| value["paper"]["total"]["gross_nanos"] = json!("1")),
        ("lines", |value| value["paper"]["quality"]["settled"] = json!(2)),
        ("lines", |value| value["paper"]["meter"]["opening"]["import_wh"] = json!(0)),
        ("rounding", |value| value["paper"]["lines"][0]["cents"]["net"] = json!(1)),
        ("comparison", |value| value["paper"]["comparison"]["gain_cents"] = json!(1_000_000)),
    ];
    for (step, change) in cases {
        assert_eq!(failure(&file, change).as_deref(), Some(step));
    }
    assert_eq!(failure(&file, |_| ()), None);
}

/// An exchange that logs a lie: its own signature and proofs are right, and the member's file still says no.
#[test]
fn an_exchange_that_settles_wrongly_is_found_by_recomputing() {
    let cases: [(&str, &str, Change); 11] = [
        ("postings", "wattle/settlement/v1", |body| body["postings"][0]["nanos"] = json!("77")),
        ("postings", "wattle/settlement/v1", |body| body["from_utility_wh"] = json!(12_345)),
        ("readings", "wattle/settlement/v1", |body| body["export_wh"] = json!(7)),
        ("trades", "wattle/settlement/v1", |body| body["fills"][0]["filled_wh"] = json!(1)),
        ("configuration", "wattle/settlement/v1", |body| body["area"] = json!("feeder-2")),
        ("trades", "wattle/clearing/v1", |body| body["areas"][1]["price_micros_per_kwh"] = json!(1)),
        ("postings", "wattle/contract/v1", |body| body["feed_in_micros_per_kwh"] = json!(70_000)),
        ("signatures", "wattle/contract/v2", |body| {
            body["steps"][0]["retail_micros_per_kwh"] = json!(70_000)
        }),
        ("entries", "wattle/contract/v2", |body| body["from"] = json!("2026-06-01T00:00:00Z")),
        ("signatures", "wattle/order/v1", |body| body["limit_price_micros_per_kwh"] = json!(1)),
        ("signatures", "wattle/reading/v1", |body| body["registers"]["export_end_wh"] = json!(99_999)),
    ];
    for (step, domain, change) in cases {
        let found = lie(domain, change);
        assert_eq!(found.as_deref(), Some(step), "{domain}");
    }
}

/// Logs a changed entry as if it had been so from the start, and verifies the file made from that log.
fn lie(domain: &str, change: Change) -> Option<String> {
    let mut street = street::sample(3);
    let honest = build(street.draft(0), &street::log_key()).unwrap();
    let mut all: Vec<Entry> = street.entries.values().flatten().cloned().collect();
    all.sort_by_key(|entry| entry.index);
    all.dedup_by_key(|entry| entry.index);
    let lied = honest.evidence.entries.iter().find(|entry| {
        let busy = ["fills", "postings"].iter().all(|list| {
            entry.body.get(list).is_none_or(|list| list.as_array().is_some_and(|list| !list.is_empty()))
        });
        entry.domain == domain && busy && entry.body.get("registers") != Some(&Value::Null)
    });
    let index = lied.unwrap().index;
    change(&mut all.iter_mut().find(|entry| entry.index == index).unwrap().body);
    street.log = ledger::MemoryLog::new();
    for entry in &all {
        street.log.append(&entry.opening().commitment().unwrap());
    }
    let mut opened = honest.evidence.entries.clone();
    change(&mut opened.iter_mut().find(|entry| entry.index == index).unwrap().body);
    let draft = street.draft_of(0, opened);
    let mut statement = honest;
    statement.evidence.checkpoint = draft.checkpoint;
    statement.evidence.proof = draft.proof;
    statement.evidence.entries = draft.entries;
    verify(&statement.to_bytes(), Some(&anchor())).first_failure
}

#[test]
fn an_order_that_the_exchange_overlooked_is_found() {
    let street = street::sample(8);
    let honest = build(street.draft(0), &street::log_key()).unwrap();
    let filled = honest.evidence.entries.iter().find_map(|entry| match entry.read()?.unwrap() {
        statement::Body::Settlement(body) => body.fills.first().map(|fill| fill.order.clone()),
        _ => None,
    });
    let filled = filled.unwrap();
    let mut draft = street.draft(0);
    draft.entries.retain(|entry| entry.body.get("id") != Some(&json!(filled)));
    let draft = street.draft_of(0, draft.entries);
    let refused = build(draft, &street::log_key()).unwrap_err().to_string();
    assert!(refused.contains("trades") && refused.contains(filled.as_str()), "{refused}");
}

#[test]
fn a_second_spelling_of_the_same_statement_is_no_statement() {
    let file = file();
    let cases: [Change; 5] = [
        |value| {
            value["paper"]["total"]["gross_nanos"] =
                json!(format!("0{}", value["paper"]["total"]["gross_nanos"].as_str().unwrap()))
        },
        |value| value["paper"]["header"]["issued_at"] = json!("2026-07-02T10:00:00+02:00"),
        |value| drop(value["paper"]["header"]["owner"].as_object_mut().unwrap().remove("tax_number")),
        |value| value["evidence"]["entries"][0]["signatures"] = json!([]),
        |value| value["evidence"]["entries"][0]["body"]["more"] = json!(0.5),
    ];
    for change in cases {
        assert_eq!(failure(&file, change).as_deref(), Some("file"));
    }
    let found = lie("wattle/reading/v1", |body| {
        body["slot"] = json!(body["slot"].as_str().unwrap().replace('Z', "+00:00"))
    });
    assert_eq!(found.as_deref(), Some("entries"));
}

#[test]
fn a_cancellation_after_the_clearing_takes_no_order_back() {
    let mut street = street::sample(1);
    let filled = &street.draft(0).entries.into_iter().find_map(|entry| match entry.read()?.unwrap() {
        statement::Body::Settlement(body) => Some(body.fills[0].order.clone()),
        _ => None,
    });
    let cancel = statement::CancelBody {
        market: street::market(),
        member: street::house(0),
        order: filled.clone().unwrap(),
    };
    street.put(Some(street::house(0)), |index, salt| Entry::new(index, salt, &cancel));
    assert!(build(street.draft(0), &street::log_key()).is_ok());
}

#[test]
fn a_thousand_changed_bytes_are_all_found() {
    let file = file();
    let mut runner = TestRunner::new(Config { cases: 1000, ..Config::default() });
    runner
        .run(&(any::<prop::sample::Index>(), 1u8..=255), |(place, change)| {
            let mut changed = file.clone();
            changed[place.index(file.len())] ^= change;
            // What the evidence says of the log's key is no proof and no figure: the anchor comes from outside.
            let claim = |bytes: &[u8]| -> Option<Value> {
                let mut value: Value = serde_json::from_slice(bytes).ok()?;
                value["evidence"].as_object_mut()?.remove("log_key");
                // Names and addresses are the maker's to write.
                for party in ["owner", "operator", "utility", "issued_at"] {
                    value["paper"]["header"].as_object_mut()?.remove(party);
                }
                // A third party's signature under a deal is not checked here.
                for entry in value["evidence"]["entries"].as_array_mut()? {
                    if entry["domain"] == "wattle/deal/v1" {
                        entry.as_object_mut()?.remove("signatures");
                    }
                }
                Some(value)
            };
            prop_assume!(claim(&changed) != claim(&file));
            prop_assert!(!verify(&changed, Some(&anchor())).ok);
            Ok(())
        })
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_answered_with_no(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a-z]{0,200}") {
        prop_assert!(!verify(&bytes, Some(&anchor())).ok);
        prop_assert!(!verify(text.as_bytes(), None).ok);
    }
}

#[test]
fn numbers_at_the_edge_of_what_json_holds_are_answered_and_do_not_panic() {
    let file = file();
    let edges = [json!(9007199254740991i64), json!(-9007199254740991i64), json!(0), json!(-1)];
    let numbers = [
        "export_start_wh",
        "quantity_wh",
        "limit_price_micros_per_kwh",
        "cap_wh",
        "retail_micros_per_kwh",
        "feed_in_micros_per_kwh",
        "import_wh",
        "from_utility_wh",
        "filled_wh",
        "price_micros_per_kwh",
        "operator_micros_per_kwh",
        "fee_micros_per_kwh",
        "settled_wh",
        "operator_fee_micros_per_kwh",
    ];
    for edge in edges {
        for name in numbers {
            let mut value: Value = serde_json::from_slice(&file).unwrap();
            set_all(&mut value["evidence"]["entries"], name, &edge);
            assert!(!verify(&ledger::canonical_json(&value).unwrap(), None).ok);
        }
    }
}

fn set_all(value: &mut Value, name: &str, to: &Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(field, value)| {
            if field == name { *value = to.clone() } else { set_all(value, name, to) }
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| set_all(item, name, to)),
        _ => {}
    }
}
