//! Checks what the exchange's log must keep: its heads, its entries, what was acknowledged. Fetches nothing.
//!
//! A head is trusted by the key of the invitation, followed through the log's own changes of key. It must have
//! grown out of every head seen before, and each page of entries must lead to it. What breaks this is a
//! [`Breach`], with what proves it to others.

mod breach;
mod desk;
mod promise;

use exchange_api::{EntryPage, OpenedEntry};
use ledger::{
    ConsistencyProof, Hash, KeyChain, KeyRotation, LogKey, ManyProof, SignedCheckpoint, SignedRotation,
};
use serde_json::json;

pub use breach::Breach;
pub use desk::{Desk, Failure, grow};
pub use promise::{cancel_secret, cancelled, ordered, reported, was_kept};

use history::LogAlarmKind;

/// What is known for sure of a log.
#[derive(Clone, Debug)]
pub struct Notary {
    keys: KeyChain,
    head: Option<SignedCheckpoint>,
}

/// What a new head asks for before it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// It is the first one, or the same as before.
    Nothing,
    /// The proof that it grew out of the head before.
    Proof { from: u64, to: u64 },
}

impl Notary {
    pub fn new(trusted: LogKey) -> Self {
        Self { keys: trusted.into(), head: None }
    }

    /// Goes on from a head that was checked before.
    pub fn resuming(mut self, head: SignedCheckpoint) -> Self {
        self.head = Some(head);
        self
    }

    pub fn head(&self) -> Option<&SignedCheckpoint> {
        self.head.as_ref()
    }

    /// Follows an entry if it hands the log over to another key.
    pub fn follow(&mut self, entry: &OpenedEntry) -> Result<(), Breach> {
        if entry.domain != SignedRotation::DOMAIN {
            return Ok(());
        }
        let breach = |why: &str| {
            Breach::new(
                LogAlarmKind::WrongSignature,
                format!("Entry {} changes the log's key, and {why}.", entry.index),
                json!({ "entry": entry, "trusted": self.keys.newest().to_string() }),
            )
        };
        let rotation = rotation(entry).ok_or_else(|| breach("it is not of the form of such an entry"))?;
        if rotation.body.index != entry.index {
            return Err(breach("it names another place in the log than its own"));
        }
        self.keys.clone().follow(&rotation).map_err(|cause| breach(&cause.to_string()))?;
        self.keys.follow(&rotation).expect("it was followed a line above");
        Ok(())
    }

    /// Checks that the key in force signed a head.
    pub fn check_signature(&self, head: &SignedCheckpoint) -> Result<(), Breach> {
        match self.keys.verify(head) {
            Ok(_) => Ok(()),
            Err(cause) => Err(Breach::new(
                LogAlarmKind::WrongSignature,
                format!("The log's head was not signed by the key that your invitation leads to: {cause}."),
                json!({ "checkpoint": head, "trusted": self.keys.at_size(head.claimed().size).to_string() }),
            )),
        }
    }

    /// Returns which proof of growth a signed head needs; one that shrank or differs is a breach at once.
    pub fn growth(&self, head: &SignedCheckpoint) -> Result<Growth, Breach> {
        let Some(before) = &self.head else { return Ok(Growth::Nothing) };
        let (old, new) = (before.claimed(), head.claimed());
        let evidence = || json!({ "before": before, "now": head });
        if new.size < old.size {
            let detail =
                format!("The log had {} entries and now shows a signed head of {}.", old.size, new.size);
            return Err(Breach::new(LogAlarmKind::Rollback, detail, evidence()));
        }
        if new.size > old.size {
            return Ok(Growth::Proof { from: old.size, to: new.size });
        }
        if new.root == old.root {
            return Ok(Growth::Nothing);
        }
        let detail = format!("The log signed two different heads of {} entries.", new.size);
        Err(Breach::new(LogAlarmKind::Fork, detail, evidence()))
    }

    /// Checks that a signed head grew out of the one before, which it replaces.
    pub fn grow(&mut self, head: SignedCheckpoint, proof: &ConsistencyProof) -> Result<(), Breach> {
        if let Some(before) = &self.head {
            let (old, new) = (before.claimed(), head.claimed());
            proof.verify(old.size, old.root, new.size, new.root).map_err(|cause| {
                let detail = format!(
                    "The log of {} entries did not grow out of the log of {} that was seen before: {cause}.",
                    new.size, old.size
                );
                let evidence = json!({ "before": before, "now": head, "proof": proof });
                Breach::new(LogAlarmKind::Fork, detail, evidence)
            })?;
        }
        self.head = Some(head);
        Ok(())
    }
}

/// Checks that the entries of a page are in the tree of its head.
pub fn check_page(page: &EntryPage) -> Result<(), Breach> {
    check_entries(&page.entries, &page.checkpoint, &page.proof)
}

/// Checks that entries are in the tree of a head.
pub fn check_entries(
    entries: &[OpenedEntry],
    head: &SignedCheckpoint,
    proof: &ManyProof,
) -> Result<(), Breach> {
    let unproved = |why: &dyn std::fmt::Display| {
        let first = entries.first().map_or(0, |entry| entry.index);
        Breach::new(
            LogAlarmKind::Unproved,
            format!(
                "{} entries from place {first} on are not proved to be in the log: {why}.",
                entries.len()
            ),
            json!({ "checkpoint": head, "entries": entries, "proof": proof }),
        )
    };
    let leaves: Vec<(u64, Hash)> = exchange_api::leaves(entries).map_err(|cause| unproved(&cause))?;
    let (size, root) = (head.claimed().size, head.claimed().root);
    proof.verify(&leaves, size, root).map_err(|cause| unproved(&cause))
}

fn rotation(entry: &OpenedEntry) -> Option<SignedRotation> {
    let [signature] = entry.signatures.as_slice() else { return None };
    let body: KeyRotation = serde_json::from_value(entry.body.clone()).ok()?;
    // It is read as it travels elsewhere, so that there is one reader of its signature.
    serde_json::from_value(json!({ "body": body, "salt": entry.salt, "signature": signature.signature })).ok()
}

#[cfg(test)]
mod tests;
