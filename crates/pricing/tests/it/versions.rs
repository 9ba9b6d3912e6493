//! Versions of a contract: each from a day on, and none alters the past.

use pricing::{Contract, ContractTable, Contracts, InvalidContracts, SlotPrices};
use proptest::prelude::*;
use units::{Currency, DayKey, Price, Slot, Timestamp, zone};

fn day(text: &str) -> DayKey {
    text.parse().unwrap()
}

fn slot(text: &str) -> Slot {
    text.parse().unwrap()
}

fn fixed(valid_from: &str, retail: i64, feed_in: i64) -> Contract {
    let price = Price::from_micros_per_kwh;
    Contract::fixed(day(valid_from), price(retail), price(feed_in))
}

fn berlin(versions: Vec<Contract>) -> Result<Contracts, InvalidContracts> {
    Contracts::new(Currency::EUR, zone("Europe/Berlin").unwrap(), versions)
}

fn retail(contracts: &Contracts, at: &str) -> Option<i64> {
    contracts.prices(slot(at)).map(|prices| prices.retail.micros_per_kwh())
}

#[test]
fn a_version_holds_from_local_midnight_until_the_next() {
    let contracts =
        berlin(vec![fixed("2026-01-01", 300_000, 80_000), fixed("2026-07-01", 320_000, 79_000)]).unwrap();
    // Berlin's midnight is 22:00 UTC in summer and 23:00 in winter.
    assert_eq!(retail(&contracts, "2026-06-30T21:45:00Z"), Some(300_000));
    assert_eq!(retail(&contracts, "2026-06-30T22:00:00Z"), Some(320_000));
    assert_eq!(retail(&contracts, "2025-12-31T23:00:00Z"), Some(300_000));
}

#[test]
fn before_the_first_version_the_price_is_unknown_and_not_zero() {
    let contracts = berlin(vec![fixed("2026-01-01", 300_000, 80_000)]).unwrap();
    assert_eq!(contracts.prices(slot("2025-12-31T22:45:00Z")), None);
}

#[test]
fn versions_start_on_rising_days_and_there_is_one() {
    assert_eq!(berlin(vec![]), Err(InvalidContracts::Empty));
    let (earlier, later) = (day("2026-01-01"), day("2026-01-01"));
    let twice = berlin(vec![fixed("2026-01-01", 1, 1), fixed("2026-01-01", 2, 1)]);
    assert_eq!(twice, Err(InvalidContracts::NotRising { earlier, later }));
}

#[test]
fn a_change_holds_from_tomorrow_on_at_the_earliest() {
    let contracts = berlin(vec![fixed("2026-01-01", 300_000, 80_000)]).unwrap();
    // 23:30 in Berlin on the 10th: tomorrow is the 11th there, whatever day it is in UTC.
    let now: Timestamp = "2026-06-10T21:30:00Z".parse().unwrap();
    let (valid_from, earliest) = (day("2026-06-10"), day("2026-06-11"));
    let refused = contracts.changed(fixed("2026-06-10", 1, 1), now);
    assert_eq!(refused, Err(InvalidContracts::AltersThePast { valid_from, earliest }));
    let changed = contracts.changed(fixed("2026-06-11", 310_000, 80_000), now).unwrap();
    assert_eq!(retail(&changed, "2026-06-10T21:45:00Z"), Some(300_000));
    assert_eq!(retail(&changed, "2026-06-10T22:00:00Z"), Some(310_000));
    let again = changed.changed(fixed("2026-06-11", 305_000, 80_000), now).unwrap();
    assert_eq!(again.versions().len(), 2);
}

#[test]
fn a_version_that_has_not_begun_can_be_taken_back_and_no_other() {
    let contracts =
        berlin(vec![fixed("2026-01-01", 300_000, 80_000), fixed("2026-07-01", 320_000, 79_000)]).unwrap();
    let now: Timestamp = "2026-06-10T21:30:00Z".parse().unwrap();
    assert_eq!(contracts.without(day("2026-07-01"), now).unwrap().versions().len(), 1);
    let refused = contracts.without(day("2026-01-01"), now);
    assert!(matches!(refused, Err(InvalidContracts::AltersThePast { .. })), "{refused:?}");
}

#[test]
fn contracts_read_from_a_file_and_write_back_the_same() {
    #[derive(serde::Deserialize, serde::Serialize, PartialEq, Debug)]
    struct File {
        contract: Vec<ContractTable>,
    }
    let text = "[[contract]]\nvalid_from = \"2026-01-01\"\nretail = \"0.300 EUR/kWh\"\nfeed_in = \"0.081234 EUR/kWh\"\n";
    let file: File = toml::from_str(text).unwrap();
    let contracts =
        Contracts::from_tables(Currency::EUR, zone("Europe/Berlin").unwrap(), &file.contract).unwrap();
    let price = Price::from_micros_per_kwh;
    let expected = SlotPrices { retail: price(300_000), feed_in: price(81_234) };
    assert_eq!(contracts.prices(slot("2026-06-01T12:00:00Z")), Some(expected));
    assert_eq!(toml::to_string(&File { contract: contracts.to_tables() }).unwrap(), text);
}

#[test]
fn a_price_in_another_currency_is_refused_by_its_field() {
    let table = ContractTable::fixed(day("2026-01-01"), "0.3 CHF/kWh", "0.1 EUR/kWh");
    let refused =
        Contracts::from_tables(Currency::EUR, zone("Europe/Berlin").unwrap(), &[table]).unwrap_err();
    let expected = "contract from 2026-01-01, retail: \"0.3 CHF/kWh\" is not a price: the unit is \"CHF/kWh\" \
                    where EUR/kWh was expected; write it as 0.120 EUR/kWh";
    assert_eq!(refused.to_string(), expected);
}

proptest! {
    #[test]
    fn a_change_never_alters_the_past(now in 1_760_000_000i64..1_830_000_000, ahead in -20i64..60, back in 0i64..4000) {
        let contracts = berlin(vec![fixed("2026-01-01", 300_000, 80_000), fixed("2026-07-01", 320_000, 79_000)]).unwrap();
        let now = Timestamp::from_seconds(now);
        let date = now.to_chrono().date_naive() + chrono::Duration::days(ahead);
        let change = Contract { valid_from: DayKey::new(date), ..fixed("2026-01-01", 999, 1) };
        if let Ok(changed) = contracts.changed(change, now) {
            let past = Slot::containing(now).offset(-back);
            prop_assert_eq!(changed.prices(past), contracts.prices(past));
        } else {
            prop_assert!(ahead <= 1, "a day in the future is never refused");
        }
    }
}
