//! What is not a slot is refused, and the refusal names the place.

use serde_json::{Value, json};
use settlement::{SlotInput, settle};

use crate::street::{areas, deal, member, order, slot};

const AGREED: &str = "2026-05-01T00:00:00Z";

fn valid() -> Value {
    slot(
        areas(Some(400)),
        &[member("sun", "feeder-1", 0, 1000), member("load", "feeder-2", 700, 0)],
        &[deal("d", AGREED, "sun", "load", 100, 100_000)],
        &[order("s", "sun", "sell", 1000, 90_000), order("b", "load", "buy", 700, 200_000)],
        1000,
    )
}

/// Puts a value at a JSON pointer and returns what `settle` says of it.
#[track_caller]
fn refusal(pointer: &str, value: Value) -> String {
    let mut slot = valid();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = slot.pointer_mut(parent).unwrap();
    match parent {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        _ => parent[key.parse::<usize>().unwrap()] = value,
    }
    let input: SlotInput = serde_json::from_value(slot).unwrap();
    settle(&input).expect_err(pointer).to_string()
}

#[test]
fn the_valid_slot_is_valid() {
    let input: SlotInput = serde_json::from_value(valid()).unwrap();
    settle(&input).unwrap();
}

#[test]
fn areas_must_form_a_tree_with_fees_and_capacities() {
    let cases = [
        ("/areas/0/parent", json!("feeder-1"), "areas: no area is the root"),
        ("/areas/1/parent", json!(null), "areas[1] \"feeder-1\", parent: a second root"),
        ("/areas/1/parent", json!("feeder-1"), "areas[1] \"feeder-1\", parent: a cycle"),
        ("/areas/1/parent", json!("moon"), "areas[1] \"feeder-1\", parent: no area has the id \"moon\""),
        ("/areas/2/id", json!("feeder-1"), "areas[2]: the id \"feeder-1\" is taken"),
        ("/areas/0/fee_micros_per_kwh", json!(0), "areas[0] \"station\", fee_micros_per_kwh: the root"),
        ("/areas/0/capacity_wh", json!(null), "areas[0] \"station\", capacity_wh: the root"),
        ("/areas/1/fee_micros_per_kwh", json!(null), "areas[1] \"feeder-1\", fee_micros_per_kwh: missing"),
        (
            "/areas/1/fee_micros_per_kwh",
            json!(-1),
            "areas[1] \"feeder-1\", fee_micros_per_kwh: -1 is negative",
        ),
        ("/areas/1/fee_micros_per_kwh", json!(1_000_000_001), "fee_micros_per_kwh: 1000000001 is too large"),
        ("/areas/1/capacity_wh", json!(-1), "areas[1] \"feeder-1\", capacity_wh: -1 is negative"),
        ("/areas/1/capacity_wh", json!(1i64 << 53), "capacity_wh: 9007199254740992 is too large"),
    ];
    for (pointer, value, expected) in cases {
        let refusal = refusal(pointer, value);
        assert!(refusal.contains(expected), "{pointer}: {refusal}");
    }
}

#[test]
fn a_capacity_that_is_not_mentioned_is_missing() {
    let mut slot = valid();
    slot["areas"][1].as_object_mut().unwrap().remove("capacity_wh");
    let input: SlotInput = serde_json::from_value(slot).unwrap();
    let refusal = settle(&input).unwrap_err().to_string();
    assert!(refusal.contains("areas[1] \"feeder-1\", capacity_wh: missing"), "{refusal}");
}

#[test]
fn ids_are_known_and_of_one_name_space() {
    let cases = [
        ("/members/0/area", json!("moon"), "members[0] \"sun\", area: no area has the id \"moon\""),
        ("/members/1/id", json!("sun"), "members[1] \"sun\", id: the id \"sun\" is taken"),
        ("/deals/0/id", json!("sun"), "deals[0] \"sun\", id: the id \"sun\" is taken"),
        ("/orders/0/id", json!("d"), "orders[0] \"d\", id: the id \"d\" is taken"),
        ("/orders/1/id", json!("s"), "orders[1] \"s\", id: the id \"s\" is taken"),
        ("/orders/1/member", json!("s"), "orders[1] \"b\", member: no member has the id \"s\""),
        ("/deals/0/seller", json!("nobody"), "deals[0] \"d\", seller: no member"),
        ("/deals/0/buyer", json!("nobody"), "deals[0] \"d\", buyer: no member"),
        ("/deals/0/buyer", json!("sun"), "deals[0] \"d\", buyer: seller and buyer are both \"sun\""),
    ];
    for (pointer, value, expected) in cases {
        let refusal = refusal(pointer, value);
        assert!(refusal.contains(expected), "{pointer}: {refusal}");
    }
}

#[test]
fn numbers_are_within_bounds() {
    let cases = [
        ("/members/0/import_wh", json!(-1), "members[0] \"sun\", import_wh: -1 is negative"),
        ("/members/0/export_wh", json!(1i64 << 53), "export_wh: 9007199254740992 is too large"),
        ("/members/1/import_wh", json!((1i64 << 53) + 1), "is too large"),
        ("/members/0/retail_micros_per_kwh", json!(-1_000_000_001), "retail_micros_per_kwh: -1000000001"),
        ("/members/0/feed_in_micros_per_kwh", json!(1_000_000_001), "feed_in_micros_per_kwh"),
        ("/orders/0/quantity_wh", json!((1i64 << 40) + 1), "orders[0] \"s\", quantity_wh: 1099511627777"),
        ("/orders/0/quantity_wh", json!(-1), "orders[0] \"s\", quantity_wh: -1 is negative"),
        ("/orders/0/limit_price_micros_per_kwh", json!(i64::MIN), "limit_price_micros_per_kwh"),
        ("/deals/0/cap_wh", json!((1i64 << 40) + 1), "deals[0] \"d\", cap_wh"),
        ("/deals/0/price_micros_per_kwh", json!(1_000_000_001), "deals[0] \"d\", price_micros_per_kwh"),
        ("/fees/operator_micros_per_kwh", json!(-1), "fees.operator_micros_per_kwh: -1 is negative"),
    ];
    for (pointer, value, expected) in cases {
        let refusal = refusal(pointer, value);
        assert!(refusal.contains(expected), "{pointer}: {refusal}");
    }
}

#[test]
fn sums_are_within_bounds() {
    let half = json!(1i64 << 52);
    let mut slot = valid();
    slot["members"][0]["export_wh"] = half.clone();
    slot["members"][1]["export_wh"] = half;
    let input: SlotInput = serde_json::from_value(slot).unwrap();
    let refusal = settle(&input).unwrap_err().to_string();
    assert!(refusal.starts_with("members, export_wh, summed: 9007199254740992 is too large"), "{refusal}");
}

#[test]
fn an_amount_beyond_an_account_is_refused_with_its_place() {
    let refusal = refusal("/members/1/import_wh", json!((1i64 << 53) - 1));
    assert!(refusal.contains("the retail of \"load\" for member:load"), "{refusal}");
}

#[test]
fn an_unaligned_slot_and_an_unknown_field_are_no_input() {
    for (pointer, value) in [("slot", json!("2026-06-01T12:01:00Z")), ("sloth", json!(1))] {
        let mut slot = valid();
        slot[pointer] = value;
        assert!(serde_json::from_value::<SlotInput>(slot).is_err(), "{pointer}");
    }
}
