//! What holds for every log: roots, proofs and tiles agree with the naive tree.

use std::collections::BTreeMap;
use std::convert::Infallible;

use ledger::{Log, Tile, Unproved, inclusion_proof};
use proptest::prelude::*;

use crate::naive;

#[test]
fn every_proof_of_every_small_log_is_the_naive_one_and_verifies() {
    let (log, leaves) = naive::log(70);
    for size in 0..=70 {
        let root = log.root_at(size as u64).unwrap();
        assert_eq!(root, naive::root(&leaves[..size]));
        for index in 0..size {
            let proof = log.inclusion(index as u64, size as u64).unwrap();
            assert_eq!(proof.0, naive::path(index, &leaves[..size]));
            proof.verify(index as u64, leaves[index], size as u64, root).unwrap();
        }
        for old in 1..=size {
            let proof = log.consistency(old as u64, size as u64).unwrap();
            assert_eq!(proof.0, naive::subproof(old, &leaves[..size], true));
            proof.verify(old as u64, naive::root(&leaves[..old]), size as u64, root).unwrap();
        }
        log.consistency(0, size as u64).unwrap().verify(0, ledger::EMPTY_ROOT, size as u64, root).unwrap();
    }
}

#[test]
fn a_log_goes_on_from_its_frontier_or_from_stored_hashes() {
    let (whole, _) = naive::log(100);
    for size in 0..100 {
        let (part, _) = naive::log(size);
        let stored = Log::from_stored(size, |node| whole.hash(node).ok_or(())).unwrap();
        assert_eq!(&stored, part.log());
        let mut log = Log::resume(size, part.log().frontier().to_vec()).unwrap();
        for number in size..100 {
            log.append(&naive::entry(number));
        }
        assert_eq!(log.root(), whole.root());
    }
}

#[test]
fn a_proof_beyond_the_log_is_not_made() {
    let (log, _) = naive::log(5);
    assert!(log.inclusion(5, 5).is_err());
    assert!(log.inclusion(0, 6).is_err());
    assert!(log.consistency(3, 6).is_err());
    assert!(log.consistency(4, 3).is_err());
    assert!(log.many(&[1, 1], 5).is_err());
    assert!(log.many(&[2, 1], 5).is_err());
    assert!(log.many(&[5], 5).is_err());
}

/// Publishes a log's tiles as it grows, as an exchange would.
fn publish(steps: &[u64]) -> BTreeMap<String, Vec<u8>> {
    let (log, _) = naive::log(steps.iter().sum());
    let (mut size, mut files) = (0, BTreeMap::new());
    for step in steps {
        for tile in Tile::grown(size, size + step) {
            let bytes = tile.encode(|node| log.hash(node).ok_or(())).unwrap();
            files.insert(tile.to_string(), bytes);
        }
        size += step;
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn proofs_can_be_made_from_published_tiles_alone(
        steps in prop::collection::vec(1u64..400, 1..5),
        which in any::<prop::sample::Index>(),
    ) {
        let files = publish(&steps);
        let size: u64 = steps.iter().sum();
        let (log, leaves) = naive::log(size);
        let index = which.index(size as usize);
        let proof = inclusion_proof(index as u64, size, |node| {
            let tile = Tile::covering(node, size).expect("within the log");
            Ok::<_, Infallible>(tile.hash(&files[&tile.to_string()], node).unwrap())
        }).unwrap();
        prop_assert_eq!(&proof, &log.inclusion(index as u64, size).unwrap());
        prop_assert!(proof.verify(index as u64, leaves[index], size, log.root()).is_ok());
    }

    #[test]
    fn one_proof_of_many_entries_verifies_and_is_never_longer_than_theirs_together(
        size in 1u64..600,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (log, leaves) = naive::log(size);
        let mut indices: Vec<u64> = picks.iter().map(|pick| pick.index(size as usize) as u64).collect();
        indices.sort_unstable();
        indices.dedup();
        let proof = log.many(&indices, size).unwrap();
        let shown: Vec<_> = indices.iter().map(|&index| (index, leaves[index as usize])).collect();
        prop_assert_eq!(proof.verify(&shown, size, log.root()), Ok(()));
        let singles: usize = indices.iter().map(|&index| log.inclusion(index, size).unwrap().0.len()).sum();
        prop_assert!(proof.0.len() <= singles.max(1));
        for place in 0..shown.len() {
            let mut wrong = shown.clone();
            wrong[place].1 = naive::entry(u64::MAX).leaf_hash();
            prop_assert_eq!(proof.verify(&wrong, size, log.root()), Err(Unproved::OtherRoot));
        }
    }

    #[test]
    fn a_proof_with_one_hash_changed_lost_or_added_proves_nothing(
        size in 2u64..300,
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        kind in 0..3,
    ) {
        let (log, leaves) = naive::log(size);
        let index = which.index(size as usize);
        let mut proof = log.inclusion(index as u64, size).unwrap();
        let place = place.index(proof.0.len());
        match kind {
            0 => proof.0[place].0[7] ^= 1,
            1 => { proof.0.remove(place); }
            _ => proof.0.insert(place, leaves[0]),
        }
        prop_assert!(proof.verify(index as u64, leaves[index], size, log.root()).is_err());
    }
}
