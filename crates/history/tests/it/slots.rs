//! Energy of slots: the better figure stays, what was said before is kept.

use history::{History, HistoryError, SlotRecorded, SlotRow};
use metering::Quality;
use units::{DayKey, Energy, LocalDay};

use crate::support::{grid, noon, noon_slot, seconds, slot_energy};

fn day() -> DayKey {
    "2026-06-01".parse().unwrap()
}

#[test]
fn a_slot_comes_back_as_it_was() {
    let history = History::in_memory().unwrap();
    let energy = slot_energy(noon_slot(), 600, Quality::Measured);
    let outcome = history.record_slot(&grid(), day(), &energy, noon()).unwrap();
    assert_eq!(outcome, SlotRecorded::New);
    let found = history.slots(&grid(), noon_slot()..noon_slot().next()).unwrap();
    assert_eq!((found[0].slot, found[0].local_day, &found[0].energy), (noon_slot(), day(), &energy));
    assert_eq!(history.record_slot(&grid(), day(), &energy, noon()).unwrap(), SlotRecorded::Same);
}

#[test]
fn what_was_recovered_replaces_what_was_missing_and_the_gap_is_remembered() {
    let history = History::in_memory().unwrap();
    let slot = noon_slot();
    let mut missing = slot_energy(slot, 0, Quality::Missing);
    (missing.import, missing.export, missing.borders) = (None, None, Default::default());
    let recovered = slot_energy(slot, 600, Quality::Recovered);
    history.record_slot(&grid(), day(), &missing, noon()).unwrap();
    assert_eq!(history.slots(&grid(), slot..slot.next()).unwrap()[0].energy.export, None);
    let outcome = history.record_slot(&grid(), day(), &recovered, noon()).unwrap();
    assert_eq!(outcome, SlotRecorded::Replaced);
    assert_eq!(history.slots(&grid(), slot..slot.next()).unwrap()[0].energy, recovered);
    assert_eq!(history.slot_revisions(&grid(), slot).unwrap(), [missing.clone()]);
    assert_eq!(history.record_slot(&grid(), day(), &missing, noon()).unwrap(), SlotRecorded::KeptBetter);
}

#[test]
fn first_and_last_slot_are_those_of_the_meter() {
    let history = History::in_memory().unwrap();
    assert_eq!(history.last_slot(&grid()).unwrap(), None);
    let rows: Vec<_> = (0..3)
        .map(|offset| SlotRow {
            local_day: day(),
            energy: slot_energy(noon_slot().offset(offset), 1, Quality::Measured),
        })
        .collect();
    history.record_slots(&grid(), &rows, noon()).unwrap();
    history.record_slots(&"solar".parse().unwrap(), &rows[..1], noon()).unwrap();
    assert_eq!(history.first_slot(&grid()).unwrap().unwrap().slot, noon_slot());
    assert_eq!(history.last_slot(&grid()).unwrap().unwrap().slot, noon_slot().offset(2));
}

#[test]
fn an_interval_that_is_no_slot_is_refused() {
    let history = History::in_memory().unwrap();
    let mut odd = slot_energy(noon_slot(), 1, Quality::Measured);
    odd.start = odd.start + seconds(60);
    let refused = history.record_slot(&grid(), day(), &odd, noon());
    assert!(matches!(refused, Err(HistoryError::NotASlot { .. })));
}

#[test]
fn a_day_of_a_hundred_slots_adds_up_to_its_slots_and_says_how_sure_it_is() {
    let history = History::in_memory().unwrap();
    let day = LocalDay::new("2026-10-25".parse().unwrap(), units::zone("Europe/Berlin").unwrap());
    let rows: Vec<_> = units::Slot::range(day.previous().slots().start..day.slots().end)
        .map(|slot| {
            let local_day = LocalDay::containing(slot.start(), units::zone("Europe/Berlin").unwrap()).key();
            let quality = if slot.index() % 10 == 0 { Quality::Recovered } else { Quality::Measured };
            SlotRow { local_day, energy: slot_energy(slot, 7, quality) }
        })
        .collect();
    history.record_slots(&grid(), &rows, noon()).unwrap();
    let days = history.energy_by_day(&grid(), day.key()..day.key().next()).unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].export, Some(Energy::from_watt_hours(700)));
    assert_eq!((days[0].measured, days[0].recovered), (90, 10));
    assert_eq!(days[0].missing, 0);
}
