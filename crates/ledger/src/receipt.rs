//! The log's promise that an entry is in it.

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::commitment::Commitment;
use crate::proof::{InclusionProof, Unproved};
use crate::rotation::KeyChain;

/// Where an entry is, the proof that it is there, and the signed head that the proof leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub commitment: Commitment,
    pub index: u64,
    pub proof: InclusionProof,
    pub checkpoint: SignedCheckpoint,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("the receipt is for another entry")]
    OtherEntry,
    #[error("the receipt's checkpoint")]
    Checkpoint(#[from] CheckpointError),
    #[error("the receipt's proof")]
    Proof(#[from] Unproved),
}

impl Receipt {
    /// Checks that the log promises this very entry. Returns the head that holds it.
    pub fn verify(&self, entry: &Commitment, keys: &KeyChain) -> Result<&Checkpoint, ReceiptError> {
        if self.commitment != *entry {
            return Err(ReceiptError::OtherEntry);
        }
        let head = keys.verify(&self.checkpoint)?;
        self.proof.verify(self.index, entry.leaf_hash(), head.size, head.root)?;
        Ok(head)
    }
}
