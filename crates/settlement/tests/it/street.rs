//! Small streets for the tests, written as the JSON that a user would write.

use serde_json::{Value, json};
use settlement::{Account, Settlement, SlotInput, What, settle};

/// A street of two feeders under one substation: `feeder-1` and `feeder-2`, 10 000 micros a crossing.
pub fn areas(capacity: Option<i64>) -> Value {
    json!([
        {"id": "station", "parent": null},
        {"id": "feeder-1", "parent": "station", "fee_micros_per_kwh": 10_000, "capacity_wh": capacity},
        {"id": "feeder-2", "parent": "station", "fee_micros_per_kwh": 10_000, "capacity_wh": capacity},
    ])
}

/// A member that pays 300 000 micros retail and gets 80 000 for feeding in.
pub fn member(id: &str, area: &str, import: i64, export: i64) -> Value {
    json!({"id": id, "area": area, "import_wh": import, "export_wh": export,
        "retail_micros_per_kwh": 300_000, "feed_in_micros_per_kwh": 80_000})
}

pub fn order(id: &str, member: &str, side: &str, quantity: i64, limit: i64) -> Value {
    json!({"id": id, "member": member, "side": side, "quantity_wh": quantity, "limit_price_micros_per_kwh": limit})
}

pub fn deal(id: &str, agreed_at: &str, seller: &str, buyer: &str, cap: i64, price: i64) -> Value {
    json!({"id": id, "agreed_at": agreed_at, "seller": seller, "buyer": buyer, "cap_wh": cap,
        "price_micros_per_kwh": price})
}

pub fn slot(areas: Value, members: &[Value], deals: &[Value], orders: &[Value], operator: i64) -> Value {
    json!({"slot": "2026-06-01T12:00:00Z", "areas": areas, "members": members, "deals": deals,
        "orders": orders, "fees": {"operator_micros_per_kwh": operator}})
}

pub fn input(slot: Value) -> SlotInput {
    serde_json::from_value(slot).unwrap()
}

pub fn settled(slot: Value) -> Settlement {
    let settlement = settle(&input(slot)).unwrap();
    assert_eq!(settlement.postings.iter().map(|posting| posting.amount).sum::<units::Money>().nanos(), 0);
    settlement
}

/// Returns the nanos of one posting, zero where there is none.
pub fn nanos(settlement: &Settlement, account: &str, reference: &str, what: What) -> i64 {
    let account: Account = account.parse().unwrap();
    let same = |posting: &&settlement::Posting| {
        posting.account == account && posting.reference.as_str() == reference && posting.what == what
    };
    let found: Vec<_> = settlement.postings.iter().filter(same).collect();
    assert!(found.len() <= 1, "two postings of one account, reference and kind");
    found.first().map_or(0, |posting| posting.amount.nanos())
}
