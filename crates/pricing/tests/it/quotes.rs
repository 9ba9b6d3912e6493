//! The price of a slot: its parts, its zones, its kind, and when there is none.

use pricing::{ExportTerms, Kind, NoPrice, PartKind, SlotPrices, SpotCurve};
use units::{Currency, LocalDay, Slot, WattHours, zone};

use crate::home::{day, price, read, slot, spot};

const DYNAMIC: &str = r#"
[[contract]]
valid_from = "2026-01-01"
feed_in = { spot = "90 %" }
[contract.retail]
spot = "100 %"
surcharge = "3 %"
tax = "19 %"
charge = [
    { name = "Grid", price = "0.0853 EUR/kWh" },
    { name = "Levy", price = "0.0044 EUR/kWh", taxed = false },
]
"#;

#[test]
fn a_price_opens_into_its_parts() {
    let contracts = read(DYNAMIC).unwrap();
    let quote =
        contracts.quote(slot("2026-06-01T10:00:00Z"), &spot("2026-06-01T10:00:00Z", &[100]), None).unwrap();
    let parts: Vec<_> = quote.retail.parts.iter().map(|part| (part.kind, &*part.name, part.price)).collect();
    let expected = [
        (PartKind::Spot, "", price(100_000)),
        (PartKind::Surcharge, "", price(3_000)),
        (PartKind::Charge, "Grid", price(85_300)),
        (PartKind::Charge, "Levy", price(4_400)),
        // 0.19 x (0.103 + 0.0853)
        (PartKind::Tax, "", price(35_777)),
    ];
    assert_eq!(parts, expected);
    assert_eq!(quote.prices(), SlotPrices { retail: price(228_477), feed_in: price(90_000) });
}

#[test]
fn an_unknown_spot_price_is_no_price_and_never_zero() {
    let contracts = read(DYNAMIC).unwrap();
    let known = spot("2026-06-01T10:00:00Z", &[100]);
    let unknown = slot("2026-06-01T10:15:00Z");
    assert_eq!(contracts.quote(unknown, &known, None), Err(NoPrice::SpotUnknown));
    assert_eq!(contracts.prices_with(unknown, &known, None), Err(NoPrice::SpotUnknown));
    assert_eq!(contracts.prices(slot("2026-06-01T10:00:00Z")), None, "the contract alone does not tell");
    assert_eq!(contracts.quote(slot("2025-12-31T22:45:00Z"), &known, None), Err(NoPrice::NoContract));
    let mut pounds = SpotCurve::<pricing::Published>::new("GBP".parse::<Currency>().unwrap());
    pounds.set(unknown, price(1));
    assert_eq!(contracts.quote(unknown, &pounds, None), Err(NoPrice::OtherCurrency));
}

#[test]
fn an_hour_that_is_billed_as_one_needs_all_of_its_quarters() {
    let text = "[[contract]]\nvalid_from = \"2026-01-01\"\nretail = { spot = \"100 %\" }\nfeed_in = \"0.08 EUR/kWh\"\nbilling = \"hour\"\n";
    let contracts = read(text).unwrap();
    let whole = spot("2026-06-01T10:00:00Z", &[100, 200, 300, 401]);
    for quarter in ["10:00", "10:15", "10:30", "10:45"] {
        let retail =
            contracts.prices_with(slot(&format!("2026-06-01T{quarter}:00Z")), &whole, None).unwrap().retail;
        assert_eq!(retail, price(250_250));
    }
    let torn = spot("2026-06-01T10:00:00Z", &[100, 200, 300]);
    assert_eq!(contracts.prices_with(slot("2026-06-01T10:00:00Z"), &torn, None), Err(NoPrice::SpotUnknown));
}

#[test]
fn kinds_of_price_are_told_apart_and_the_delta_is_shown() {
    let contracts = read(DYNAMIC).unwrap();
    let at = slot("2026-06-01T10:00:00Z");
    let published = spot("2026-06-01T10:00:00Z", &[100]);
    let mut forecast = SpotCurve::<pricing::Forecast>::new(Currency::EUR);
    forecast.set(at, price(80_000));
    let foretold = contracts.quote(at, &forecast, None).unwrap();
    let settled = contracts.quote(at, &published.settle(at..at.next()), None).unwrap();
    assert_eq!((foretold.kind(), settled.kind()), (Kind::Forecast, Kind::Settled));
    // 0.02 more of spot is 0.02 x 1.03 x 1.19 = 0.024514 more of retail.
    assert_eq!(settled.above(&foretold), SlotPrices { retail: price(24_514), feed_in: price(18_000) });
}

#[test]
fn a_negative_export_price_is_something_to_pay() {
    let contracts = read(DYNAMIC).unwrap();
    let terms = |per_mwh| {
        let quote =
            contracts.quote(slot("2026-06-01T10:00:00Z"), &spot("2026-06-01T10:00:00Z", &[per_mwh]), None);
        quote.unwrap().export_terms()
    };
    assert_eq!(terms(-50), ExportTerms::YouPay(price(45_000)));
    assert_eq!((terms(0), terms(50)), (ExportTerms::Nothing, ExportTerms::YouEarn(price(45_000))));
}

const ZONES: &str = r#"
[[contract]]
valid_from = "2026-01-01"
retail = "0.300 EUR/kWh"
feed_in = "0.080 EUR/kWh"
holidays = ["12-25", "easter+1"]
[[contract.zone]]
name = "Free days"
days = ["sun", "holiday"]
retail = "0.250 EUR/kWh"
[[contract.zone]]
name = "Night"
hours = ["22:00-02:30", "12:00-13:00"]
retail = "0.200 EUR/kWh"
"#;

#[test]
fn a_zone_is_read_off_the_clock_on_the_wall_on_transition_days_too() {
    let text = ZONES.replace("days = [\"sun\", \"holiday\"]", "days = [\"holiday\"]");
    let contracts = read(&text).unwrap();
    let berlin = zone("Europe/Berlin").unwrap();
    let night_slots = |date: &str| {
        let local = LocalDay::new(day(date), berlin);
        Slot::range(local.slots())
            .filter(|slot| contracts.prices(*slot).unwrap().retail == price(200_000))
            .count()
    };
    // 00:00-02:30, 12:00-13:00 and 22:00-24:00. In October 02:00-02:30 comes twice, in March not at all.
    assert_eq!(night_slots("2026-06-01"), 22);
    assert_eq!(night_slots("2026-10-25"), 22 + 2);
    assert_eq!(night_slots("2026-03-29"), 22 - 2);
}

#[test]
fn the_first_zone_that_holds_speaks_and_names_itself() {
    let contracts = read(ZONES).unwrap();
    let zone_at =
        |at: &str| contracts.quote(slot(at), &spot("2026-01-01T00:00:00Z", &[]), None).unwrap().retail.zone;
    assert_eq!(zone_at("2026-06-07T21:00:00Z").as_deref(), Some("Free days"), "a Sunday");
    assert_eq!(zone_at("2026-04-06T21:00:00Z").as_deref(), Some("Free days"), "Easter Monday");
    assert_eq!(zone_at("2026-06-08T21:00:00Z").as_deref(), Some("Night"));
    assert_eq!(zone_at("2026-06-08T19:45:00Z"), None);
}

#[test]
fn a_tiered_price_needs_to_know_what_was_imported() {
    let text = "[[contract]]\nvalid_from = \"2026-01-01\"\nretail = \"0.600 EUR/kWh\"\nfeed_in = \"0.08 EUR/kWh\"\ntier = [{ up_to = \"2900 kWh/year\", retail = \"0.400 EUR/kWh\" }]\n";
    let contracts = read(text).unwrap();
    let nothing = spot("2026-01-01T00:00:00Z", &[]);
    let at = |imported: Option<i64>| {
        let prices =
            contracts.prices_with(slot("2026-06-01T10:00:00Z"), &nothing, imported.map(WattHours::new));
        prices.map(|prices| prices.retail)
    };
    assert_eq!(at(None), Err(NoPrice::UseUnknown));
    assert_eq!((at(Some(2_899_999)), at(Some(2_900_000))), (Ok(price(400_000)), Ok(price(600_000))));
}
