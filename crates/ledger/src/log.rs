//! The growing end of a log: its size and the roots of its complete subtrees.

use serde::{Deserialize, Serialize};

use crate::commitment::Commitment;
use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::node::{Node, complete_subtrees};

/// A log's state. It needs 64 hashes at most to grow; the hashes of [`Log::append`] are the caller's to store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    size: u64,
    /// The roots of the complete subtrees, the largest first.
    frontier: Vec<Hash>,
}

/// A hash that will never change, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub node: Node,
    pub hash: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log of {size} entries has {} complete subtrees, not {given}", size.count_ones())]
pub struct InvalidFrontier {
    pub size: u64,
    pub given: usize,
}

impl Log {
    pub const fn new() -> Self {
        Self { size: 0, frontier: Vec::new() }
    }

    /// Takes up a log where it stood.
    pub fn resume(size: u64, frontier: Vec<Hash>) -> Result<Self, InvalidFrontier> {
        if frontier.len() == size.count_ones() as usize {
            Ok(Self { size, frontier })
        } else {
            Err(InvalidFrontier { size, given: frontier.len() })
        }
    }

    /// Takes up a log of a size from its stored hashes.
    pub fn from_stored<E>(size: u64, hashes: impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        Ok(Self { size, frontier: Self::frontier_nodes(size).map(hashes).collect::<Result<_, E>>()? })
    }

    /// Lists the nodes whose hashes [`Log::resume`] takes.
    pub fn frontier_nodes(size: u64) -> impl Iterator<Item = Node> {
        complete_subtrees(0..size)
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn frontier(&self) -> &[Hash] {
        &self.frontier
    }

    /// Appends an entry. Returns its leaf hash and those of the subtrees that it completes, the leaf first.
    ///
    /// Panics at 2^64 - 1 entries, which a million a second reach in half a million years.
    pub fn append(&mut self, entry: &Commitment) -> Vec<Stored> {
        self.append_leaf(entry.leaf_hash())
    }

    /// Appends the leaf hash of an entry that is not a commitment, or not known.
    pub fn append_leaf(&mut self, leaf: Hash) -> Vec<Stored> {
        let mut node = Node::new(0, self.size);
        let mut hash = leaf;
        let mut stored = vec![Stored { node, hash }];
        while node.number % 2 == 1 {
            let left = self.frontier.pop().expect("an odd node has a complete left neighbour");
            (node, hash) = (node.parent(), node_hash(left, hash));
            stored.push(Stored { node, hash });
        }
        self.frontier.push(hash);
        self.size = self.size.checked_add(1).expect("fewer than 2^64 entries");
        stored
    }

    /// Returns the root of the tree as it stands.
    pub fn root(&self) -> Hash {
        self.frontier.iter().rev().copied().reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_ROOT)
    }
}

/// A stored state is checked on the way in.
impl<'de> Deserialize<'de> for Log {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Form {
            size: u64,
            #[serde(deserialize_with = "crate::proof::few_hashes")]
            frontier: Vec<Hash>,
        }
        let form = Form::deserialize(deserializer)?;
        Self::resume(form.size, form.frontier).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_does_not_fit_its_size_is_refused() {
        assert!(Log::resume(3, vec![EMPTY_ROOT; 2]).is_ok());
        assert_eq!(Log::resume(3, vec![EMPTY_ROOT]), Err(InvalidFrontier { size: 3, given: 1 }));
        let mut log = Log::new();
        log.append(&Commitment([7; 32]));
        let json = serde_json::to_string(&log).unwrap();
        assert_eq!(serde_json::from_str::<Log>(&json).unwrap(), log);
        assert!(serde_json::from_str::<Log>(&json.replace("\"size\":1", "\"size\":3")).is_err());
    }
}
