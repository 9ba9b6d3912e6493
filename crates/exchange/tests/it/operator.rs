//! The operator's page: who may look, what is shown, and that looking costs little.

use exchange::Role;
use exchange_api::ReadingOutcome;
use reqwest::{Client, Response, StatusCode, header, redirect};
use serde_json::{Value, json};

use crate::street::{Home, Street, slot};

const MINUTES: std::time::Duration = std::time::Duration::from_secs(600);

/// A browser, as far as the exchange sees it: it follows nothing and keeps one cookie.
struct Browser {
    client: Client,
    address: String,
    cookie: Option<String>,
}

impl Browser {
    fn at(street: &Street) -> Self {
        static INSTALL: std::sync::Once = std::sync::Once::new();
        INSTALL.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { client, address: street.address.clone(), cookie: None }
    }

    async fn signed_in(street: &Street, role: Role) -> Self {
        let mut browser = Self::at(street);
        let code = street.exchange.operator_link(role, MINUTES).await.unwrap();
        assert_eq!(location(&browser.login(&code).await), "/operator");
        browser
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.address));
        self.with_cookie(request).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: String, origin: &str) -> Response {
        let request = self
            .client
            .post(format!("{}{path}", self.address))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, origin)
            .body(body);
        self.with_cookie(request).send().await.unwrap()
    }

    fn with_cookie(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        }
    }

    async fn login(&mut self, code: &str) -> Response {
        let response = self.post("/operator/login", format!("code={code}"), &self.address).await;
        let set = response.headers().get(header::SET_COOKIE).map(|value| value.to_str().unwrap());
        self.cookie = set.map(|set| set.split(';').next().unwrap().to_owned());
        response
    }

    async fn data(&self) -> Value {
        self.data_of("").await
    }

    async fn data_of(&self, query: &str) -> Value {
        let response = self.get(&format!("/operator/data{query}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }
}

fn location(response: &Response) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[header::LOCATION].to_str().unwrap()
}

fn kinds(data: &Value) -> Vec<&str> {
    let troubles = data["troubles"].as_array().unwrap();
    troubles.iter().map(|trouble| trouble["kind"].as_str().unwrap()).collect()
}

fn trouble<'a>(data: &'a Value, kind: &str) -> &'a Value {
    let troubles = data["troubles"].as_array().unwrap();
    troubles.iter().find(|trouble| trouble["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {data}"))
}

#[tokio::test]
async fn without_a_session_nothing_is_shown() {
    let street = Street::new().await;
    let mut browser = Browser::at(&street);
    assert_eq!(location(&browser.get("/operator").await), "/operator/login");
    assert_eq!(browser.get("/operator/data").await.status(), StatusCode::UNAUTHORIZED);
    browser.cookie = Some("wattle_operator=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned());
    assert_eq!(browser.get("/operator/data").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get("/operator/login").await.status(), StatusCode::OK);
    // A member's signature is for its own data.
    let home = street.home("home-01").await;
    let url = format!("{}/operator/data", street.address);
    let message = exchange_api::http_signature::Message { method: "GET", target_uri: &url, body: b"" };
    let now = units::Clock::now(&units::SystemClock);
    let signed = exchange_api::http_signature::sign(&message, &home.key, now, 60, "nonce-of-a-member");
    let request = browser.client.get(&url).header("signature", signed.signature);
    let response = request.header("signature-input", signed.signature_input).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_link_opens_the_page_once_and_signing_out_closes_it() {
    let street = Street::new().await;
    let code = street.exchange.operator_link(Role::Auditor, MINUTES).await.unwrap();
    let mut browser = Browser::at(&street);
    let response = browser.login(&code).await;
    assert_eq!(location(&response), "/operator");
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/operator", "Max-Age="] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert_eq!(browser.get("/operator").await.status(), StatusCode::OK);
    assert_eq!(browser.data().await["role"], "auditor");
    let mut second = Browser::at(&street);
    assert_eq!(location(&second.login(&code).await), "/operator/login?refused");
    assert_eq!(location(&second.login("").await), "/operator/login?refused");
    assert_eq!(
        location(&browser.post("/operator/logout", String::new(), &street.address).await),
        "/operator/login"
    );
    assert_eq!(browser.get("/operator/data").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_link_expires_and_a_session_ends_with_the_process() {
    let street = Street::new().await;
    let old = street.exchange.operator_link(Role::Operator, std::time::Duration::ZERO).await.unwrap();
    let made = units::Clock::now(&units::SystemClock);
    while units::Clock::now(&units::SystemClock) <= made {}
    let mut browser = Browser::at(&street);
    assert_eq!(location(&browser.login(&old).await), "/operator/login?refused");
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let street = street.restart().await;
    let again = Browser { address: street.address.clone(), ..browser };
    assert_eq!(again.get("/operator/data").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_sites_can_neither_sign_in_nor_out_nor_lend_their_name() {
    let street = Street::new().await;
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let code = street.exchange.operator_link(Role::Operator, MINUTES).await.unwrap();
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        for (path, body) in [("/operator/login", format!("code={code}")), ("/operator/logout", String::new())]
        {
            let response = browser.post(path, body, origin).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{origin} {path}");
        }
    }
    let named = browser.client.get(format!("{}/operator/login", street.address));
    let response = named.header(header::HOST, "evil.example").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    // The code was not used up by them.
    assert_eq!(location(&Browser::at(&street).login(&code).await), "/operator");
    assert_eq!(browser.data().await["role"], "operator");
}

#[tokio::test]
async fn every_answer_has_the_strict_policy_and_every_file_of_the_page_is_there() {
    let street = Street::new().await;
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let mut todo = vec!["/operator".to_owned(), "/operator/login".to_owned(), "/operator/data".to_owned()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(path) = todo.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let response = browser.get(&path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        let text = response.text().await.unwrap();
        assert!(
            !text.contains("://")
                || path.ends_with(".svg")
                || path == "/operator/data"
                || path.ends_with("parts.mjs")
                || path.ends_with("chart.mjs"),
            "{path} names another site"
        );
        // What it loads and imports must be there as well.
        for (before, prefix) in [("src=\"", ""), ("href=\"", ""), ("from \"./", "/operator/files/")] {
            for rest in text.split(before).skip(1) {
                let name = format!("{prefix}{}", rest.split('"').next().unwrap());
                if name.starts_with("/operator/files/") {
                    todo.push(name);
                }
            }
        }
    }
    assert!(seen.contains("/operator/files/words.mjs") && seen.contains("/operator/files/operator.css"));
    assert_eq!(browser.get("/operator/files/../data").await.status(), StatusCode::OK);
    assert_eq!(browser.get("/operator/files/secret").await.status(), StatusCode::NOT_FOUND);
}

/// Two homes of which one sold to the other in the slot of 12:15; a third was silent.
async fn traded(street: &Street) -> [Home; 3] {
    let homes = [street.home("home-01").await, street.home("home-02").await, street.home("home-03").await];
    let at = slot("2026-06-01T12:15:00Z");
    homes[0].offer(at, 1000, 100_000).await;
    homes[1].bid(at, 1000, 200_000).await;
    street.at("2026-06-01T12:30:30Z").await;
    homes[0].report(slot("2026-06-01T12:00:00Z"), Some([0, 0, 0, 100])).await;
    homes[0].report(at, Some([0, 0, 100, 900])).await;
    homes[1].report(at, Some([0, 900, 0, 0])).await;
    homes
}

fn slot_of<'a>(data: &'a Value, start: &str) -> &'a Value {
    let slots = data["slots"].as_array().unwrap();
    slots.iter().find(|slot| slot["slot"] == start).unwrap_or_else(|| panic!("no {start}"))
}

#[tokio::test]
async fn the_day_shows_each_slot_with_its_step_prices_and_volumes() {
    let street = Street::new().await;
    let _homes = traded(&street).await;
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let data = browser.data().await;
    assert_eq!((&data["day"], &data["today"]), (&json!("2026-06-01"), &json!("2026-06-01")));
    let waiting = slot_of(&data, "2026-06-01T12:15:00Z");
    assert_eq!((&waiting["state"], &waiting["orders"]), (&json!("delivered"), &json!(2)));
    assert_eq!(waiting["next_at"], "2026-06-01T13:30:00Z");
    let area = &waiting["areas"][0];
    assert_eq!(
        (&area["is_guess"], &area["price_micros_per_kwh"], &area["sold_wh"]),
        (&json!(true), &json!(200_000), &Value::Null)
    );
    let waits = trouble(&data, "slots_wait");
    assert_eq!((&waits["slot"], &waits["slots"]), (&json!("2026-06-01T12:00:00Z"), &json!(2)));
    assert_eq!(
        (&waits["members"], &waits["until"]),
        (&json!(["home-02", "home-03"]), &json!("2026-06-01T13:15:00Z"))
    );

    street.at("2026-06-01T13:30:00Z").await;
    let data = browser.data().await;
    let settled = slot_of(&data, "2026-06-01T12:15:00Z");
    assert_eq!((&settled["state"], &settled["traded_wh"]), (&json!("settled"), &json!(800)));
    assert_eq!(
        settled["areas"][0],
        json!({ "area": "feeder-1", "price_micros_per_kwh": 200_000, "is_guess": false, "sold_wh": 800, "bought_wh": 800 })
    );
    let other = browser.data_of("?day=2026-06-02").await;
    assert_eq!((&other["day"], &other["slots"][0]["state"]), (&json!("2026-06-02"), &json!("open")));
    for wrong in ["tomorrow", "", "2026-6-1", "2026-02-30", "%2B262142-12-31", "-262143-01-01"] {
        let response = browser.get(&format!("/operator/data?day={wrong}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    for far in ["0000-01-01", "9999-12-31"] {
        assert_eq!(browser.data_of(&format!("?day={far}")).await["slots"], json!([]));
    }
}

#[tokio::test]
async fn members_show_their_meters_health_and_what_was_held() {
    let street = Street::new().await;
    let homes = traded(&street).await;
    street.invite("home-04").await;
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let health = |data: &Value| {
        let members = data["members"].as_array().unwrap();
        members.iter().map(|member| member["health"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let data = browser.data().await;
    assert_eq!(health(&data), ["fresh", "fresh", "late", "invited"]);
    assert_eq!(data["members"][0]["last"]["export_wh"], 900);
    assert_eq!(
        (&data["members"][0]["measured_slots"], &data["members"][0]["due_slots"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(kinds(&data), ["audit_old", "slots_wait", "invitation"]);

    street.at("2026-06-01T13:45:30Z").await;
    let third = slot("2026-06-01T12:30:00Z");
    let outcome = homes[0].report(third, Some([0, 0, 500, 1000])).await;
    assert!(matches!(outcome, ReadingOutcome::Held { .. }), "{outcome:?}");
    homes[1].report(slot("2026-06-01T13:30:00Z"), None).await;
    street.at("2026-06-01T13:50:30Z").await;
    let data = browser.data().await;
    assert_eq!(health(&data), ["held", "unmeasured", "silent", "invited"]);
    let held = trouble(&data, "held");
    assert_eq!(
        (&held["member"], &held["reason"], &held["count"]),
        (&json!("home-01"), &json!("reading_backwards"), &json!(1))
    );
    assert_eq!(data["members"][0]["held"][0]["slot"], "2026-06-01T12:30:00Z");

    street.exchange.revoke(homes[2].key.key_id()).await.unwrap();
    let data = browser.data().await;
    assert_eq!(data["members"][2]["health"], "no_device");
    assert!(data["members"][2]["devices"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn the_log_the_last_audit_and_the_configuration_are_told() {
    let street = Street::new().await;
    let _homes = traded(&street).await;
    let browser = Browser::signed_in(&street, Role::Auditor).await;
    let audit = street.exchange.audit().await.unwrap();
    street.exchange.note_audit(&audit).await.unwrap();
    let data = browser.data().await;
    let log = &data["log"];
    assert_eq!((&log["size"], &log["root"]), (&json!(audit.log.entries), &json!(audit.log.root)));
    assert_eq!(
        (&log["last_audit"]["fault"], &log["last_audit"]["root"]),
        (&Value::Null, &json!(audit.log.root))
    );
    assert!(
        log["signed_at"].is_string() && log["key"].as_str().unwrap().starts_with("wattle/lindenweg+"),
        "{log}"
    );
    let config = &data["config"];
    assert_eq!((&config["version"], &config["terms_version"]), (&json!(1), &json!("1")));
    assert!(!kinds(&data).contains(&"audit_old"));

    // Someone writes into the books.
    let db = rusqlite::Connection::open(street.dir().join("exchange.sqlite")).unwrap();
    db.execute("update reading set export_end_wh = 901 where member = 'home-01'", []).unwrap();
    let audit = street.exchange.audit().await.unwrap();
    street.exchange.note_audit(&audit).await.unwrap();
    let data = browser.data().await;
    let failed = trouble(&data, "audit_failed");
    assert_eq!((&failed["severity"], kinds(&data)[0]), (&json!("failed"), "audit_failed"));
    assert!(failed["fault"].as_str().unwrap().starts_with("In the log: "), "{failed}");
}

#[tokio::test]
async fn a_step_that_fails_is_told_with_its_cause_until_it_works() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T12:15:30Z").await;
    let db = rusqlite::Connection::open(street.dir().join("exchange.sqlite")).unwrap();
    db.execute_batch(
        "create trigger broken before insert on settled_member begin select raise(abort, 'the disk is gone'); end",
    )
    .unwrap();
    home.report(slot("2026-06-01T12:00:00Z"), Some([0, 1, 0, 0])).await;
    street.exchange.tick().await.unwrap_err();
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let data = browser.data().await;
    let failed = trouble(&data, "step_failed");
    assert_eq!((&failed["slot"], &failed["severity"]), (&json!("2026-06-01T12:00:00Z"), &json!("failed")));
    assert!(failed["error"].as_str().unwrap().contains("the disk is gone"), "{failed}");
    db.execute_batch("drop trigger broken").unwrap();
    street.exchange.tick().await.unwrap();
    assert!(!kinds(&browser.data().await).contains(&"step_failed"));
    // Where nothing fails and nothing moves, the page says that too.
    street.clock.set("2026-06-01T12:30:00Z".parse().unwrap());
    street.clock.set("2026-06-01T12:40:00Z".parse().unwrap());
    let data = browser.data().await;
    assert_eq!(trouble(&data, "life_stands")["severity"], "failed");
}

#[tokio::test]
async fn the_meter_of_an_area_is_read_from_the_utilitys_file_and_compared_with_its_members() {
    let street = Street::with(|config| config.areas[0].metering_point = Some("DE-STREET".to_owned())).await;
    let _homes = traded(&street).await;
    street.at("2026-06-01T13:30:00Z").await;
    let file = format!(
        "{}\nDE-STREET,2026-06-01T12:15:00Z,1000,1130,0,0\nDE-STREET,2026-06-01T12:30:00Z,1120,1150,0,0\n",
        exchange::HEADER
    );
    let rows = exchange::parse_readings(&file).unwrap();
    let import = street.exchange.import_readings(rows.clone(), "file").await.unwrap();
    assert_eq!((import.accepted, import.held.len()), (1, 1));
    let import = street.exchange.import_readings(rows, "file").await.unwrap();
    assert_eq!((import.known, import.held.len()), (1, 1));
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let data = browser.data().await;
    // Of what the third home did nothing is known: 900 in, 800 out, and the street took 130.
    assert_eq!(
        data["area_meters"],
        json!([{ "area": "feeder-1", "metering_point": "DE-STREET", "slots": 1, "meter_net_wh": 130,
                 "members_net_wh": 100, "unmeasured": 1 }])
    );
    let line = trouble(&data, "line_held");
    assert_eq!((&line["line"], &line["reason"]), (&json!(3), &json!("reading_backwards")));
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
}

#[tokio::test]
async fn new_terms_show_who_has_not_agreed_yet() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let (street, ()) = street
        .restart_after(|dir| {
            let file = dir.join("market.toml");
            let mut config = exchange::MarketConfig::load(&file).unwrap();
            config.terms.version = "2".to_owned();
            std::fs::write(&file, config.to_toml()).unwrap();
        })
        .await;
    let browser = Browser::signed_in(&street, Role::Operator).await;
    let terms = browser.data().await;
    let terms = trouble(&terms, "terms");
    assert_eq!((&terms["version"], &terms["members"]), (&json!("2"), &json!(["home-01"])));
    home.moved_to(&street).client.agree_to_terms("2").await.unwrap();
    assert!(!kinds(&browser.data().await).contains(&"terms"));
}
