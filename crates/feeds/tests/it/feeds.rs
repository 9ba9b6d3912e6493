//! A feed over time: what is known stays, shifted days are refused, and trouble is said.

use std::time::Duration;

use feeds::{Clue, FeedError, HttpSettings, PriceFeed, PriceFeedSettings, PriceSource, Shift, Token};
use units::{Currency, Slot, Timestamp, zone};

use crate::server::{Answer, Server};
use crate::shapes::{price, publication, series};

/// Eleven in the morning in Berlin.
const NOW: &str = "2026-06-01T09:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn feed(source: PriceSource, token: Option<&str>) -> PriceFeed {
    PriceFeed::new(PriceFeedSettings {
        source,
        token: token.map(|text| Token::new(text.to_owned())),
        currency: Currency::EUR,
        market: zone("Europe/Brussels").unwrap(),
        http: HttpSettings { timeout: Duration::from_millis(1500), ..HttpSettings::default() },
    })
    .unwrap()
}

fn charts(server: &Server) -> PriceFeed {
    feed(
        PriceSource::EnergyCharts { bidding_zone: "DE-LU".into(), address: Some(server.address.clone()) },
        None,
    )
}

/// Days of hourly prices that dip at noon, as Energy-Charts names them.
fn days(from: &str, hours: i64, shifted_by_h: i64) -> String {
    let from: Slot = from.parse().unwrap();
    let price = |hour: i64| 90 - 60 * i64::from((10..15).contains(&(hour % 24))) + hour * 11 % 7;
    let seconds = |hour: i64| (from.start().seconds() + (hour + shifted_by_h) * 3600).to_string();
    let list = |of: &dyn Fn(i64) -> String| (0..hours).map(of).collect::<Vec<_>>().join(",");
    format!(
        "{{\"unix_seconds\":[{}],\"price\":[{}],\"unit\":\"EUR / MWh\"}}",
        list(&seconds),
        list(&|hour| price(hour).to_string())
    )
}

#[tokio::test]
async fn a_failure_keeps_the_known_prices_and_their_age() {
    let server = Server::with(days("2026-05-31T22:00:00Z", 48, 0)).await;
    let mut feed = charts(&server);
    assert_eq!((feed.age(now()), feed.prices().len()), (None, 0));
    let refreshed = feed.refresh(now()).await.unwrap();
    assert_eq!((refreshed.new, refreshed.changed), (192, 0));
    let tomorrow: Slot = "2026-06-02T21:45:00Z".parse().unwrap();
    let known = feed.prices().get(tomorrow);
    assert!(known.is_some());
    let later = now() + Duration::from_secs(3600);
    let html = Answer::Body(200, b"<html>maintenance</html>".to_vec());
    for answer in [Answer::Body(503, vec![]), html, Answer::Torn, Answer::Silence, Answer::Endless] {
        server.answer(answer);
        assert!(feed.refresh(later).await.is_err());
        assert_eq!((feed.prices().get(tomorrow), feed.prices().len()), (known, 192));
        assert_eq!(feed.age(later), Some(Duration::from_secs(3600)));
    }
}

#[tokio::test]
async fn trouble_says_what_happened_and_what_to_do() {
    let server = Server::with("").await;
    let mut feed = charts(&server);
    let mut message = async |answer| {
        server.answer(answer);
        feed.refresh(now()).await.unwrap_err().to_string()
    };
    let body = |status, text: &str| Answer::Body(status, text.as_bytes().to_vec());
    assert!(message(body(401, "")).await.contains("enter a new one"));
    assert!(message(body(429, "")).await.contains("asked too often"));
    assert!(message(Answer::Silence).await.contains("has been silent"));
    assert!(message(Answer::Torn).await.contains("cannot be reached"));
    assert!(message(Answer::Endless).await.contains("longer than"));
    assert!(message(body(200, "{}")).await.contains("makes no sense: it is no JSON"));
    let nothing = r#"{"unix_seconds":[],"price":[],"unit":"EUR/MWh"}"#;
    assert!(message(body(200, nothing)).await.contains("no prices for these days yet"));
    let pounds = r#"{"unix_seconds":[],"price":[],"unit":"GBP/MWh"}"#;
    assert!(message(body(200, pounds)).await.contains("in GBP, and the home reckons in EUR"));
}

#[tokio::test]
async fn a_day_that_lies_an_hour_off_is_refused_by_two_clues() {
    let server = Server::with(days("2026-05-31T22:00:00Z", 24, 1)).await;
    let mut feed = charts(&server);
    let shift_of = |error| match error {
        FeedError::Shifted { shift, .. } => shift,
        other => panic!("{other}"),
    };
    let by_midnight = shift_of(feed.refresh(now()).await.unwrap_err());
    assert_eq!(by_midnight, Shift { minutes: 60, clue: Clue::MarketMidnight });
    server.answer(Answer::Body(200, days("2026-05-31T22:00:00Z", 24, 0).into_bytes()));
    feed.refresh(now()).await.unwrap();
    // Now a day and an hour, shifted, so that it ends at midnight after all: the known prices tell.
    server.answer(Answer::Body(200, days("2026-05-31T22:00:00Z", 47, 1).into_bytes()));
    let by_prices = shift_of(feed.refresh(now()).await.unwrap_err());
    assert_eq!(by_prices, Shift { minutes: 60, clue: Clue::KnownPrices });
    assert_eq!(feed.prices().len(), 96);
}

#[tokio::test]
async fn published_prices_may_be_corrected_and_old_ones_are_dropped() {
    let server = Server::with(days("2026-05-31T22:00:00Z", 24, 0)).await;
    let mut feed = charts(&server);
    feed.refresh(now()).await.unwrap();
    let corrected = days("2026-05-31T22:00:00Z", 24, 0).replacen("\"price\":[90", "\"price\":[77", 1);
    server.answer(Answer::Body(200, corrected.into_bytes()));
    let refreshed = feed.refresh(now()).await.unwrap();
    assert_eq!((refreshed.new, refreshed.changed), (0, 4));
    assert_eq!(feed.prices().get("2026-05-31T22:00:00Z".parse().unwrap()), Some(price(77_000)));
    server.answer(Answer::Body(200, days("2026-06-09T22:00:00Z", 24, 0).into_bytes()));
    feed.refresh("2026-06-10T09:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(feed.prices().len(), 96);
}

#[tokio::test]
async fn sources_are_asked_as_they_want_to_be() {
    let day = publication(&series(1, "A03", "PT60M", &[(1, "84.21")]));
    let server = Server::with(day).await;
    let address = Some(server.address.clone());
    let area = "10Y1001A1001A82H".to_owned();
    let mut entsoe =
        feed(PriceSource::EntsoE { area: area.clone(), address: address.clone() }, Some("s3cret"));
    entsoe.refresh(now()).await.unwrap();
    let asked = server.last_request();
    for part in
        ["securityToken=s3cret", "documentType=A44", "periodStart=202605312200", "periodEnd=202606022200"]
    {
        assert!(asked.contains(part), "{asked}");
    }
    let mut without = feed(PriceSource::EntsoE { area, address: address.clone() }, None);
    assert!(matches!(without.refresh(now()).await, Err(FeedError::TokenMissing { .. })));

    server.answer(Answer::Body(200, days("2026-05-31T22:00:00Z", 24, 0).into_bytes()));
    charts(&server).refresh(now()).await.unwrap();
    assert!(server.last_request().contains("bzn=DE-LU&start=2026-06-01&end=2026-06-02"));

    let body = r#"{"data":[{"start_timestamp":1780264800000,"end_timestamp":1780351200000,"marketprice":84.21,"unit":"Eur/MWh"}]}"#;
    server.answer(Answer::Body(200, body.into()));
    feed(PriceSource::Awattar { country: "at".into(), address: address.clone() }, None)
        .refresh(now())
        .await
        .unwrap();
    assert!(server.last_request().contains("start=1780264800000&end=1780437600000"));

    let body = r#"{"data":{"viewer":{"homes":[{"currentSubscription":{"priceInfo":{"today":[{"energy":0.1,"startsAt":"2026-06-01T23:00:00+02:00","currency":"EUR"}]}}}]}}}"#;
    server.answer(Answer::Body(200, body.into()));
    feed(PriceSource::Tibber { address }, Some("t0ken")).refresh(now()).await.unwrap();
    let asked = server.last_request();
    assert!(asked.starts_with("POST") && asked.contains("authorization: Bearer t0ken"), "{asked}");
}

#[tokio::test]
async fn a_token_is_in_no_message_and_goes_nowhere_unencrypted() {
    let source = |address: &str| PriceSource::EntsoE { area: "x".into(), address: Some(address.into()) };
    let mut nobody = feed(source("http://127.0.0.1:9/api"), Some("s3cret"));
    let mut error: &dyn std::error::Error = &nobody.refresh(now()).await.unwrap_err();
    loop {
        assert!(
            !error.to_string().contains("s3cret") && !format!("{error:?}").contains("s3cret"),
            "{error:?}"
        );
        let Some(source) = error.source() else { break };
        error = source;
    }
    let refused = feed(source("http://example.com/api"), Some("s3cret")).refresh(now()).await.unwrap_err();
    assert!(refused.to_string().contains("use https://"), "{refused}");
}

#[tokio::test]
async fn ones_own_file_and_address_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.csv");
    let csv = "time,price_per_kwh\n2026-06-01T09:00:00Z,0.25\n2026-06-01T10:00:00Z,0.26\n";
    std::fs::write(&path, csv).unwrap();
    let mut own = feed(PriceSource::File { path }, None);
    assert_eq!(own.refresh(now()).await.unwrap().new, 8);
    let mut missing = feed(PriceSource::File { path: folder.path().join("none.csv") }, None);
    assert!(missing.refresh(now()).await.unwrap_err().to_string().contains("none.csv cannot be read"));
    let server = Server::with(csv).await;
    let mut own = feed(PriceSource::Url { address: server.address.clone() }, None);
    assert_eq!(own.refresh(now()).await.unwrap().new, 8);
}

#[tokio::test]
async fn a_restart_without_the_internet_knows_what_was_known() {
    let server = Server::with(days("2026-05-31T22:00:00Z", 48, 0)).await;
    let mut feed = charts(&server);
    feed.refresh(now()).await.unwrap();
    let kept = feed.to_cache();
    let mut restarted = charts(&server);
    assert!(restarted.take_cache(&kept));
    assert_eq!(restarted.prices(), feed.prices());
    assert_eq!(restarted.age(now() + Duration::from_secs(60)), Some(Duration::from_secs(60)));
    let mut other = self::feed(PriceSource::Tibber { address: None }, None);
    assert!(!other.take_cache(&kept) && !restarted.take_cache(&kept[..kept.len() / 2]));
    assert_eq!(restarted.prices().len(), 192, "a damaged cache changes nothing");
}

#[tokio::test]
async fn it_is_asked_again_sooner_while_tomorrow_is_missing_and_later_after_failures() {
    let server = Server::with(days("2026-05-31T22:00:00Z", 24, 0)).await;
    let mut feed = charts(&server);
    let pause = |feed: &PriceFeed| feed.due_at(now()).since(now()).as_secs() / 60;
    assert_eq!(pause(&feed), 0);
    feed.refresh(now()).await.unwrap();
    assert_eq!(pause(&feed), 15);
    server.answer(Answer::Body(200, days("2026-05-31T22:00:00Z", 48, 0).into_bytes()));
    feed.refresh(now()).await.unwrap();
    assert_eq!(pause(&feed), 180);
    server.answer(Answer::Body(500, vec![]));
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let _ = feed.refresh(now()).await;
        pauses.push(pause(&feed));
    }
    assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
}
