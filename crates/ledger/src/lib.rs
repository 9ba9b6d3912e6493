//! An append-only Merkle log that its operator cannot rewrite unseen; it knows nothing of energy.
//!
//! Hashing is RFC 6962, tiles are C2SP `tlog-tiles`, heads are C2SP `tlog-checkpoint`, signed as
//! `signed-note` and cosigned as `tlog-cosignature/v1`. Entries are salted commitments, so the public log
//! says nothing about anyone. Everything is pure: hashes come from the caller, salts and times as arguments.

mod checkpoint;
mod commitment;
mod hash;
mod key;
mod log;
mod memory;
mod node;
mod note;
mod proof;
mod receipt;
mod rotation;
mod tile;

pub use checkpoint::{Checkpoint, CheckpointError, Cosignature, SignedCheckpoint};
pub use commitment::{Commitment, Opening, Salt, SignedOpening, Unencodable, canonical_json};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
pub use key::{InvalidKey, LogKey, key_from_text, key_id_text, key_text};
pub use log::{InvalidFrontier, Log, Stored};
pub use memory::MemoryLog;
pub use node::Node;
pub use note::{InvalidNote, MAX_NOTE_BYTES, MAX_SIGNATURES, NoteSignature, SignedNote};
pub use proof::{
    ConsistencyProof, InclusionProof, MAX_PROOF_HASHES, ManyProof, ProofError, Unproved, consistency_proof,
    inclusion_proof, many_proof, root_of,
};
pub use receipt::{Receipt, ReceiptError};
pub use rotation::{KeyChain, KeyRotation, RotationError, SignedRotation};
pub use tile::{HASHES_PER_TILE, InvalidTile, Tile, decode_bundle, encode_bundle};
