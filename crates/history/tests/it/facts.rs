//! Slots as meters and exchange tell them, walked in order, and how long a year of them takes.

use std::time::{Duration, Instant};

use history::{History, Settlement, SlotFacts, SlotRow};
use metering::Quality;
use units::{DayKey, Energy, LocalDay, MeterId, Slot, WattHours, zone};

use crate::support::{grid, noon, noon_slot, settlement, slot_energy};

fn solar() -> MeterId {
    "solar".parse().unwrap()
}

fn row(slot: Slot, export_wh: i64, quality: Quality) -> SlotRow {
    let local_day = LocalDay::containing(slot.start(), zone("Europe/Berlin").unwrap()).key();
    SlotRow { local_day, energy: slot_energy(slot, export_wh, quality) }
}

fn day(text: &str) -> DayKey {
    text.parse().unwrap()
}

fn facts(history: &History, from: &str, to: &str) -> Vec<SlotFacts<2>> {
    let mut found = Vec::new();
    history
        .each_slot([Some(&grid()), Some(&solar())], day(from)..day(to), |facts| found.push(*facts))
        .unwrap();
    found
}

#[test]
fn each_slot_comes_once_with_all_that_is_known_of_it() {
    let history = History::in_memory().unwrap();
    let slots: Vec<Slot> = (0..4).map(|offset| noon_slot().offset(offset)).collect();
    history.record_slots(&grid(), &[row(slots[0], 300, Quality::Measured)], noon()).unwrap();
    let sun = [row(slots[0], 700, Quality::Measured), row(slots[1], 800, Quality::Recovered)];
    history.record_slots(&solar(), &sun, noon()).unwrap();
    history.record_slots(&"cellar".parse().unwrap(), &[row(slots[2], 1, Quality::Measured)], noon()).unwrap();
    let first = Settlement { sold: WattHours::new(1), ..settlement(1, slots[0], 1) };
    let corrected = Settlement { sold: WattHours::new(250), ..settlement(2, slots[0], 2) };
    let alone = Settlement { bought: WattHours::new(9), ..settlement(3, slots[3], 1) };
    for settled in [&first, &corrected, &alone] {
        history.record_settlement(settled, noon()).unwrap();
    }
    let found = facts(&history, "2026-06-01", "2026-06-02");
    let known: Vec<Slot> = found.iter().map(|facts| facts.slot).collect();
    assert_eq!(known, [slots[0], slots[1], slots[3]], "a meter that nobody asked for says nothing");
    assert_eq!(found[0].meters[0].unwrap().export, Some(Energy::from_watt_hours(300)));
    assert_eq!(found[0].meters[1].unwrap().export, Some(Energy::from_watt_hours(700)));
    assert_eq!(found[0].settled.unwrap().sold, WattHours::new(250), "the latest version counts");
    assert_eq!((found[1].meters[0], found[1].meters[1].unwrap().quality), (None, Quality::Recovered));
    assert_eq!((found[2].meters, found[2].settled.unwrap().bought), ([None, None], WattHours::new(9)));
}

#[test]
fn a_day_has_the_slots_whose_local_date_it_is_on_both_clock_changes_too() {
    let history = History::in_memory().unwrap();
    let berlin = zone("Europe/Berlin").unwrap();
    for (date, count) in [("2026-03-29", 92), ("2026-10-25", 100), ("2026-06-01", 96)] {
        let local = LocalDay::new(day(date), berlin);
        let around = local.previous().slots().start..local.next().slots().end;
        let rows: Vec<_> = Slot::range(around).map(|slot| row(slot, 7, Quality::Measured)).collect();
        history.record_slots(&grid(), &rows, noon()).unwrap();
        let found = facts(&history, date, &local.next().key().to_string());
        assert_eq!(found.len(), count, "{date}");
        let summed = history.energy_by_day(&grid(), local.key()..local.next().key()).unwrap();
        let sum: Energy = found.iter().filter_map(|facts| facts.meters[0]?.export).sum();
        assert_eq!(summed[0].export, Some(sum));
    }
}

#[test]
fn the_days_known_reach_from_the_first_slot_to_the_last() {
    let history = History::in_memory().unwrap();
    assert_eq!(history.days_known().unwrap(), None);
    history.record_slots(&grid(), &[row(noon_slot(), 1, Quality::Measured)], noon()).unwrap();
    history.record_settlement(&settlement(1, noon_slot().offset(960), 1), noon()).unwrap();
    assert_eq!(history.days_known().unwrap(), Some((day("2026-06-01"), day("2026-06-11"))));
}

/// Says how long a year takes: `cargo test --release -p history --test it -- --ignored --nocapture year_of`.
#[test]
#[ignore = "measures the machine it runs on"]
fn a_year_of_slots_of_three_meters_is_walked_within_fifty_milliseconds() {
    let folder = tempfile::tempdir().unwrap();
    let (history, _) = History::open_or_restore(&folder.path().join("history.sqlite"), noon()).unwrap();
    let berlin = zone("Europe/Berlin").unwrap();
    let (from, to) = (day("2025-01-01"), day("2026-01-01"));
    let year = LocalDay::new(from, berlin).slots().start..LocalDay::new(to, berlin).slots().start;
    let meters = ["grid", "solar", "battery"].map(|name| name.parse::<MeterId>().unwrap());
    let slots: Vec<Slot> = Slot::range(year).collect();
    for day in slots.chunks(96) {
        for meter in &meters {
            let rows: Vec<_> =
                day.iter().map(|slot| row(*slot, slot.index() % 900, Quality::Measured)).collect();
            history.record_slots(meter, &rows, noon()).unwrap();
        }
        let settled: Vec<_> = day
            .iter()
            .map(|slot| Settlement {
                sold: WattHours::new(slot.index() % 500),
                ..settlement(slot.index(), *slot, 1)
            })
            .collect();
        history.record_settlements(&settled[0].market.clone(), settled, 0, noon()).unwrap();
    }
    let mut took = Vec::new();
    for _ in 0..9 {
        let (mut slots, mut sum, began) = (0, Energy::ZERO, Instant::now());
        let asked = [Some(&meters[0]), Some(&meters[1]), Some(&meters[2])];
        history
            .each_slot(asked, from..to, |facts| {
                slots += 1;
                sum += facts.meters[0].and_then(|meter| meter.export).unwrap_or(Energy::ZERO);
            })
            .unwrap();
        took.push(began.elapsed());
        assert_eq!((slots, sum.is_negative()), (35_040, false));
    }
    took.sort();
    eprintln!("a year: {:?} at best, {:?} in the middle, {:?} at worst", took[0], took[4], took[8]);
    assert!(took[4] < Duration::from_millis(50), "{took:?}");
}
