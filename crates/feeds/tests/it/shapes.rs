//! Answers in the shape of each source, and what is read from them.

use feeds::{Malformed, PriceSource, parse};
use units::{Currency, Price, Slot};

pub fn price(micros: i64) -> Price {
    Price::from_micros_per_kwh(micros)
}

fn slot(text: &str) -> Slot {
    text.parse().unwrap()
}

fn at(source: &PriceSource, body: &str, slots: &[&str]) -> Vec<Option<i64>> {
    let (curve, _) = parse(source, body.as_bytes(), Currency::EUR).unwrap();
    slots.iter().map(|at| curve.get(slot(at)).map(Price::micros_per_kwh)).collect()
}

fn fault(source: &PriceSource, body: &str) -> Malformed {
    parse(source, body.as_bytes(), Currency::EUR).unwrap_err()
}

pub fn entsoe() -> PriceSource {
    PriceSource::EntsoE { area: "10Y1001A1001A82H".into(), address: None }
}

pub fn charts() -> PriceSource {
    PriceSource::EnergyCharts { bidding_zone: "DE-LU".into(), address: None }
}

pub fn awattar() -> PriceSource {
    PriceSource::Awattar { country: "at".into(), address: None }
}

pub fn tibber() -> PriceSource {
    PriceSource::Tibber { address: None }
}

pub fn own() -> PriceSource {
    PriceSource::File { path: "prices.csv".into() }
}

/// One time series of ENTSO-E with points `(position, price)`.
pub fn series(sequence: u32, curve: &str, resolution: &str, points: &[(i64, &str)]) -> String {
    let points: String = points
        .iter()
        .map(|(position, price)| {
            format!("<Point><position>{position}</position><price.amount>{price}</price.amount></Point>")
        })
        .collect();
    format!(
        "<TimeSeries><mRID>{sequence}</mRID>\
         <currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>\
         <classificationSequence_AttributeInstanceComponent.position>{sequence}</classificationSequence_AttributeInstanceComponent.position>\
         <curveType>{curve}</curveType>\
         <Period><timeInterval><start>2026-05-31T22:00Z</start><end>2026-06-01T22:00Z</end></timeInterval>\
         <resolution>{resolution}</resolution>{points}</Period></TimeSeries>"
    )
}

pub fn publication(series: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <Publication_MarketDocument xmlns=\"urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3\">\
         <mRID>a</mRID><period.timeInterval><start>2026-05-31T22:00Z</start><end>2026-06-01T22:00Z</end>\
         </period.timeInterval>{series}</Publication_MarketDocument>"
    )
}

#[test]
fn entsoe_repeats_left_out_positions_of_a_variable_curve() {
    let body = publication(&series(1, "A03", "PT60M", &[(1, "84.21"), (3, "-5"), (24, "10.005")]));
    let slots = [
        "2026-05-31T22:00:00Z",
        "2026-05-31T23:45:00Z",
        "2026-06-01T00:00:00Z",
        "2026-06-01T20:45:00Z",
        "2026-06-01T21:45:00Z",
        "2026-06-01T22:00:00Z",
    ];
    let expected = [Some(84_210), Some(84_210), Some(-5_000), Some(-5_000), Some(10_005), None];
    assert_eq!(at(&entsoe(), &body, &slots), expected);
}

#[test]
fn entsoe_has_gaps_where_a_fixed_curve_leaves_positions_out() {
    let body = publication(&series(1, "A01", "PT15M", &[(1, "84.21"), (3, "50")]));
    let slots =
        ["2026-05-31T22:00:00Z", "2026-05-31T22:15:00Z", "2026-05-31T22:30:00Z", "2026-05-31T22:45:00Z"];
    assert_eq!(at(&entsoe(), &body, &slots), [Some(84_210), None, Some(50_000), None]);
    let (_, findings) = parse(&entsoe(), body.as_bytes(), Currency::EUR).unwrap();
    assert_eq!(findings.gaps, [slot("2026-05-31T22:15:00Z")..slot("2026-05-31T22:30:00Z")]);
}

/// Germany has two auctions, of which the second is finer and beside the coupled one.
#[test]
fn entsoe_takes_the_coupled_auction_and_names_the_conflict() {
    let other = series(2, "A03", "PT15M", &[(1, "99"), (2, "98")]);
    let coupled = series(1, "A03", "PT60M", &[(1, "84.21")]);
    for body in [publication(&format!("{other}{coupled}")), publication(&format!("{coupled}{other}"))] {
        assert_eq!(at(&entsoe(), &body, &["2026-05-31T22:15:00Z"]), [Some(84_210)]);
        let (_, findings) = parse(&entsoe(), body.as_bytes(), Currency::EUR).unwrap();
        assert_eq!(findings.conflicts.len(), 96);
        assert_eq!(findings.conflicts[0].dropped, price(99_000));
    }
}

#[test]
fn entsoe_says_nothing_by_an_acknowledgement() {
    let body = |code: &str| {
        format!(
            "<Acknowledgement_MarketDocument><mRID>b</mRID><Reason><code>{code}</code><text>No matching data &lt;here&gt;</text></Reason></Acknowledgement_MarketDocument>"
        )
    };
    assert_eq!(fault(&entsoe(), &body("999")), Malformed::Nothing);
    assert!(
        matches!(fault(&entsoe(), &body("401")), Malformed::Says(text) if text.starts_with("No matching data"))
    );
}

#[test]
fn entsoe_answers_that_make_no_sense_are_refused_by_their_place() {
    let good = publication(&series(1, "A03", "PT60M", &[(1, "84.21")]));
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        fault(&entsoe(), &good.replace(from, to))
    };
    assert_eq!(with(">EUR<", ">GBP<"), Malformed::Currency("GBP".into()));
    assert_eq!(with(">MWH<", ">KWH<"), Malformed::Unit("KWH".into()));
    assert!(matches!(with("PT60M", "PT7M"), Malformed::Value { found, .. } if found == "PT7M"));
    assert!(matches!(with("84.21", "n/a"), Malformed::Value { found, .. } if found == "n/a"));
    assert!(matches!(with("<position>1<", "<position>0<"), Malformed::Value { .. }));
    assert!(matches!(with("<position>1</position>", ""), Malformed::Missing { .. }));
    assert!(matches!(
        with("2026-06-01T22:00Z</end></timeInterval><res", "2036-06-01T22:00Z</end></timeInterval><res"),
        Malformed::TooMany
    ));
    assert!(matches!(fault(&entsoe(), &good[..good.len() - 40]), Malformed::Form { form: "XML", .. }));
    assert!(matches!(fault(&entsoe(), &"<a>".repeat(40)), Malformed::Form { form: "XML", .. }));
}

#[test]
fn energy_charts_is_two_lists_and_null_is_no_price() {
    let body = r#"{"license_info":"CC BY 4.0","unix_seconds":[1780264800,1780265700,1780266600],"price":[84.21,null,-3],"unit":"EUR / MWh","deprecated":false}"#;
    let slots =
        ["2026-05-31T22:00:00Z", "2026-05-31T22:15:00Z", "2026-05-31T22:30:00Z", "2026-05-31T22:45:00Z"];
    assert_eq!(at(&charts(), body, &slots), [Some(84_210), None, Some(-3_000), None]);
    let hourly = r#"{"unix_seconds":[1780264800,1780268400],"price":[84.21,70],"unit":"EUR/MWh"}"#;
    let slots = ["2026-05-31T22:45:00Z", "2026-05-31T23:45:00Z", "2026-06-01T00:00:00Z"];
    assert_eq!(at(&charts(), hourly, &slots), [Some(84_210), Some(70_000), None]);
    assert_eq!(
        fault(&charts(), r#"{"unix_seconds":[1],"price":[],"unit":"EUR/MWh"}"#),
        Malformed::Lengths { what: "unix_seconds", other: "price" }
    );
    assert_eq!(fault(&charts(), r#"{"unix_seconds":[],"price":[],"unit":"EUR/MWh"}"#), Malformed::Nothing);
    assert_eq!(
        fault(&charts(), r#"{"unix_seconds":[],"price":[],"unit":"PLN/MWh"}"#),
        Malformed::Currency("PLN".into())
    );
    assert!(matches!(fault(&charts(), "<html>"), Malformed::Form { form: "JSON", .. }));
    let ages_ago = r#"{"unix_seconds":[-9223372036854775808],"price":[1],"unit":"EUR/MWh"}"#;
    assert!(matches!(fault(&charts(), ages_ago), Malformed::Value { .. }));
}

#[test]
fn awattar_names_start_and_end_of_each_price() {
    let body = r#"{"object":"list","data":[
        {"start_timestamp":1780264800000,"end_timestamp":1780268400000,"marketprice":84.21,"unit":"Eur/MWh"},
        {"start_timestamp":1780264800000,"end_timestamp":1780268400000,"marketprice":84.21,"unit":"Eur/MWh"},
        {"start_timestamp":1780268400000,"end_timestamp":1780269300000,"marketprice":1,"unit":"Eur/MWh"}],"url":"/de/v1/marketdata"}"#;
    let slots = ["2026-05-31T22:45:00Z", "2026-05-31T23:00:00Z", "2026-05-31T23:15:00Z"];
    assert_eq!(at(&awattar(), body, &slots), [Some(84_210), Some(1_000), None]);
    let (_, findings) = parse(&awattar(), body.as_bytes(), Currency::EUR).unwrap();
    assert_eq!((findings.duplicates, findings.conflicts.len()), (4, 0));
    assert_eq!(fault(&awattar(), r#"{"data":[]}"#), Malformed::Nothing);
    let crooked = body.replace("1780269300000", "1780269300001");
    assert!(matches!(fault(&awattar(), &crooked), Malformed::Unaligned { .. }));
}

#[test]
fn tibber_gives_today_and_tomorrow_with_offsets() {
    let body = r#"{"data":{"viewer":{"homes":[{"currentSubscription":null},{"currentSubscription":{"priceInfo":{
        "today":[{"energy":0.08421,"startsAt":"2026-06-01T00:00:00.000+02:00","currency":"EUR"},
                 {"energy":-0.0012,"startsAt":"2026-06-01T00:15:00.000+02:00","currency":"EUR"}],
        "tomorrow":[{"energy":0.05,"startsAt":"2026-06-02T00:00:00.000+02:00","currency":"EUR"}]}}}]}}}"#;
    let slots =
        ["2026-05-31T22:00:00Z", "2026-05-31T22:15:00Z", "2026-05-31T22:30:00Z", "2026-06-01T22:00:00Z"];
    assert_eq!(at(&tibber(), body, &slots), [Some(84_210), Some(-1_200), None, Some(50_000)]);
    assert_eq!(
        fault(&tibber(), r#"{"errors":[{"message":"invalid token"}]}"#),
        Malformed::Says("invalid token".into())
    );
    assert!(matches!(fault(&tibber(), r#"{"data":{"viewer":{"homes":[]}}}"#), Malformed::Missing { .. }));
}

#[test]
fn ones_own_prices_are_csv_or_json() {
    let slots =
        ["2026-05-31T22:00:00Z", "2026-05-31T22:45:00Z", "2026-05-31T23:00:00Z", "2026-06-01T00:00:00Z"];
    let expected = [Some(84_210), Some(84_210), Some(-50_000), None];
    let csv = "time,price_per_kwh\n2026-06-01T00:00:00+02:00,0.08421\n2026-06-01T01:00:00+02:00,-0.05\n";
    assert_eq!(at(&own(), csv, &slots), expected);
    let excel = "\u{feff}time;until;price_per_mwh\r\n\"2026-06-01T00:00:00+02:00\";;84,21\r\n2026-06-01T01:00:00+02:00;2026-06-01T02:00:00+02:00;-50\r\n";
    assert_eq!(at(&own(), excel, &slots), expected);
    let json = r#"[{"time":"2026-06-01T00:00:00+02:00","price_per_kwh":0.08421},{"time":"2026-05-31T23:00:00Z","price_per_mwh":-50}]"#;
    assert_eq!(at(&own(), json, &slots), expected);
    for (body, place) in [
        ("", "the line of names"),
        ("time,price\n", "price_per_kwh"),
        ("time\n", "price_per_kwh"),
        ("price_per_kwh\n", "the column time"),
        ("time,price_per_kwh\n01.06.2026 00:00,1\n", "a time such as"),
        ("time,price_per_kwh\n2026-06-01T00:00:00Z\n", "as many fields"),
        ("[{\"time\":\"2026-06-01T00:00:00Z\"}]", "price_per_kwh"),
        ("[{\"time\":\"2026-06-01T00:00:00Z\",\"price\":1}]", "unknown field"),
        ("time,price_per_kwh\n", "no prices"),
    ] {
        let message = fault(&own(), body).to_string();
        assert!(message.contains(place), "{body}: {message}");
    }
}

#[test]
fn a_source_is_configured_by_its_name_and_unknown_keys_are_refused() {
    let read = |text: &str| toml::from_str::<PriceSource>(text);
    assert_eq!(read("source = \"energy-charts\"\nbidding_zone = \"DE-LU\"").unwrap(), charts());
    assert_eq!(read("source = \"entso-e\"\narea = \"10Y1001A1001A82H\"").unwrap(), entsoe());
    let error =
        read("source = \"energy-charts\"\nbidding_zone = \"NL\"\nzone = \"x\"").unwrap_err().to_string();
    assert!(error.contains("unknown field `zone`"), "{error}");
    assert!(read("source = \"oracle\"").unwrap_err().to_string().contains("energy-charts"));
}
