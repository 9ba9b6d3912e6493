//! What metered energy comes to.

use pricing::{Metered, NoPrice, bill};
use proptest::prelude::*;
use units::{LocalDay, Money, Slot, WattHours, zone};

use crate::home::{day, read, slot, spot};

const TEXT: &str = r#"
[[contract]]
valid_from = "2026-01-01"
retail = "0.300 EUR/kWh"
feed_in = "0.080 EUR/kWh"
standing = ["0.500 EUR/day", "31.00 EUR/month"]
"#;

const TIERED: &str = r#"
[[contract]]
valid_from = "2026-01-01"
retail = "0.600 EUR/kWh"
feed_in = "0.080 EUR/kWh"
tier = [{ up_to = "100 kWh/month", retail = "0.400 EUR/kWh" }]
"#;

fn metered(at: &str, import: i64, export: i64) -> Metered {
    Metered { slot: slot(at), import: WattHours::new(import), export: WattHours::new(export) }
}

fn euros(text: f64) -> Money {
    Money::from_nanos((text * 1e9).round() as i64)
}

#[test]
fn export_never_nets_import() {
    let contracts = read(TEXT).unwrap();
    let rows = [metered("2026-05-10T10:00:00Z", 1000, 1000)];
    let billed = bill(&contracts, &rows, &spot("2026-01-01T00:00:00Z", &[]), WattHours::ZERO).unwrap();
    let today = billed.days[0];
    assert_eq!((today.import_cost, today.export_income), (euros(0.3), euros(0.08)));
    assert_eq!(today.standing, euros(1.5));
    assert_eq!(billed.total(), Ok(euros(0.3 + 1.5 - 0.08)));
}

#[test]
fn the_standing_charge_is_due_once_a_local_day_however_long_it_is() {
    let contracts = read(TEXT).unwrap();
    let nothing = spot("2026-01-01T00:00:00Z", &[]);
    let berlin = zone("Europe/Berlin").unwrap();
    let (from, to) = (LocalDay::new(day("2026-03-01"), berlin), LocalDay::new(day("2026-04-01"), berlin));
    let rows: Vec<_> = Slot::range(from.slots().start..to.slots().start)
        .map(|slot| Metered { slot, import: WattHours::ZERO, export: WattHours::ZERO })
        .collect();
    let whole = bill(&contracts, &rows, &nothing, WattHours::ZERO).unwrap();
    assert_eq!((whole.days.len(), whole.total()), (31, Ok(euros(31.0 * 0.5 + 31.0))));
    // A day without any reading between two others is due as well.
    let rows = [metered("2026-05-10T10:00:00Z", 0, 0), metered("2026-05-12T10:00:00Z", 0, 0)];
    let torn = bill(&contracts, &rows, &nothing, WattHours::ZERO).unwrap();
    assert_eq!((torn.days.len(), torn.total()), (3, Ok(euros(4.5))));
}

#[test]
fn a_tier_ends_within_a_slot_and_begins_anew_with_its_period() {
    let contracts = read(TIERED).unwrap();
    let rows = [
        metered("2026-05-31T21:30:00Z", 2000, 0),
        metered("2026-05-31T21:45:00Z", 1000, 0),
        // In Berlin it is June.
        metered("2026-05-31T22:00:00Z", 1000, 0),
    ];
    let before = WattHours::new(99_000);
    let billed = bill(&contracts, &rows, &spot("2026-01-01T00:00:00Z", &[]), before).unwrap();
    let costs: Vec<_> = billed.days.iter().map(|day| day.import_cost).collect();
    assert_eq!(costs, [euros(0.4 + 0.6 + 0.6), euros(0.4)]);
}

#[test]
fn slots_without_a_price_are_named_and_not_counted() {
    let text = TEXT.replace("\"0.300 EUR/kWh\"", "{ spot = \"100 %\" }");
    let contracts = read(&text).unwrap();
    let rows = [
        metered("2025-12-31T10:00:00Z", 1000, 0),
        metered("2026-05-10T10:00:00Z", 1000, 0),
        metered("2026-05-10T10:15:00Z", 1000, 0),
    ];
    let billed = bill(&contracts, &rows, &spot("2026-05-10T10:00:00Z", &[200]), WattHours::ZERO).unwrap();
    let unpriced = [(rows[0].slot, NoPrice::NoContract), (rows[2].slot, NoPrice::SpotUnknown)];
    assert_eq!(billed.unpriced, unpriced);
    assert_eq!((billed.days[0].import_cost, billed.days[0].imported), (euros(0.2), WattHours::new(1000)));
}

proptest! {
    #[test]
    fn a_bill_of_many_days_is_the_sum_of_the_bills_of_its_slots(
        rows in prop::collection::vec((0i64..3000, 0i64..3000, -500i64..500), 1..300),
    ) {
        let text = TEXT.replace("\"0.300 EUR/kWh\"", "{ spot = \"100 %\", tax = \"19 %\" }");
        let contracts = read(&text).unwrap();
        let start = slot("2026-03-28T12:00:00Z");
        let curve = spot("2026-03-28T12:00:00Z", &rows.iter().map(|row| row.2).collect::<Vec<_>>());
        let rows: Vec<_> = (0..).zip(&rows).map(|(offset, row)| Metered {
            slot: start.offset(offset), import: WattHours::new(row.0), export: WattHours::new(row.1),
        }).collect();
        let whole = bill(&contracts, &rows, &curve, WattHours::ZERO).unwrap();
        let cost: Money = whole.days.iter().map(|day| day.import_cost).sum();
        let single: Money = rows.iter().map(|row| {
            let price = contracts.prices_with(row.slot, &curve, None).unwrap().retail;
            row.import.at(price).unwrap()
        }).sum();
        prop_assert_eq!(cost, single);
    }
}
