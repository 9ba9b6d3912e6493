//! An operator who rewrites history is found: by the proof of an entry, or by who holds an older checkpoint.

use ledger::{Checkpoint, Commitment, KeyChain, LogKey, MemoryLog, Receipt, SigningKey};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::naive;

const ORIGIN: &str = "log.example/street";

#[derive(Clone, Copy, Debug)]
enum Forgery {
    Edit,
    Delete,
    Insert,
    Swap,
    /// Two histories from some entry on.
    Fork,
    Rollback,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn log_of(entries: &[Commitment]) -> MemoryLog {
    let mut log = MemoryLog::new();
    for entry in entries {
        log.append(entry);
    }
    log
}

/// What a member keeps of a log: a checkpoint and the receipt of one entry.
fn receipt(log: &MemoryLog, index: u64, entry: Commitment) -> Receipt {
    let head = Checkpoint { origin: ORIGIN.to_owned(), size: log.size(), root: log.root() };
    let proof = log.inclusion(index, log.size()).unwrap();
    Receipt { commitment: entry, index, proof, checkpoint: head.sign(&key()).unwrap() }
}

/// Changes the past below `seen` entries, then lets the log grow to its old size or beyond.
fn forge(entries: &[Commitment], seen: usize, place: usize, forgery: Forgery) -> Vec<Commitment> {
    let strange = naive::entry(u64::MAX);
    let mut forged = entries.to_vec();
    match forgery {
        Forgery::Edit => forged[place] = strange,
        Forgery::Delete => {
            forged.remove(place);
            forged.push(strange);
        }
        Forgery::Insert => forged.insert(place, strange),
        Forgery::Swap => forged.swap(place, (place + 1) % seen),
        Forgery::Fork => forged[place..].iter_mut().for_each(|entry| entry.0[31] ^= 1),
        Forgery::Rollback => forged.truncate(place),
    }
    forged
}

#[test]
fn a_thousand_forgeries_of_the_past_are_all_found_by_who_holds_an_older_checkpoint() {
    let mut runner = TestRunner::new(Config { cases: 1000, ..Config::default() });
    let kinds = prop_oneof![
        Just(Forgery::Edit),
        Just(Forgery::Delete),
        Just(Forgery::Insert),
        Just(Forgery::Swap),
        Just(Forgery::Fork),
        Just(Forgery::Rollback),
    ];
    let cases = (2usize..80, 0usize..40, any::<prop::sample::Index>(), kinds);
    runner
        .run(&cases, |(seen, more, place, forgery)| {
            let entries: Vec<Commitment> = (0..(seen + more) as u64).map(naive::entry).collect();
            let honest = log_of(&entries[..seen]);
            let place = place.index(seen);
            let forged = log_of(&forge(&entries, seen, place, forgery));
            let (old, new) = (honest.size(), forged.size());
            // The operator makes the best proof that his new history allows.
            let accepted = match forged.consistency(old, new) {
                Ok(proof) => proof.verify(old, honest.root(), new, forged.root()).is_ok(),
                Err(_) => {
                    ledger::ConsistencyProof::default().verify(old, honest.root(), new, forged.root()).is_ok()
                }
            };
            prop_assert!(!accepted, "{forgery:?} at {place} of {seen}");
            // The control: without a forgery the same client is content.
            let grown = log_of(&entries);
            let proof = grown.consistency(old, grown.size()).unwrap();
            prop_assert_eq!(proof.verify(old, honest.root(), grown.size(), grown.root()), Ok(()));
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_entry_that_was_changed_has_no_receipt() {
    let entries: Vec<Commitment> = (0..50).map(naive::entry).collect();
    let keys = KeyChain::new(LogKey::new(ORIGIN, key().verifying_key()).unwrap());
    let log = log_of(&entries);
    for index in 0..50 {
        let good = receipt(&log, index, entries[index as usize]);
        good.verify(&entries[index as usize], &keys).unwrap();
        assert!(good.verify(&naive::entry(99), &keys).is_err());
        let forged = log_of(&forge(&entries, 50, index as usize, Forgery::Edit));
        let bad = Receipt { commitment: entries[index as usize], ..receipt(&forged, index, entries[0]) };
        assert!(bad.verify(&entries[index as usize], &keys).is_err());
        let moved = Receipt { index: (index + 1) % 50, ..good.clone() };
        assert!(moved.verify(&entries[index as usize], &keys).is_err());
        let json = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), good);
    }
}
