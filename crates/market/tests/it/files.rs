//! Books and clearings as JSON, and the books that are refused, by the place that is wrong.

use market::{Book, Clearing, clear};
use serde_json::{Value, json};

fn valid() -> Value {
    json!({
        "slot": "2026-06-01T12:00:00Z",
        "areas": [
            {"id": "town", "parent": null},
            {"id": "east", "parent": "town", "fee_micros_per_kwh": 10, "capacity_wh": 5000},
            {"id": "west", "parent": "town", "fee_micros_per_kwh": 0, "capacity_wh": null},
        ],
        "orders": [
            {"id": "s", "area": "east", "side": "sell", "quantity_wh": 700, "limit_price_micros_per_kwh": 80_000},
            {"id": "b", "area": "west", "side": "buy", "quantity_wh": 500, "limit_price_micros_per_kwh": 250_000},
        ],
    })
}

/// Clears a book in which one place has been changed; `null` removes nothing, it is a value.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Clearing, String> {
    let mut book = valid();
    change(&mut book);
    let book: Book = serde_json::from_value(book).map_err(|error| error.to_string())?;
    clear(&book).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(place: &str, change: impl FnOnce(&mut Value)) {
    let message = changed(change).expect_err("the book is refused");
    assert!(message.contains(place), "{message:?} does not name {place:?}");
}

#[test]
fn a_clearing_has_the_shape_of_the_contract() {
    let clearing = changed(|_| {}).unwrap();
    let expected = json!({
        "slot": "2026-06-01T12:00:00Z",
        "areas": [
            {"id": "town", "price_micros_per_kwh": 80_010, "flow_to_parent_wh": 0},
            {"id": "east", "price_micros_per_kwh": 80_000, "flow_to_parent_wh": 500},
            {"id": "west", "price_micros_per_kwh": 80_010, "flow_to_parent_wh": -500},
        ],
        "fills": [{"order": "b", "filled_wh": 500}, {"order": "s", "filled_wh": 500}],
        "welfare_nanos": "84995000",
    });
    assert_eq!(serde_json::to_value(&clearing).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Clearing>(expected).unwrap(), clearing);
}

#[test]
fn a_book_comes_back_as_it_was_written() {
    let book: Book = serde_json::from_value(valid()).unwrap();
    assert_eq!(serde_json::to_value(&book).unwrap(), valid());
}

#[test]
fn trees_that_are_none_are_refused() {
    refused("root", |book| book["areas"] = json!([]));
    refused("west", |book| {
        book["areas"][2] = json!({"id": "west", "parent": null});
    });
    refused("\"east\"", |book| {
        book["areas"][1]["parent"] = json!("west");
        book["areas"][2]["parent"] = json!("east");
    });
    refused("no area is the root", |book| {
        book["areas"][0] = json!({"id": "town", "parent": "east", "fee_micros_per_kwh": 0, "capacity_wh": 0});
    });
    refused("itself", |book| book["areas"][1]["parent"] = json!("itself"));
    refused("\"east\"", |book| book["areas"][1]["parent"] = json!("east"));
    refused("\"east\" appears twice", |book| book["areas"][2]["id"] = json!("east"));
}

#[test]
fn edges_that_are_wrong_are_refused() {
    refused("\"town\" is the root", |book| book["areas"][0]["fee_micros_per_kwh"] = json!(0));
    refused("\"town\" is the root", |book| book["areas"][0]["capacity_wh"] = json!(null));
    refused("\"east\"", |book| book["areas"][1]["fee_micros_per_kwh"] = json!(-1));
    refused("\"east\"", |book| book["areas"][1]["fee_micros_per_kwh"] = json!(1_000_000_001));
    refused("\"east\" has no fee", |book| {
        book["areas"][1].as_object_mut().unwrap().remove("fee_micros_per_kwh");
    });
    refused("\"east\"", |book| book["areas"][1]["capacity_wh"] = json!(-1));
    refused("\"east\"", |book| book["areas"][1]["capacity_wh"] = json!(1i64 << 53));
    refused("\"east\" has no capacity", |book| {
        book["areas"][1].as_object_mut().unwrap().remove("capacity_wh");
    });
}

#[test]
fn orders_that_are_wrong_are_refused() {
    refused("\"nowhere\"", |book| book["orders"][0]["area"] = json!("nowhere"));
    refused("\"b\" appears twice", |book| book["orders"][0]["id"] = json!("b"));
    refused("\"s\"", |book| book["orders"][0]["quantity_wh"] = json!(-1));
    refused("\"s\"", |book| book["orders"][0]["quantity_wh"] = json!((1i64 << 40) + 1));
    refused("\"b\"", |book| book["orders"][1]["limit_price_micros_per_kwh"] = json!(1_000_000_001));
    refused("\"b\"", |book| book["orders"][1]["limit_price_micros_per_kwh"] = json!(-1_000_000_001));
    refused("add up to more", |book| {
        let order = |nr: i64| {
            json!({"id": format!("o{nr}"), "area": "west", "side": "buy",
                "quantity_wh": 1i64 << 40, "limit_price_micros_per_kwh": 0})
        };
        book["orders"] = (0..8192).map(order).collect();
    });
    refused("id", |book| book["orders"][0]["id"] = json!(""));
    refused("id", |book| book["orders"][0]["id"] = json!("x".repeat(65)));
}

#[test]
fn slots_off_the_quarter_and_unknown_fields_are_refused() {
    refused("12:01", |book| book["slot"] = json!("2026-06-01T12:01:00Z"));
    refused("colour", |book| book["colour"] = json!("green"));
    refused("colour", |book| book["areas"][0]["colour"] = json!("green"));
    refused("colour", |book| book["orders"][0]["colour"] = json!("green"));
    refused("lend", |book| book["orders"][0]["side"] = json!("lend"));
    refused("quantity_wh", |book| {
        book["orders"][0].as_object_mut().unwrap().remove("quantity_wh");
    });
}

#[test]
fn the_largest_numbers_of_a_book_are_fine() {
    let clearing = changed(|book| {
        book["areas"][1]["capacity_wh"] = json!((1i64 << 53) - 1);
        book["areas"][1]["fee_micros_per_kwh"] = json!(1_000_000_000);
        book["orders"][0]["quantity_wh"] = json!(1i64 << 40);
        book["orders"][0]["limit_price_micros_per_kwh"] = json!(-1_000_000_000);
        book["orders"][1]["quantity_wh"] = json!(1i64 << 40);
        book["orders"][1]["limit_price_micros_per_kwh"] = json!(1_000_000_000);
    });
    assert_eq!(clearing.unwrap().welfare, 1_000_000_000i128 << 40);
}
