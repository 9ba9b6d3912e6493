//! `wattle market` on files: what it answers, and every file that it refuses.

use serde_json::{Value, json};

use crate::files::Files;
use crate::program::{Said, run};

/// Two feeders below a station. East sells 4 kWh, west buys 7; the line from the east carries 3 kWh.
fn book() -> Value {
    json!({
        "slot": "2026-06-01T12:00:00Z",
        "areas": [
            {"id": "station", "parent": null},
            {"id": "east", "parent": "station", "fee_micros_per_kwh": 10_000, "capacity_wh": 3000},
            {"id": "west", "parent": "station", "fee_micros_per_kwh": 0, "capacity_wh": null},
        ],
        "orders": [
            {"id": "b1", "area": "west", "side": "buy", "quantity_wh": 5000, "limit_price_micros_per_kwh": 300_000},
            {"id": "b2", "area": "west", "side": "buy", "quantity_wh": 2000, "limit_price_micros_per_kwh": 250_000},
            {"id": "s1", "area": "east", "side": "sell", "quantity_wh": 4000, "limit_price_micros_per_kwh": 100_000},
        ]
    })
}

/// A roof that exports and a flat that imports, a deal between them, and orders for the rest.
fn slot() -> Value {
    let contract = |mut member: Value| {
        member["retail_micros_per_kwh"] = json!(320_000);
        member["feed_in_micros_per_kwh"] = json!(80_000);
        member
    };
    json!({
        "slot": "2026-06-01T12:00:00Z",
        "areas": [{"id": "street", "parent": null}],
        "members": [
            contract(json!({"id": "flat", "area": "street", "import_wh": 900, "export_wh": 0})),
            contract(json!({"id": "roof", "area": "street", "import_wh": 0, "export_wh": 1000})),
        ],
        "deals": [{"id": "deal", "agreed_at": "2026-05-01T00:00:00Z", "seller": "roof", "buyer": "flat",
                   "cap_wh": 400, "price_micros_per_kwh": 150_000}],
        "orders": [
            {"id": "buy", "member": "flat", "side": "buy", "quantity_wh": 600, "limit_price_micros_per_kwh": 300_000},
            {"id": "sell", "member": "roof", "side": "sell", "quantity_wh": 2000, "limit_price_micros_per_kwh": 100_000},
        ],
        "fees": {"operator_micros_per_kwh": 2000}
    })
}

fn market(command: &str, inputs: &[&Value], more: &[&str]) -> Said {
    let files = Files::new();
    let paths: Vec<String> =
        inputs.iter().enumerate().map(|(index, input)| files.json(&format!("{index}.json"), input)).collect();
    let arguments = ["market", command].into_iter().chain(paths.iter().map(String::as_str));
    run(&arguments.chain(more.iter().copied()).collect::<Vec<_>>())
}

fn clear(book: &Value) -> Value {
    let said = market("clear", &[book], &[]);
    assert_eq!((said.status, said.error.as_str(), said.lines.len()), (0, "", 1));
    said.lines[0].clone()
}

#[test]
fn a_book_is_cleared_at_one_price_an_area() {
    let clearing = clear(&book());
    let expected = json!({
        "slot": "2026-06-01T12:00:00Z",
        // The line is full: the east stops at its partly filled seller, the west at its partly filled buyer.
        "areas": [
            {"id": "station", "price_micros_per_kwh": 300_000, "flow_to_parent_wh": 0},
            {"id": "east", "price_micros_per_kwh": 100_000, "flow_to_parent_wh": 3000},
            {"id": "west", "price_micros_per_kwh": 300_000, "flow_to_parent_wh": -3000},
        ],
        "fills": [{"order": "b1", "filled_wh": 3000}, {"order": "s1", "filled_wh": 3000}],
        // 3000 Wh x (300,000 - 100,000 - 10,000) micros a kWh.
        "welfare_nanos": "570000000"
    });
    assert_eq!(clearing, expected);
    assert_eq!(market("clear", &[&book()], &["--json"]).lines, [expected]);
}

#[test]
fn two_sellers_of_3000_and_7000_serve_two_buyers_of_5000() {
    let order = |id: &str, side: &str, quantity: u64, limit: u64| json!({"id": id, "area": "street", "side": side, "quantity_wh": quantity, "limit_price_micros_per_kwh": limit});
    let book = json!({
        "slot": "2026-06-01T12:00:00Z",
        "areas": [{"id": "street", "parent": null}],
        "orders": [
            order("s-3000", "sell", 3000, 100_000), order("s-7000", "sell", 7000, 100_000),
            order("b-1", "buy", 5000, 300_000), order("b-2", "buy", 5000, 300_000),
        ]
    });
    let clearing = clear(&book);
    assert_eq!(
        clearing["fills"],
        json!([
            {"order": "b-1", "filled_wh": 5000}, {"order": "b-2", "filled_wh": 5000},
            {"order": "s-3000", "filled_wh": 3000}, {"order": "s-7000", "filled_wh": 7000},
        ])
    );
    assert_eq!(clearing["areas"][0]["price_micros_per_kwh"], 200_000, "the middle of what supports it");
    assert_eq!(clearing["welfare_nanos"], "2000000000");
    assert_eq!(market("verify", &[&book, &clearing], &["--json"]).lines, [json!({"ok": true})]);
}

#[test]
fn a_right_clearing_is_verified_and_a_wrong_one_is_told_by_its_rule() {
    let (book, right) = (book(), clear(&book()));
    let said = market("verify", &[&book, &right], &["--json"]);
    assert_eq!((said.status, said.lines), (0, vec![json!({"ok": true})]));
    let wrong = |change: fn(&mut Value)| {
        let mut clearing = right.clone();
        change(&mut clearing);
        clearing
    };
    for (rule, clearing) in [
        ("bounds", wrong(|clearing| clearing["slot"] = json!("2026-06-01T12:15:00Z"))),
        ("bounds", wrong(|clearing| clearing["fills"][0]["order"] = json!("b0"))),
        ("balance", wrong(|clearing| clearing["fills"][0]["filled_wh"] = json!(2999))),
        ("limit", wrong(|clearing| clearing["areas"][2]["price_micros_per_kwh"] = json!(300_001))),
        ("unfilled", wrong(|clearing| clearing["areas"][1]["price_micros_per_kwh"] = json!(100_001))),
        ("welfare", wrong(|clearing| clearing["welfare_nanos"] = json!("570000001"))),
    ] {
        let said = market("verify", &[&book, &clearing], &["--json"]);
        assert_eq!((said.status, said.error.as_str()), (1, ""), "{rule}");
        assert_eq!((&said.lines[0]["ok"], &said.lines[0]["rule"]), (&json!(false), &json!(rule)));
        assert!(said.lines[0]["where"].is_string());
    }
}

#[test]
fn an_order_is_explained() {
    let (book, clearing) = (book(), clear(&book()));
    let said = market("explain", &[&book, &clearing], &["--order", "b2", "--json"]);
    let explanation = &said.lines[0];
    assert_eq!((said.status, &explanation["order"], &explanation["filled_wh"]), (0, &json!("b2"), &json!(0)));
    assert_eq!(explanation["price_micros_per_kwh"], 300_000);
    assert_eq!(explanation["marginal"], "buyer");
    let would_fill = explanation["would_fill"].as_array().unwrap();
    let at = |limit: u64| {
        would_fill.iter().find(|other| other["limit_price_micros_per_kwh"] == limit).unwrap()["filled_wh"]
            .clone()
    };
    assert_eq!(
        (at(249_999), at(250_001), at(299_999), at(300_001)),
        (json!(0), json!(0), json!(0), json!(2000))
    );
    let said = market("explain", &[&book, &clearing], &["--order", "nobody", "--json"]);
    assert_eq!(said.status, 2);
    assert!(said.told_error()["message"].as_str().unwrap().contains("nobody"));
}

#[test]
fn a_slot_is_settled_to_postings_that_sum_to_zero() {
    let said = market("settle", &[&slot()], &[]);
    assert_eq!((said.status, said.error.as_str(), said.lines.len()), (0, "", 1));
    let settled = &said.lines[0];
    assert_eq!(settled["deals"], json!([{"id": "deal", "settled_wh": 400, "grid_fee_nanos": "0"}]));
    assert_eq!(
        settled["clearing"]["fills"],
        json!([{"order": "buy", "filled_wh": 500}, {"order": "sell", "filled_wh": 500}])
    );
    assert_eq!(
        settled["residual"],
        json!([
            {"member": "flat", "import_wh": 0, "export_wh": 0},
            {"member": "roof", "import_wh": 0, "export_wh": 100},
        ])
    );
    let postings = settled["postings"].as_array().unwrap();
    let nanos = |posting: &Value| posting["nanos"].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(postings.iter().map(nanos).sum::<i64>(), 0);
    assert!(postings.iter().all(|posting| nanos(posting) != 0));
    let key =
        |posting: &Value| ["account", "for", "what"].map(|field| posting[field].as_str().unwrap().to_owned());
    assert!(postings.is_sorted_by(|one, other| key(one) < key(other)), "sorted, at most one of a kind");
    // 400 Wh at 0.15, and half of 0.002 a kWh on the 900 that were traded.
    let of = |account: &str, reference: &str, what: &str| {
        let found = |posting: &&Value| key(posting) == [account, reference, what];
        nanos(postings.iter().find(found).unwrap())
    };
    assert_eq!(of("member:roof", "deal", "energy"), 60_000_000);
    assert_eq!(of("operator", "deal", "operator_fee"), 800_000);
    assert_eq!(of("member:roof", "roof", "feed_in"), 8_000_000);
    assert_eq!(market("settle", &[&slot()], &["--json"]).lines, said.lines);
}

/// Runs a command on a file that must be refused with a sentence that contains `part`.
#[track_caller]
fn refused(command: &str, input: &Value, part: &str) {
    let said = market(command, &[input], &["--json"]);
    let error = said.told_error();
    assert_eq!((said.status, said.lines.len(), &error["code"]), (2, 0, &json!("unusable_file")), "{input}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("0.json") && message.contains(part), "\"{part}\" in: {message}");
}

/// A change that makes a file unusable, and what the sentence must name.
type Fault = (&'static str, fn(&mut Value));

/// What areas may get wrong, in a book and in a slot alike; both have an area "street" or "station" first.
const AREA_FAULTS: &[Fault] = &[
    ("root", |file| file["areas"] = json!([])),
    ("root", |file| {
        let id = file["areas"][0]["id"].clone();
        file["areas"] = json!([
            {"id": id, "parent": "a", "fee_micros_per_kwh": 0, "capacity_wh": null},
            {"id": "a", "parent": id, "fee_micros_per_kwh": 0, "capacity_wh": null},
        ]);
    }),
    ("second", |file| push_area(file, json!({"id": "second", "parent": null}))),
    ("loop", |file| push_area(file, area("loop", "loop"))),
    ("first", |file| {
        push_area(file, area("first", "last"));
        push_area(file, area("last", "first"));
    }),
    ("nowhere", |file| push_area(file, area("lost", "nowhere"))),
    ("twin", |file| {
        let root = file["areas"][0]["id"].as_str().unwrap().to_owned();
        push_area(file, area("twin", &root));
        push_area(file, area("twin", &root));
    }),
    ("fee", |file| file["areas"][0]["fee_micros_per_kwh"] = json!(0)),
    ("capacity", |file| file["areas"][0]["capacity_wh"] = json!(null)),
    ("capacity", |file| file["areas"][0]["capacity_wh"] = json!(1)),
    ("leaf", |file| push_leaf(file, "fee_micros_per_kwh", json!(-1))),
    ("leaf", |file| push_leaf(file, "fee_micros_per_kwh", json!(1_000_000_001))),
    ("leaf", |file| push_leaf(file, "fee_micros_per_kwh", Value::Null)),
    ("leaf", |file| push_leaf(file, "capacity_wh", json!(-1))),
    ("leaf", |file| push_leaf(file, "capacity_wh", json!(9_007_199_254_740_992u64))),
    ("leaf", |file| leave_out(file, "fee_micros_per_kwh")),
    ("leaf", |file| leave_out(file, "capacity_wh")),
    ("parent", |file| leave_out(file, "parent")),
    ("capacity_mwh", |file| push_leaf(file, "capacity_mwh", json!(1))),
    ("line", |file| push_leaf(file, "capacity_wh", json!(1.5))),
    ("id", |file| push_leaf(file, "id", json!(""))),
    ("id", |file| push_leaf(file, "id", json!("x".repeat(65)))),
    ("12:01", |file| file["slot"] = json!("2026-06-01T12:01:00Z")),
    ("12:00:00.5", |file| file["slot"] = json!("2026-06-01T12:00:00.500Z")),
    ("noon", |file| file["slot"] = json!("noon")),
    ("missing field", |file| drop(file.as_object_mut().unwrap().remove("slot"))),
    ("comment", |file| file["comment"] = json!("x")),
];

fn area(id: &str, parent: &str) -> Value {
    json!({"id": id, "parent": parent, "fee_micros_per_kwh": 0, "capacity_wh": null})
}

fn push_area(file: &mut Value, area: Value) {
    file["areas"].as_array_mut().unwrap().push(area);
}

/// Adds an area "leaf" below the root with one field changed.
fn push_leaf(file: &mut Value, field: &str, value: Value) {
    let mut leaf = area("leaf", file["areas"][0]["id"].as_str().unwrap());
    leaf[field] = value;
    push_area(file, leaf);
}

fn leave_out(file: &mut Value, field: &str) {
    push_leaf(file, "id", json!("leaf"));
    let last = file["areas"].as_array().unwrap().len() - 1;
    drop(file["areas"][last].as_object_mut().unwrap().remove(field));
}

const BOOK_FAULTS: &[Fault] = &[
    ("\"b1\"", |book| book["orders"][1]["id"] = json!("b1")),
    ("nowhere", |book| book["orders"][0]["area"] = json!("nowhere")),
    ("\"b1\"", |book| book["orders"][0]["quantity_wh"] = json!(-1)),
    ("\"b1\"", |book| book["orders"][0]["quantity_wh"] = json!((1u64 << 40) + 1)),
    ("line", |book| book["orders"][0]["quantity_wh"] = json!(0.5)),
    ("line", |book| book["orders"][0]["quantity_wh"] = json!("5000")),
    ("\"b1\"", |book| book["orders"][0]["limit_price_micros_per_kwh"] = json!(1_000_000_001)),
    ("\"s1\"", |book| book["orders"][2]["limit_price_micros_per_kwh"] = json!(-1_000_000_001)),
    ("hold", |book| book["orders"][0]["side"] = json!("hold")),
    ("limit", |book| book["orders"][0]["limit"] = json!(1)),
    ("missing field", |book| drop(book["orders"][0].as_object_mut().unwrap().remove("area"))),
    ("more than", |book| {
        // 8192 times 2^40 is 2^53.
        let order = |number: usize| {
            json!({"id": number.to_string(), "area": "west", "side": "buy", "quantity_wh": 1u64 << 40,
                   "limit_price_micros_per_kwh": 1})
        };
        book["orders"] = (0..8192).map(order).collect();
    }),
];

#[test]
fn a_book_that_cannot_be_cleared_is_refused_by_its_place() {
    for (part, fault) in AREA_FAULTS.iter().chain(BOOK_FAULTS) {
        let mut book = book();
        fault(&mut book);
        refused("clear", &book, part);
    }
}

const SLOT_FAULTS: &[Fault] = &[
    ("\"flat\"", |slot| slot["members"][1]["id"] = json!("flat")),
    ("\"flat\"", |slot| slot["deals"][0]["id"] = json!("flat")),
    ("\"deal\"", |slot| slot["orders"][0]["id"] = json!("deal")),
    ("nowhere", |slot| slot["members"][0]["area"] = json!("nowhere")),
    ("nobody", |slot| slot["orders"][0]["member"] = json!("nobody")),
    ("nobody", |slot| slot["deals"][0]["seller"] = json!("nobody")),
    ("flat", |slot| slot["deals"][0]["seller"] = json!("flat")),
    ("cap_wh", |slot| slot["deals"][0]["cap_wh"] = json!(-1)),
    ("cap_wh", |slot| slot["deals"][0]["cap_wh"] = json!((1u64 << 40) + 1)),
    ("price_micros", |slot| slot["deals"][0]["price_micros_per_kwh"] = json!(-1_000_000_001)),
    ("2026-05", |slot| slot["deals"][0]["agreed_at"] = json!("2026-05")),
    ("import_wh", |slot| slot["members"][0]["import_wh"] = json!(-1)),
    ("export_wh", |slot| slot["members"][1]["export_wh"] = json!(9_007_199_254_740_992u64)),
    ("import_wh", |slot| {
        slot["members"][0]["import_wh"] = json!(9_007_199_254_740_991u64);
        slot["members"][1]["import_wh"] = json!(1);
    }),
    ("retail", |slot| slot["members"][0]["retail_micros_per_kwh"] = json!(1_000_000_001)),
    ("feed_in", |slot| slot["members"][0]["feed_in_micros_per_kwh"] = json!(-1_000_000_001)),
    ("quantity_wh", |slot| slot["orders"][0]["quantity_wh"] = json!(-1)),
    ("quantity_wh", |slot| slot["orders"][0]["quantity_wh"] = json!((1u64 << 40) + 1)),
    ("limit_price", |slot| slot["orders"][0]["limit_price_micros_per_kwh"] = json!(1_000_000_001)),
    ("operator", |slot| slot["fees"]["operator_micros_per_kwh"] = json!(-1)),
    ("tax", |slot| slot["fees"]["tax"] = json!(1)),
    ("area", |slot| slot["orders"][0]["area"] = json!("street")),
    ("missing field", |slot| drop(slot.as_object_mut().unwrap().remove("fees"))),
];

#[test]
fn a_slot_that_cannot_be_settled_is_refused_by_its_place() {
    for (part, fault) in AREA_FAULTS.iter().chain(SLOT_FAULTS) {
        let mut slot = slot();
        fault(&mut slot);
        refused("settle", &slot, part);
    }
}

#[test]
fn a_malformed_clearing_is_refused_not_judged() {
    let faults: &[Fault] = &[
        ("missing field", |clearing| drop(clearing.as_object_mut().unwrap().remove("welfare_nanos"))),
        ("invalid type", |clearing| clearing["welfare_nanos"] = json!(570_000_000)),
        ("whole number", |clearing| clearing["welfare_nanos"] = json!("57e7")),
        ("price", |clearing| {
            drop(clearing["areas"][0].as_object_mut().unwrap().remove("price_micros_per_kwh"))
        }),
        ("note", |clearing| clearing["fills"][0]["note"] = json!("x")),
        ("invalid", |clearing| clearing["fills"][0]["filled_wh"] = json!(0.5)),
        ("invalid", |clearing| clearing["fills"] = json!({})),
        ("array", |clearing| *clearing = json!([])),
    ];
    for (part, fault) in faults {
        let (book, mut clearing) = (book(), clear(&book()));
        fault(&mut clearing);
        for more in [&["--json"][..], &["--json", "--order", "b1"]] {
            let command = if more.len() == 1 { "verify" } else { "explain" };
            let said = market(command, &[&book, &clearing], more);
            assert_eq!((said.status, said.lines.len()), (2, 0), "{clearing}");
            let message = said.told_error()["message"].as_str().unwrap().to_owned();
            assert!(message.contains("1.json") && message.contains(part), "\"{part}\" in: {message}");
        }
    }
}

#[test]
fn a_file_is_one_json_object_and_each_field_stands_there_once() {
    let files = Files::new();
    let text = book().to_string();
    for (name, content) in [
        ("garbage after it", format!("{text} x")),
        ("two of them", format!("{text}{text}")),
        ("a field twice", text.replacen("{\"areas\"", "{\"slot\":\"2026-06-01T12:00:00Z\",\"areas\"", 1)),
        ("a field of an area twice", text.replacen("\"parent\":null", "\"parent\":null,\"parent\":null", 1)),
        ("cut short", text[..text.len() - 1].to_owned()),
        ("nothing", String::new()),
        ("no JSON", "slot: 2026".to_owned()),
        ("an array", format!("[{text}]")),
    ] {
        assert_ne!(content, text, "{name}");
        let path = files.text("book.json", &content);
        let said = run(&["market", "clear", &path, "--json"]);
        assert_eq!(
            (said.status, said.lines.len(), &said.told_error()["code"]),
            (2, 0, &json!("unusable_file")),
            "{name}"
        );
    }
    std::fs::write(files.path("book.json"), [0xff, 0xfe]).unwrap();
    let path = files.path("book.json");
    for path in [path.to_str().unwrap(), files.path("absent.json").to_str().unwrap()] {
        assert_eq!(run(&["market", "clear", path, "--json"]).status, 2, "{path}");
    }
}

#[test]
fn an_error_is_a_sentence_for_people() {
    let said = market("clear", &[&json!({})], &[]);
    assert_eq!((said.status, said.lines.len()), (2, 0));
    assert!(said.error.contains("cannot be used: missing field `slot`"), "{}", said.error);
}
