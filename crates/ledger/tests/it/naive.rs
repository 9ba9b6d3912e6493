//! RFC 6962 section 2.1 word for word: slow, recursive, and easy to believe.

use ledger::{Commitment, EMPTY_ROOT, Hash, MemoryLog, node_hash};

fn split(leaves: &[Hash]) -> usize {
    let mut power = 1;
    while power * 2 < leaves.len() {
        power *= 2;
    }
    power
}

/// MTH
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves));
            node_hash(root(left), root(right))
        }
    }
}

/// PATH
pub fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves));
    if index < left.len() {
        [path(index, left), vec![root(right)]].concat()
    } else {
        [path(index - left.len(), right), vec![root(left)]].concat()
    }
}

/// SUBPROOF
pub fn subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves));
    if old <= left.len() {
        [subproof(old, left, known), vec![root(right)]].concat()
    } else {
        [subproof(old - left.len(), right, false), vec![root(left)]].concat()
    }
}

/// Makes an entry of a number.
pub fn entry(number: u64) -> Commitment {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Commitment(bytes)
}

/// Makes a log of numbered entries, and its leaves.
pub fn log(size: u64) -> (MemoryLog, Vec<Hash>) {
    let mut log = MemoryLog::new();
    for number in 0..size {
        log.append(&entry(number));
    }
    (log, (0..size).map(|number| entry(number).leaf_hash()).collect())
}
