//! Proofs: that an entry is in a log, that several are, that a log only grew.
//!
//! Proofs are made from stored hashes that the caller finds for a [`Node`]. Checking needs no hashes but
//! the proof's own. Sizes may be anything a stranger sends: nothing here recurses deeper than 64 or
//! allocates by a number that it did not see as data.

use std::fmt;
use std::ops::Range;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::node::{Node, complete_subtrees, split};

/// The most hashes in a proof of one entry or of growth: twice the depth of the largest tree bounds both.
pub const MAX_PROOF_HASHES: usize = 128;

/// That one entry is in a tree, RFC 6962 section 2.1.1: hashes from the leaf up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InclusionProof(#[serde(deserialize_with = "few_hashes")] pub Vec<Hash>);

/// That a tree grew out of a smaller one, RFC 6962 section 2.1.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConsistencyProof(#[serde(deserialize_with = "few_hashes")] pub Vec<Hash>);

/// That several entries are in a tree: the hashes of what lies between them, from left to right.
///
/// Shorter than their single proofs together, since what two of them share is there once, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ManyProof(pub Vec<Hash>);

/// Why a proof was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError<E> {
    #[error("entry {index} is not in a log of {size}")]
    NoSuchEntry { index: u64, size: u64 },
    #[error("a log of {new} did not grow out of one of {old}")]
    Shrunk { old: u64, new: u64 },
    #[error("the entries of a proof must rise")]
    NotRising,
    #[error("finding a stored hash of the log")]
    Hash(#[source] E),
}

/// Why a proof does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    #[error("the place named is not in a log of that size")]
    NoSuchEntry,
    #[error("the entries named are not in rising order")]
    NotRising,
    #[error("the older log is larger than the newer one")]
    Shrunk,
    #[error("the proof has too few or too many hashes")]
    Length,
    #[error("the proof leads to another root")]
    OtherRoot,
    #[error("the proof leads to another root of the older log")]
    OtherOldRoot,
}

/// Makes the proof that an entry is in the tree of a size.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut hashes: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<InclusionProof, ProofError<E>> {
    if index >= size {
        return Err(ProofError::NoSuchEntry { index, size });
    }
    let (mut tree, mut proof) = (0..size, Vec::new());
    while tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        let (inside, beside) = if index < middle {
            (tree.start..middle, middle..tree.end)
        } else {
            (middle..tree.end, tree.start..middle)
        };
        proof.push(subtree_root(beside, &mut hashes).map_err(ProofError::Hash)?);
        tree = inside;
    }
    proof.reverse();
    Ok(InclusionProof(proof))
}

/// Makes the proof that the tree of a size grew out of the tree of an older size.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    mut hashes: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<ConsistencyProof, ProofError<E>> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    if old == 0 || old == new {
        return Ok(ConsistencyProof::default());
    }
    let (mut tree, mut proof, mut known) = (0..new, Vec::new(), true);
    while tree.end != old {
        let middle = tree.start + split(tree.end - tree.start);
        let beside = if old <= middle {
            let right = middle..tree.end;
            tree.end = middle;
            right
        } else {
            known = false;
            let left = tree.start..middle;
            tree.start = middle;
            left
        };
        proof.push(subtree_root(beside, &mut hashes).map_err(ProofError::Hash)?);
    }
    if !known {
        proof.push(subtree_root(tree, &mut hashes).map_err(ProofError::Hash)?);
    }
    proof.reverse();
    Ok(ConsistencyProof(proof))
}

/// Makes the proof that several entries, in rising order, are in the tree of a size.
pub fn many_proof<E>(
    indices: &[u64],
    size: u64,
    mut hashes: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<ManyProof, ProofError<E>> {
    if indices.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(ProofError::NotRising);
    }
    if let Some(&index) = indices.last().filter(|&&index| index >= size) {
        return Err(ProofError::NoSuchEntry { index, size });
    }
    let mut proof = Vec::new();
    if size > 0 {
        prove_range(indices, 0..size, &mut hashes, &mut proof).map_err(ProofError::Hash)?;
    }
    Ok(ManyProof(proof))
}

/// Returns the root of the tree of a size from stored hashes.
pub fn root_of<E>(size: u64, mut hashes: impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 { Ok(EMPTY_ROOT) } else { subtree_root(0..size, &mut hashes) }
}

fn prove_range<E>(
    indices: &[u64],
    tree: Range<u64>,
    hashes: &mut impl FnMut(Node) -> Result<Hash, E>,
    proof: &mut Vec<Hash>,
) -> Result<(), E> {
    if indices.is_empty() {
        proof.push(subtree_root(tree, hashes)?);
    } else if tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        let (left, right) = indices.split_at(indices.partition_point(|&index| index < middle));
        prove_range(left, tree.start..middle, hashes, proof)?;
        prove_range(right, middle..tree.end, hashes, proof)?;
    }
    Ok(())
}

/// Returns the root of a non-empty subtree, complete or at the right end of a tree.
fn subtree_root<E>(tree: Range<u64>, hashes: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut right = None;
    for node in complete_subtrees(tree).rev() {
        let hash = hashes(node)?;
        right = Some(right.map_or(hash, |right| node_hash(hash, right)));
    }
    Ok(right.expect("a subtree has an entry"))
}

impl InclusionProof {
    /// Checks that a leaf is at its place in the tree of a size and root; RFC 9162 section 2.1.3.2.
    pub fn verify(&self, index: u64, leaf: Hash, size: u64, root: Hash) -> Result<(), Unproved> {
        if index >= size {
            return Err(Unproved::NoSuchEntry);
        }
        let (mut place, mut last, mut hash) = (index, size - 1, leaf);
        for &beside in &self.0 {
            if last == 0 {
                return Err(Unproved::Length);
            }
            if place % 2 == 1 || place == last {
                hash = node_hash(beside, hash);
                // At the right end a level without a neighbour is passed without a hash.
                let empty = if place % 2 == 0 { place.trailing_zeros() } else { 0 };
                (place, last) = (shift(place, empty), shift(last, empty));
            } else {
                hash = node_hash(hash, beside);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        match (last, hash == root) {
            (0, true) => Ok(()),
            (0, false) => Err(Unproved::OtherRoot),
            _ => Err(Unproved::Length),
        }
    }
}

impl ConsistencyProof {
    /// Checks that the tree of a size and root grew out of the older one; RFC 9162 section 2.1.4.2.
    pub fn verify(&self, old: u64, old_root: Hash, new: u64, new_root: Hash) -> Result<(), Unproved> {
        if old > new {
            return Err(Unproved::Shrunk);
        }
        if old == 0 || old == new {
            return self.verify_without_hashes(old, old_root, new_root);
        }
        // A complete older tree is a node of the newer one, so its root needs no hash in the proof.
        let (first, rest) = match (old.is_power_of_two(), self.0.split_first()) {
            (true, _) => (old_root, &self.0[..]),
            (false, Some((&first, rest))) => (first, rest),
            (false, None) => return Err(Unproved::Length),
        };
        let skipped = (old - 1).trailing_ones();
        let (mut place, mut last) = (shift(old - 1, skipped), shift(new - 1, skipped));
        let (mut old_hash, mut new_hash) = (first, first);
        for &beside in rest {
            if last == 0 {
                return Err(Unproved::Length);
            }
            if place % 2 == 1 || place == last {
                (old_hash, new_hash) = (node_hash(beside, old_hash), node_hash(beside, new_hash));
                let empty = if place % 2 == 0 { place.trailing_zeros() } else { 0 };
                (place, last) = (shift(place, empty), shift(last, empty));
            } else {
                new_hash = node_hash(new_hash, beside);
            }
            (place, last) = (place >> 1, last >> 1);
        }
        if last != 0 {
            return Err(Unproved::Length);
        }
        if old_hash != old_root {
            return Err(Unproved::OtherOldRoot);
        }
        if new_hash == new_root { Ok(()) } else { Err(Unproved::OtherRoot) }
    }

    /// Nothing grows out of nothing, and a tree out of itself, without a proof.
    fn verify_without_hashes(&self, old: u64, old_root: Hash, new_root: Hash) -> Result<(), Unproved> {
        if !self.0.is_empty() {
            return Err(Unproved::Length);
        }
        match old {
            0 if old_root == EMPTY_ROOT => Ok(()),
            0 => Err(Unproved::OtherOldRoot),
            _ if old_root == new_root => Ok(()),
            _ => Err(Unproved::OtherRoot),
        }
    }
}

impl ManyProof {
    /// Checks that leaves, in rising order of their places, are in the tree of a size and root.
    pub fn verify(&self, leaves: &[(u64, Hash)], size: u64, root: Hash) -> Result<(), Unproved> {
        if leaves.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(Unproved::NotRising);
        }
        if leaves.last().is_some_and(|&(index, _)| index >= size) {
            return Err(Unproved::NoSuchEntry);
        }
        let mut rest = self.0.iter();
        let found = if size == 0 { EMPTY_ROOT } else { proved_range(leaves, 0..size, &mut rest)? };
        if rest.next().is_some() {
            return Err(Unproved::Length);
        }
        if found == root { Ok(()) } else { Err(Unproved::OtherRoot) }
    }
}

/// Each call ends at a given leaf or at a hash of the proof, so calls are bounded by 64 a datum.
fn proved_range(
    leaves: &[(u64, Hash)],
    tree: Range<u64>,
    proof: &mut std::slice::Iter<'_, Hash>,
) -> Result<Hash, Unproved> {
    match leaves {
        [] => proof.next().copied().ok_or(Unproved::Length),
        [(_, leaf)] if tree.end - tree.start == 1 => Ok(*leaf),
        _ => {
            let middle = tree.start + split(tree.end - tree.start);
            let (left, right) = leaves.split_at(leaves.partition_point(|&(index, _)| index < middle));
            let left = proved_range(left, tree.start..middle, proof)?;
            Ok(node_hash(left, proved_range(right, middle..tree.end, proof)?))
        }
    }
}

/// Shifts right; by 64 and more nothing is left.
fn shift(value: u64, by: u32) -> u64 {
    value.checked_shr(by).unwrap_or(0)
}

/// Reads a list of hashes that stops at what a proof can have.
pub(crate) fn few_hashes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Hash>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "at most {MAX_PROOF_HASHES} hashes")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut hashes = Vec::new();
            while let Some(hash) = list.next_element()? {
                if hashes.len() == MAX_PROOF_HASHES {
                    return Err(serde::de::Error::invalid_length(hashes.len() + 1, &self));
                }
                hashes.push(hash);
            }
            Ok(hashes)
        }
    }
    deserializer.deserialize_seq(Few)
}
