//! The weather of Open-Meteo.

use feeds::{FeedError, HttpSettings, Malformed, WeatherFeed, parse_weather};
use forecast::{Place, SlotWeather};
use units::{Slot, Timestamp};

use crate::server::{Answer, Server};

const BODY: &str = r#"{"latitude":52.52,"longitude":13.42,"utc_offset_seconds":0,
    "minutely_15_units":{"time":"unixtime","shortwave_radiation":"W/m²"},
    "minutely_15":{"time":[1780308000,1780308900,1780309800],"shortwave_radiation":[612.5,null,99999],
        "diffuse_radiation":[120,null,80],"temperature_2m":[18.4,null,18.6]},
    "hourly":{"time":[1780311600],"shortwave_radiation":[580],"diffuse_radiation":[130],"temperature_2m":[19]}}"#;

fn slot(text: &str) -> Slot {
    text.parse().unwrap()
}

#[test]
fn radiation_belongs_to_the_time_before_its_instant() {
    let weather = parse_weather(BODY.as_bytes()).unwrap();
    let expected =
        SlotWeather { global_w_m2: Some(612.5), diffuse_w_m2: Some(120.0), temperature_c: Some(18.4) };
    // 1780308000 is 10:00; the value is the mean from 09:45.
    assert_eq!(weather.get(slot("2026-06-01T09:45:00Z")), expected);
}

#[test]
fn what_is_missing_is_filled_by_hours_and_what_cannot_be_is_missing() {
    let weather = parse_weather(BODY.as_bytes()).unwrap();
    let global = |at: &str| weather.get(slot(at)).global_w_m2;
    assert_eq!(global("2026-06-01T10:00:00Z"), Some(580.0), "no quarter hour, so the hour's mean");
    assert_eq!(global("2026-06-01T10:15:00Z"), None, "no sun shines with 99999 W/m²");
    assert_eq!(global("2026-06-01T10:45:00Z"), Some(580.0));
    assert_eq!(weather.get(slot("2026-06-01T11:00:00Z")), SlotWeather::default());
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    let refused = |from: &str, to: &str| {
        assert!(BODY.contains(from));
        parse_weather(BODY.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    assert_eq!(
        refused("[612.5,null,99999]", "[612.5]"),
        Malformed::Lengths { what: "shortwave_radiation", other: "time" }
    );
    assert!(matches!(refused("1780308000", "1780308001"), Malformed::Unaligned { .. }));
    assert!(matches!(refused("1780308000", "-1"), Malformed::Value { .. }));
    let trouble = parse_weather(br#"{"error":true,"reason":"Latitude must be in range"}"#).unwrap_err();
    assert_eq!(trouble, Malformed::Says("Latitude must be in range".into()));
    assert!(matches!(parse_weather(b"{}"), Err(Malformed::Missing { .. })));
}

#[tokio::test]
async fn weather_stays_known_and_is_asked_for_no_closer_than_a_kilometre() {
    let server = Server::with(BODY).await;
    let place = Place { latitude_deg: 52.516_275, longitude_deg: 13.377_704 };
    let mut feed = WeatherFeed::new(place, Some(server.address.clone()), HttpSettings::default()).unwrap();
    let now: Timestamp = "2026-06-01T10:00:00Z".parse().unwrap();
    feed.refresh(now).await.unwrap();
    let asked = server.last_request();
    assert!(asked.contains("latitude=52.52&longitude=13.38&minutely_15=shortwave_radiation"), "{asked}");
    let known = feed.weather().len();
    server.answer(Answer::Body(500, vec![]));
    assert!(matches!(feed.refresh(now).await, Err(FeedError::Refused { status: 500, .. })));
    assert_eq!((feed.weather().len(), feed.age(now).map(|age| age.as_secs())), (known, Some(0)));
    feed_later(&mut feed, &server).await;
}

/// Two months later the old weather is gone.
async fn feed_later(feed: &mut WeatherFeed, server: &Server) {
    server.answer(Answer::Body(200, BODY.as_bytes().to_vec()));
    feed.refresh("2026-09-01T10:00:00Z".parse().unwrap()).await.unwrap();
    assert!(feed.weather().is_empty());
}
