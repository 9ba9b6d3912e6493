//! Death at any instant: what was acknowledged is there, what is there is whole.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::Path;

use history::{History, OpenMode, Posting, Settlement, What};
use metering::Quality;
use units::{Money, Slot};

use crate::children::child_of_this;
use crate::support::{grid, noon, noon_slot, order, sample_at, seconds, settlement, slot_energy};

/// How many postings each settlement has: one that has fewer was torn.
const POSTINGS: usize = 5;

fn settled(cursor: i64) -> Settlement {
    let line = |number: i64| Posting {
        reference: format!("line {number}"),
        what: What::Energy,
        amount: Money::from_nanos(number),
    };
    let postings = (0..POSTINGS as i64).map(line).collect();
    Settlement { postings, ..settlement(cursor, noon_slot().offset(cursor), 1) }
}

fn all_settlements(history: &History) -> Vec<Settlement> {
    history.settlements(noon_slot()..noon_slot().offset(1_000_000)).unwrap()
}

/// The child: writes what must never be lost, one thing after another, and tells each after its reply.
pub fn write_until_killed(folder: &Path) {
    let history = History::open(&folder.join("history.sqlite"), OpenMode::ReadWrite).unwrap();
    let first = history.last_settlement().unwrap().map_or(1, |last| last.cursor + 1);
    for number in first.. {
        let slot = noon_slot().offset(number);
        history.record_sample(&grid(), &sample_at(slot.start(), 1), slot.start()).unwrap();
        history.queue_order(&order(&format!("order-{number}"), slot)).unwrap();
        println!("order {number}");
        let energy = slot_energy(slot, 1, Quality::Measured);
        history.record_slot(&grid(), "2026-06-01".parse().unwrap(), &energy, slot.end()).unwrap();
        println!("slot {number}");
        history.record_settlement(&settled(number), slot.end()).unwrap();
        println!("settlement {number}");
    }
}

#[test]
fn a_history_killed_twenty_times_has_every_acknowledged_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..20 {
        acknowledged.extend(kill_after(folder.path(), RandomState::new().hash_one(round) % 60));
        let history = History::open(&folder.path().join("history.sqlite"), OpenMode::ReadWrite).unwrap();
        let found = found_in(&history);
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged and lost in round {round}: {lost:?}");
    }
    assert!(acknowledged.len() > 20, "the child had got somewhere: {acknowledged:?}");
}

/// Starts a child and kills it after so many of its acknowledgements; returns all that came.
fn kill_after(folder: &Path, acknowledgements: u64) -> Vec<String> {
    let mut writer = child_of_this("write until killed", folder).spawn().unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut heard = Vec::new();
    for line in lines.map_while(Result::ok) {
        // Cut through by the kill, a last line may lack its number.
        if let [kind @ ("order" | "slot" | "settlement"), number] = line.split(' ').collect::<Vec<_>>()[..] {
            heard.push((kind.to_owned(), number.to_owned()));
        }
        if heard.len() as u64 == acknowledgements + 1 {
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    // `lines` gives a last line without its end too; the number may be cut then.
    let whole = heard.len().saturating_sub(1);
    heard.into_iter().take(whole).map(|(kind, number)| format!("{kind} {number}")).collect()
}

fn found_in(history: &History) -> BTreeSet<String> {
    let all = noon_slot()..noon_slot().offset(1_000_000);
    let number = |slot: Slot| slot.index() - noon_slot().index();
    let mut found = BTreeSet::new();
    found.extend(
        history.orders(all.clone()).unwrap().iter().map(|order| order.order.id.as_str().replace('-', " ")),
    );
    let slots = history.slots(&grid(), all).unwrap();
    found.extend(slots.iter().map(|slot| format!("slot {}", number(slot.slot))));
    for settled in all_settlements(history) {
        assert_eq!(settled.postings.len(), POSTINGS, "a torn settlement");
        found.insert(format!("settlement {}", settled.cursor));
    }
    found
}

#[test]
fn a_log_cut_at_any_byte_opens_and_holds_the_first_of_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let history = History::open(&path, OpenMode::ReadWrite).unwrap();
    for cursor in 1..=12 {
        history.record_settlement(&settled(cursor), noon()).unwrap();
    }
    // As the disk would look if the power went now: the file and its log, not folded together.
    let (file, log) =
        (std::fs::read(&path).unwrap(), std::fs::read(folder.path().join("history.sqlite-wal")).unwrap());
    drop(history);
    let mut most = 0;
    for part in 0..=16 {
        let cut = folder.path().join(format!("cut-{part}.sqlite"));
        std::fs::write(&cut, &file).unwrap();
        let length = (log.len() * part / 16).saturating_sub(part % 3);
        std::fs::write(folder.path().join(format!("cut-{part}.sqlite-wal")), &log[..length]).unwrap();
        let survived = all_settlements(&History::open(&cut, OpenMode::ReadWrite).unwrap());
        let expected: Vec<_> = (1..=survived.len() as i64).map(settled).collect();
        assert_eq!(survived, expected);
        assert!(survived.len() >= most, "a longer log never holds less");
        most = survived.len();
    }
    assert_eq!(most, 11, "the last byte of the log was cut, and with it the last commit");
}

#[test]
fn what_waits_in_memory_is_in_the_file_when_the_last_handle_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let history = History::open(&path, OpenMode::ReadWrite).unwrap();
    history.record_sample(&grid(), &sample_at(noon(), 5), noon() + seconds(1)).unwrap();
    drop(history.clone());
    drop(history);
    let history = History::open(&path, OpenMode::ReadOnly).unwrap();
    assert_eq!(history.latest_sample(&grid()).unwrap(), Some(sample_at(noon(), 5)));
}

#[test]
fn many_threads_write_and_read_one_history() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&folder.path().join("history.sqlite"), OpenMode::ReadWrite).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let history = history.clone();
            scope.spawn(move || {
                for number in 0..25 {
                    let cursor = thread * 25 + number + 1;
                    history.record_settlement(&settled(cursor), noon()).unwrap();
                    let found = all_settlements(&history);
                    assert!(
                        found.iter().all(|one| one.postings.len() == POSTINGS),
                        "never half a settlement"
                    );
                    assert!(found.iter().any(|one| one.cursor == cursor), "one reads what one has written");
                }
            });
        }
    });
    assert_eq!(all_settlements(&history).len(), 100);
}

#[test]
fn a_snapshot_taken_while_others_write_shows_one_instant() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(&folder.path().join("history.sqlite"), OpenMode::ReadWrite).unwrap();
    std::thread::scope(|scope| {
        let writer = history.clone();
        scope.spawn(move || {
            (1..=60).for_each(|cursor| {
                writer.record_settlement(&settled(cursor), noon()).unwrap();
            })
        });
        for second in 0..3 {
            let snapshot = history.snapshot(noon() + seconds(second)).unwrap();
            let found = all_settlements(&History::open(&snapshot, OpenMode::ReadOnly).unwrap());
            let expected: Vec<_> = (1..=found.len() as i64).map(settled).collect();
            assert_eq!(found, expected);
        }
    });
}
