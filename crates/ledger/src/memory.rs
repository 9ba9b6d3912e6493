//! A log with its hashes in memory: for clients that hold a small log, for tools and tests.

use std::convert::Infallible;

use crate::commitment::Commitment;
use crate::hash::Hash;
use crate::log::Log;
use crate::node::Node;
use crate::proof::{
    ConsistencyProof, InclusionProof, ManyProof, ProofError, consistency_proof, inclusion_proof, many_proof,
};

/// A log and the hashes of all its complete subtrees, some 64 bytes an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryLog {
    log: Log,
    /// By level, then number.
    levels: Vec<Vec<Hash>>,
}

impl MemoryLog {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry and returns its place.
    pub fn append(&mut self, entry: &Commitment) -> u64 {
        for stored in self.log.append(entry) {
            let level = usize::from(stored.node.level);
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(stored.hash);
        }
        self.log.size() - 1
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn size(&self) -> u64 {
        self.log.size()
    }

    pub fn root(&self) -> Hash {
        self.log.root()
    }

    /// Returns a stored hash; `None` where the log has not grown there.
    pub fn hash(&self, node: Node) -> Option<Hash> {
        let number = usize::try_from(node.number).ok()?;
        self.levels.get(usize::from(node.level))?.get(number).copied()
    }

    /// Proves that an entry is in the log as it was at a size.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<InclusionProof, ProofError<Infallible>> {
        self.within(size)?;
        inclusion_proof(index, size, |node| Ok(self.known(node)))
    }

    /// Proves that several entries are in the log as it was at a size.
    pub fn many(&self, indices: &[u64], size: u64) -> Result<ManyProof, ProofError<Infallible>> {
        self.within(size)?;
        many_proof(indices, size, |node| Ok(self.known(node)))
    }

    /// Proves that the log at a size grew out of the log at an older size.
    pub fn consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, ProofError<Infallible>> {
        self.within(new)?;
        consistency_proof(old, new, |node| Ok(self.known(node)))
    }

    /// Returns the root of the log as it was at a size.
    pub fn root_at(&self, size: u64) -> Result<Hash, ProofError<Infallible>> {
        self.within(size)?;
        crate::proof::root_of(size, |node| Ok(self.known(node))).map_err(ProofError::Hash)
    }

    fn within(&self, size: u64) -> Result<(), ProofError<Infallible>> {
        if size <= self.size() { Ok(()) } else { Err(ProofError::Shrunk { old: size, new: self.size() }) }
    }

    fn known(&self, node: Node) -> Hash {
        self.hash(node).expect("a complete subtree within the log is stored")
    }
}
