//! The OpenAPI document is the one that the types make, and the exchange does what it says.

use std::collections::BTreeSet;

use crate::street::Street;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocols/openapi.json");
const WRITE: &str = "WATTLE_WRITE_OPENAPI";

#[test]
fn the_openapi_document_is_fresh() {
    let fresh = serde_json::to_string_pretty(&exchange_api::openapi::document()).unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(COMMITTED, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(fresh == committed, "docs/protocols/openapi.json is stale; `cargo xtask openapi` writes it anew");
}

/// Lists method and path of each operation.
fn operations() -> BTreeSet<(String, String)> {
    let document = exchange_api::openapi::document();
    let paths = document["paths"].as_object().unwrap().clone();
    let operations = paths.into_iter().flat_map(|(path, item)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().map(|it| it.to_uppercase()).collect();
        methods.into_iter().map(move |method| (method, path.clone()))
    });
    operations.collect()
}

#[test]
fn the_document_has_the_operations_of_the_page_about_the_wire() {
    let page = include_str!("../../../../docs/protocols/exchange-wire.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let told: BTreeSet<(String, String)> = rows
        .filter_map(|(operation, _)| operation.split_once(" /"))
        .map(|(method, path)| (method.to_owned(), format!("/{}", path.split('?').next().unwrap())))
        .collect();
    assert_eq!(told, operations());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = exchange_api::openapi::document();
    let text = document.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 30, "{references:?}");
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_exchange_knows_every_operation_of_the_document() {
    let street = Street::new().await;
    for (method, path) in operations() {
        let answer = crate::wire::send(&method, &format!("{}{path}", street.address), None, b"").await;
        // Without a signature, sizes, or the path of a real tile.
        let expected = match path.as_str() {
            "/v1/market" | "/v1/server-key" | "/v1/log/checkpoint" => 200,
            "/v1/log/consistency" => 400,
            "/v1/log/tile/{path}" => 404,
            _ => 401,
        };
        assert_eq!(answer.status, expected, "{method} {path}");
    }
}

/// What travels is what the document describes: its names, and no others.
#[tokio::test]
async fn an_answer_has_the_fields_of_its_schema() {
    let street = Street::new().await;
    let document = exchange_api::openapi::document();
    let info = serde_json::to_value(street.exchange.info()).unwrap();
    for (value, schema) in [(&info, "MarketInfo"), (&info["rules"], "MarketRules"), (&info["terms"], "Terms")]
    {
        let described = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        let sent: BTreeSet<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(sent, described.keys().collect(), "{schema}");
    }
}
