//! The utility bills the past anew.

use pricing::{Contract, Correction, InvalidContracts, Metered, SpotCurve, Tariff, rebill};
use units::{Currency, Money, Timestamp, WattHours};

use crate::home::{File, day, price, read, slot};

const TEXT: &str = r#"[[contract]]
valid_from = "2026-01-01"
retail = "0.300 EUR/kWh"
feed_in = "0.080 EUR/kWh"

[[contract]]
valid_from = "2026-05-01"
retail = "0.320 EUR/kWh"
feed_in = "0.080 EUR/kWh"

[[contract]]
valid_from = "2026-03-01"
retail = "0.280 EUR/kWh"
feed_in = "0.080 EUR/kWh"

[contract.correction]
until = "2026-06-01"
dated = "2026-07-03"
reason = "Network fees lowered by the regulator"
"#;

fn retail(contracts: &pricing::Contracts, at: &str) -> i64 {
    contracts.prices(slot(at)).unwrap().retail.micros_per_kwh()
}

#[test]
fn a_correction_does_not_alter_what_was_agreed() {
    let contracts = read(TEXT).unwrap();
    let at = ["2026-02-01T12:00:00Z", "2026-04-01T12:00:00Z", "2026-05-15T12:00:00Z", "2026-06-15T12:00:00Z"];
    assert_eq!(at.map(|at| retail(&contracts, at)), [300_000, 300_000, 320_000, 320_000]);
    let corrected = contracts.corrected();
    assert_eq!(at.map(|at| retail(&corrected, at)), [300_000, 280_000, 280_000, 320_000]);
    let known = |on| at.map(|at| retail(&contracts.known_on(day(on)), at));
    assert_eq!(known("2026-07-02"), [300_000, 300_000, 320_000, 320_000]);
    assert_eq!(known("2026-07-03"), [300_000, 280_000, 280_000, 320_000]);
}

#[test]
fn a_rebill_shows_before_and_after() {
    let contracts = read(TEXT).unwrap();
    let metered = |at| Metered { slot: slot(at), import: WattHours::new(10_000), export: WattHours::ZERO };
    let rows =
        [metered("2026-02-01T12:00:00Z"), metered("2026-04-01T12:00:00Z"), metered("2026-05-15T12:00:00Z")];
    let spot = SpotCurve::new(Currency::EUR);
    let rebill_of = |index| rebill(&contracts, index, &rows, &spot, WattHours::ZERO);
    let rebilled = rebill_of(0).unwrap().unwrap();
    let cents = |money: Money| money.round_to_cents();
    assert_eq!(rebilled.dated, day("2026-07-03"));
    assert_eq!((cents(rebilled.before.total().unwrap()), cents(rebilled.after.total().unwrap())), (920, 860));
    assert_eq!(rebill_of(1), None);
}

#[test]
fn a_correction_is_about_the_past_and_dated() {
    let contracts = read(TEXT).unwrap();
    let now: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    let correction = |from, until, dated| Correction {
        from: day(from),
        until: day(until),
        dated: day(dated),
        reason: String::new(),
        tariff: Tariff::fixed(price(1), price(1)),
    };
    assert!(contracts.rebilled(correction("2026-01-01", "2026-02-01", "2026-08-01"), now).is_ok());
    for (from, until, dated) in [
        ("2026-01-01", "2026-02-01", "2026-08-02"),
        ("2026-02-01", "2026-02-01", "2026-08-01"),
        ("2026-02-01", "2026-03-01", "2026-02-01"),
    ] {
        let refused = contracts.rebilled(correction(from, until, dated), now);
        assert!(matches!(refused, Err(InvalidContracts::NoCorrection { .. })), "{from} {until} {dated}");
    }
}

#[test]
fn a_change_for_the_past_is_refused_and_points_to_corrections() {
    let contracts = read(TEXT).unwrap();
    let now: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    let refused = contracts.changed(Contract::fixed(day("2026-07-01"), price(1), price(1)), now).unwrap_err();
    assert!(refused.to_string().ends_with("enter a correction"), "{refused}");
    let changed = contracts.changed(Contract::fixed(day("2026-09-01"), price(1), price(1)), now).unwrap();
    assert_eq!(changed.corrections(), contracts.corrections());
}

#[test]
fn corrections_are_written_as_they_are_read() {
    let contracts = read(TEXT).unwrap();
    assert_eq!(toml::to_string(&File { contract: contracts.to_tables() }).unwrap(), TEXT);
}
