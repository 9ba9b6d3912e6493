//! The wire: what is not signed, timely, new and small is refused.

use std::sync::Arc;

use exchange_api::http_signature::{self, Headers, Message};
use exchange_api::{Client, ClientSettings, DeviceKey, Problem, ProblemCode, paths};
use units::{ManualClock, SystemClock, Timestamp};

use crate::street::{Home, NowPlus as _, Street, slot};

pub struct Answer {
    pub status: u16,
    pub code: Option<ProblemCode>,
    pub content_type: String,
    pub body: String,
}

fn http() -> reqwest::Client {
    // The process needs a TLS provider even where only HTTP is spoken.
    static INSTALL: std::sync::Once = std::sync::Once::new();
    INSTALL.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub async fn send(method: &str, url: &str, headers: Option<&Headers>, body: &[u8]) -> Answer {
    let mut request = http().request(method.parse().unwrap(), url).body(body.to_vec());
    if let Some(headers) = headers {
        request = request
            .header(http_signature::CONTENT_DIGEST, &headers.content_digest)
            .header(http_signature::SIGNATURE_INPUT, &headers.signature_input)
            .header(http_signature::SIGNATURE, &headers.signature);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let content_type =
        response.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = response.text().await.unwrap();
    let code = serde_json::from_str::<Problem>(&body).ok().map(|problem| problem.code);
    Answer { status, code, content_type, body }
}

fn sign_at(key: &DeviceKey, method: &str, url: &str, body: &[u8], created: Timestamp) -> Headers {
    let message = Message { method, target_uri: url, body };
    http_signature::sign(&message, key, created, 60, &http_signature::new_nonce().unwrap())
}

pub fn sign(home: &Home, method: &str, url: &str, body: &[u8]) -> Headers {
    sign_at(&home.key, method, url, body, SystemClock::now_plus(0))
}

/// Posts a body signed by a home.
pub async fn post(home: &Home, address: &str, path: &str, body: &[u8]) -> Answer {
    let url = format!("{address}{path}");
    send("POST", &url, Some(&sign(home, "POST", &url, body)), body).await
}

#[tokio::test]
async fn every_path_but_the_markets_wants_a_signature() {
    let street = Street::new().await;
    for (method, path) in [
        ("POST", paths::MEMBERS),
        ("GET", paths::ME),
        ("PUT", paths::CONTRACT),
        ("PUT", paths::TERMS),
        ("POST", paths::ORDERS),
        ("GET", paths::ORDERS),
        ("POST", paths::CANCEL),
        ("POST", paths::DEALS),
        ("GET", paths::DEALS),
        ("POST", paths::ACCEPT_DEAL),
        ("POST", paths::END_DEAL),
        ("POST", paths::READINGS),
        ("GET", paths::SLOTS),
        ("GET", paths::SETTLEMENTS),
        ("GET", paths::EVENTS),
    ] {
        let answer = send(method, &format!("{}{path}", street.address), None, b"").await;
        assert_eq!((answer.status, answer.code), (401, Some(ProblemCode::Unsigned)), "{method} {path}");
        assert_eq!(answer.content_type, "application/problem+json");
    }
    assert_eq!(send("GET", &format!("{}/v1/market", street.address), None, b"").await.status, 200);
    let nowhere = send("GET", &format!("{}/v1/nowhere", street.address), None, b"").await;
    assert_eq!((nowhere.status, nowhere.code), (404, Some(ProblemCode::NotFound)));
    let wrong_method = send("DELETE", &format!("{}/v1/orders", street.address), None, b"").await;
    assert_eq!(wrong_method.code, Some(ProblemCode::NotFound));
}

#[tokio::test]
async fn a_request_is_taken_once_also_across_a_restart() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let url = format!("{}/v1/me", street.address);
    let headers = sign(&home, "GET", &url, b"");
    assert_eq!(send("GET", &url, Some(&headers), b"").await.status, 200);
    let again = send("GET", &url, Some(&headers), b"").await;
    assert_eq!((again.status, again.code), (401, Some(ProblemCode::Replayed)));
    // The exchange comes back on another port, and a request to "localhost" of that port is built by
    // the client before; what stays is the nonce.
    let street = street.restart().await;
    let nonce = http_signature::claims(&headers).unwrap().nonce;
    let url = format!("{}/v1/me", street.address);
    let message = Message { method: "GET", target_uri: &url, body: b"" };
    let same_nonce = http_signature::sign(&message, &home.key, SystemClock::now_plus(0), 60, &nonce);
    assert_eq!(send("GET", &url, Some(&same_nonce), b"").await.code, Some(ProblemCode::Replayed));
}

#[tokio::test]
async fn a_request_changed_on_its_way_is_refused() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let url = format!("{}/v1/orders/cancel", street.address);
    // A salt of 32 zero bytes.
    let all = format!("{{\"orders\":\"all\",\"salt\":\"{}\"}}", "A".repeat(43));
    let all = all.as_bytes();
    let good = sign(&home, "POST", &url, all);
    let body = send("POST", &url, Some(&good), b"{\"ids\":[]}").await;
    assert_eq!((body.status, body.code), (401, Some(ProblemCode::BadSignature)));
    let query = send("POST", &format!("{url}?x=1"), Some(&good), all).await;
    assert_eq!(query.code, Some(ProblemCode::BadSignature));
    let digest = Headers { content_digest: http_signature::content_digest(b"{\"ids\":[]}"), ..good.clone() };
    assert_eq!(
        send("POST", &url, Some(&digest), b"{\"ids\":[]}").await.code,
        Some(ProblemCode::BadSignature)
    );
    let other = street.home("home-02").await;
    let renamed = good.signature_input.replace(home.key.key_id().as_str(), other.key.key_id().as_str());
    let stolen = Headers { signature_input: renamed, ..good.clone() };
    assert_eq!(send("POST", &url, Some(&stolen), all).await.code, Some(ProblemCode::BadSignature));
    // None of this used the nonce up.
    assert_eq!(send("POST", &url, Some(&good), all).await.status, 200);
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_both_times() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let url = format!("{}/v1/me", street.address);
    for offset in [-130, 130] {
        let created = SystemClock::now_plus(offset);
        let headers = sign_at(&home.key, "GET", &url, b"", created);
        let answer = send("GET", &url, Some(&headers), b"").await;
        assert_eq!((answer.status, answer.code), (401, Some(ProblemCode::ClockOff)));
        let whole = Timestamp::from_seconds(created.seconds());
        assert!(answer.body.contains(&whole.to_string()), "{}", answer.body);
    }
    let settings = ClientSettings {
        clock: Arc::new(ManualClock::at(SystemClock::now_plus(-600))),
        retries: 0,
        ..ClientSettings::default()
    };
    let slow = Client::new(&street.address, home.key.clone(), settings).unwrap();
    assert_eq!(slow.me().await.unwrap_err().code(), Some(ProblemCode::ClockOff));
    // Within the tolerance, but past its own end.
    let expired = sign_at(&home.key, "GET", &url, b"", SystemClock::now_plus(-100));
    assert_eq!(send("GET", &url, Some(&expired), b"").await.code, Some(ProblemCode::ClockOff));
    let message = Message { method: "GET", target_uri: &url, body: b"" };
    let endless = http_signature::sign(&message, &home.key, SystemClock::now_plus(0), 86_400, "n");
    assert_eq!(send("GET", &url, Some(&endless), b"").await.code, Some(ProblemCode::BadSignature));
}

#[tokio::test]
async fn a_body_is_understood_wholly_or_refused() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    for (path, body) in [
        ("/v1/orders", "{"),
        ("/v1/orders", "{\"orders\":[],\"extra\":1}"),
        ("/v1/orders", "{\"orders\":[{}]}"),
        ("/v1/readings", "[]"),
        ("/v1/orders/cancel", "\"some\""),
        ("/v1/orders/cancel", "{\"orders\":\"all\"}"),
        ("/v1/orders/cancel", "{\"orders\":\"all\",\"salt\":\"AAAA\"}"),
    ] {
        let answer = post(&home, &street.address, path, body.as_bytes()).await;
        assert_eq!((answer.status, answer.code), (400, Some(ProblemCode::BadRequest)), "{path} {body}");
    }
    let large = vec![b' '; paths::MAX_BODY_BYTES + 1];
    let answer = post(&home, &street.address, "/v1/orders", &large).await;
    assert_eq!((answer.status, answer.code), (413, Some(ProblemCode::TooLarge)));
    let many: Vec<String> = (0..97).map(|_| format!("\"{}\"", exchange_api::new_order_id())).collect();
    let salt = "A".repeat(43);
    let body = format!("{{\"orders\":{{\"ids\":[{}]}},\"salt\":\"{salt}\"}}", many.join(","));
    let answer = post(&home, &street.address, "/v1/orders/cancel", body.as_bytes()).await;
    assert_eq!(answer.code, Some(ProblemCode::TooLarge));
    let backwards = home.client.slots(slot("2026-06-01T12:15:00Z"), slot("2026-06-01T12:00:00Z")).await;
    assert_eq!(backwards.unwrap_err().code(), Some(ProblemCode::BadRequest));
}

#[tokio::test]
async fn an_exchange_answers_to_its_own_name_only() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let url = format!("{}/v1/me", street.address);
    let elsewhere = "http://exchange.example/v1/me";
    let headers = sign(&home, "GET", elsewhere, b"");
    let response = http()
        .get(&url)
        .header("host", "exchange.example")
        .header(http_signature::CONTENT_DIGEST, &headers.content_digest)
        .header(http_signature::SIGNATURE_INPUT, &headers.signature_input)
        .header(http_signature::SIGNATURE, &headers.signature)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 400);
    let by_name = street.address.replace("127.0.0.1", "localhost");
    let url = format!("{by_name}/v1/me");
    assert_eq!(send("GET", &url, Some(&sign(&home, "GET", &url, b"")), b"").await.status, 200);
}

#[tokio::test]
async fn a_key_that_floods_is_told_to_slow_down() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..250 {
        let client = home.client.clone();
        requests.spawn(async move { client.me().await.err().and_then(|error| error.code()) });
    }
    let outcomes = requests.join_all().await;
    // How many pass depends on the machine; a second's worth always does.
    assert!(outcomes.iter().filter(|code| code.is_none()).count() >= 100);
    assert!(outcomes.iter().flatten().all(|code| *code == ProblemCode::TooManyRequests), "{outcomes:?}");
}

#[tokio::test]
async fn an_exchange_listens_on_the_own_machine_only() {
    let street = Street::new().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = street.exchange.serve(listener, Default::default()).await.unwrap_err();
    assert!(matches!(error, exchange::ExchangeError::NotLoopback(_)));
}

#[tokio::test]
async fn a_member_sees_its_own_settlements_only() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    street.at("2026-06-01T12:15:00Z").await;
    home.report(slot("2026-06-01T12:00:00Z"), Some([0, 123, 0, 0])).await;
    other.report(slot("2026-06-01T12:00:00Z"), Some([0, 456, 0, 0])).await;
    street.exchange.tick().await.unwrap();
    let page = home.client.settlements(0, 0).await.unwrap();
    assert_eq!(page.settlements.iter().map(|it| it.import.get()).collect::<Vec<_>>(), [123]);
    assert!(home.client.settlements(page.next, 0).await.unwrap().settlements.is_empty());
    assert_eq!(home.client.settlements(page.next, 0).await.unwrap().next, page.next);
}
