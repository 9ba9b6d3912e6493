//! Published tariffs with days that were computed by hand, transition days among them.
//!
//! A file in `tests/golden` names the tariff, its source and its contract as an owner writes it, and days:
//! what flows in each quarter hour by the clock on the wall, the spot price in units per MWh, the sum as it was
//! done on paper, and what must come out.

use std::path::Path;

use pricing::{ContractTable, Contracts, Metered, Published, SpotCurve, bill};
use serde::Deserialize;
use units::{Currency, DayKey, LocalDay, Money, Price, Slot, WattHours, zone};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    tariff: String,
    source: String,
    zone: String,
    currency: Currency,
    contract: Vec<ContractTable>,
    day: Vec<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    date: DayKey,
    slots: usize,
    #[serde(default)]
    imported_before_wh: i64,
    by_hand: String,
    import_cost: String,
    #[serde(default)]
    export_income: Option<String>,
    #[serde(default)]
    paid_to_export: Option<String>,
    #[serde(default)]
    standing: Option<String>,
    r#use: Vec<Use>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Use {
    hours: String,
    #[serde(default)]
    import_wh: i64,
    #[serde(default)]
    export_wh: i64,
    spot: Option<i64>,
}

#[test]
fn published_tariffs_come_out_as_computed_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut countries = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let golden: Golden = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!golden.tariff.is_empty() && !golden.source.is_empty(), "{name}");
        assert!(golden.day.len() >= 2, "{name} has both transition days");
        check(&name, &golden);
        countries.push(name[..2].to_owned());
    }
    assert!(countries.len() >= 12, "{countries:?}");
    for country in ["de", "at", "nl", "in", "uk", "au"] {
        assert!(countries.iter().filter(|found| *found == country).count() >= 2, "{country}");
    }
}

fn check(name: &str, golden: &Golden) {
    let zone = zone(&golden.zone).unwrap();
    let contracts = Contracts::from_tables(golden.currency, zone, &golden.contract).unwrap();
    let again = Contracts::from_tables(golden.currency, zone, &contracts.to_tables()).unwrap();
    assert_eq!(contracts, again, "{name} reads back what it writes");
    for day in &golden.day {
        let local = LocalDay::new(day.date, zone);
        assert_eq!(local.slot_count(), day.slots, "{name} {}", day.date);
        let mut spot = SpotCurve::<Published>::new(golden.currency);
        let mut metered = Vec::new();
        for slot in Slot::range(local.slots()) {
            let minute = LocalDay::minute_of_day(slot.start(), zone);
            let Some(usage) = day.r#use.iter().find(|usage| within(&usage.hours, minute)) else { continue };
            if let Some(per_mwh) = usage.spot {
                spot.set(slot, Price::from_micros_per_kwh(per_mwh * 1000));
            }
            let (import, export) = (WattHours::new(usage.import_wh), WattHours::new(usage.export_wh));
            metered.push(Metered { slot, import, export });
        }
        let billed = bill(&contracts, &metered, &spot, WattHours::new(day.imported_before_wh)).unwrap();
        assert_eq!(billed.unpriced, [], "{name} {}", day.date);
        let [billed] = billed.days[..] else { panic!("{name} {}: one day is billed", day.date) };
        let zero = || Some("0".to_owned());
        for (what, money, expected) in [
            ("import", billed.import_cost, &Some(day.import_cost.clone())),
            ("export", billed.export_income, &day.export_income.clone().or_else(zero)),
            ("paid to export", billed.paid_to_export, &day.paid_to_export.clone().or_else(zero)),
            ("standing", billed.standing, &day.standing.clone().or_else(zero)),
        ] {
            let expected = money_of(expected.as_deref().unwrap());
            assert_eq!(money, expected, "{name} {} {what}: {}", day.date, day.by_hand);
        }
    }
}

fn within(hours: &str, minute: u32) -> bool {
    let of = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap();
        hour.parse::<u32>().unwrap() * 60 + minute.parse::<u32>().unwrap()
    };
    let (from, to) = hours.split_once('-').unwrap();
    of(from) <= minute && minute < of(to)
}

fn money_of(text: &str) -> Money {
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (whole, part) = size.split_once('.').unwrap_or((size, ""));
    Money::from_nanos(sign * format!("{whole}{part:0<9}").parse::<i64>().unwrap())
}
