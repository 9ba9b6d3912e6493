//! The opened entries of a statement, the proof that they are in the log, and the log's signed head.

use std::collections::HashMap;

use ledger::{
    Hash, KeyChain, LogKey, ManyProof, SignedCheckpoint, SignedOpening, SignedRotation, VerifyingKey,
    key_from_text, key_id_text,
};
use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::entry::{Domain as _, Entry};
use crate::fault::{Fault, Step, ensure};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The log's first key as the maker knows it. It proves nothing: the anchor comes from outside.
    pub log_key: String,
    pub checkpoint: SignedCheckpoint,
    /// That all entries are in the tree of the checkpoint.
    pub proof: ManyProof,
    /// In the order of the log.
    pub entries: Vec<Entry>,
}

impl Evidence {
    /// Checks the head's signature, following changes of the log's key.
    pub(crate) fn check_checkpoint(&self, log: LogKey) -> Result<(), Fault> {
        let fault = |detail: String| Fault::new(Step::Checkpoint, detail);
        let mut keys = KeyChain::new(log);
        for entry in self.entries.iter().filter(|entry| entry.domain == ledger::KeyRotation::DOMAIN) {
            let rotation =
                rotation(entry).ok_or_else(|| fault(format!("entry {} is no change of key", entry.index)))?;
            let own_place = rotation.body.index == entry.index;
            ensure(own_place, Step::Checkpoint, || {
                format!("the change of key in entry {} names another place", entry.index)
            })?;
            keys.follow(&rotation).map_err(|cause| fault(format!("entry {}: {cause}", entry.index)))?;
        }
        keys.verify(&self.checkpoint).map(|_| ()).map_err(|cause| fault(cause.to_string()))
    }

    /// Checks that every entry is in the tree of the head.
    pub(crate) fn check_entries(&self) -> Result<(), Fault> {
        let mut leaves: Vec<(u64, Hash)> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let commitment = entry.opening().commitment();
            let commitment = commitment
                .map_err(|cause| Fault::new(Step::Entries, format!("entry {}: {cause}", entry.index)))?;
            leaves.push((entry.index, commitment.leaf_hash()));
        }
        let head = self.checkpoint.claimed();
        self.proof.verify(&leaves, head.size, head.root).map_err(|cause| {
            Fault::new(Step::Entries, format!("the entries are not those of the log: {cause}"))
        })
    }

    /// Checks that orders, deals, readings and prices of contracts are signed by the keys of the member or of the utility.
    pub(crate) fn check_signatures(&self, book: &Book) -> Result<(), Fault> {
        let fault = |entry: &Entry, detail: &str| {
            Fault::new(Step::Signatures, format!("entry {}: {detail}", entry.index))
        };
        let own = keys(book.device_keys.iter().map(String::as_str))?;
        let metering = keys(book.configs.values().filter_map(|config| config.body.metering_key.as_deref()))?;
        for entry in &self.entries {
            let trusted = match entry.domain.as_str() {
                "wattle/order/v1" | "wattle/reading/v1" | "wattle/deal/v1" | "wattle/contract/v2" => &own,
                "wattle/utility-reading/v1" => &metering,
                _ => continue,
            };
            let mut signed = false;
            for signature in &entry.signatures {
                // The other party of a deal signs with a key that this statement does not know.
                let Some(key) = trusted.get(signature.key.as_str()) else { continue };
                let bytes = signature.bytes().ok_or_else(|| fault(entry, "a signature is not 64 bytes"))?;
                let opening =
                    SignedOpening { opening: entry.opening(), key: String::new(), signature: bytes };
                if !opening.is_signed_by(key) {
                    return Err(fault(entry, "the signature is wrong"));
                }
                signed = true;
            }
            if !signed {
                return Err(fault(entry, "no known key of its author signed it"));
            }
        }
        Ok(())
    }
}

fn keys<'a>(texts: impl Iterator<Item = &'a str>) -> Result<HashMap<String, VerifyingKey>, Fault> {
    let read = |text: &str| match key_from_text(text) {
        Ok(key) => Ok((key_id_text(&key), key)),
        Err(cause) => Err(Fault::new(Step::Signatures, cause.to_string())),
    };
    texts.map(read).collect()
}

fn rotation(entry: &Entry) -> Option<SignedRotation> {
    let [signature] = entry.signatures.as_slice() else { return None };
    let body = ledger::KeyRotation::deserialize(&entry.body).ok()?;
    Some(SignedRotation { body, salt: entry.salt, signature: signature.bytes()? })
}
