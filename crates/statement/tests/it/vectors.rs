//! The wire's own vectors: an order as a device signs it is the order that a statement opens.

use serde_json::json;
use statement::{Body, Entry};

#[test]
fn the_order_of_the_signatures_document_has_the_same_bytes_here() {
    let document = include_str!("../../../../docs/protocols/signatures.md");
    let body = json!({"commitment": "metered", "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "limit_price_micros_per_kwh": 120000, "market": "lindenweg", "member": "home-01", "quantity_wh": 1250,
        "side": "sell", "slot": "2026-06-01T12:00:00Z"});
    let key = ledger::SigningKey::from_bytes(&[1; 32]);
    let entry = Entry {
        index: 0,
        domain: "wattle/order/v1".to_owned(),
        salt: ledger::Salt([2; 32]),
        body: body.clone(),
        signatures: Vec::new(),
    };
    let entry = entry.signed(&key).unwrap();
    assert!(document.contains(&entry.signatures[0].signature));
    assert!(document.contains(entry.signatures[0].key.as_str()));
    let Some(Ok(Body::Order(order))) = entry.read() else { panic!("it reads as an order") };
    assert_eq!(serde_json::to_value(order).unwrap(), body);
}
