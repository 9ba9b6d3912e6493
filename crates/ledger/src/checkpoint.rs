//! A log's signed head, and the cosignatures of members who saw it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hash::Hash;
use crate::key::{InvalidKey, LogKey, NOTE_SIGNATURE};
use crate::note::{InvalidNote, NoteSignature, SignedNote, is_key_name, key_hash};

/// C2SP's byte for Ed25519 cosignatures with a time.
const COSIGNATURE: u8 = 0x04;

/// How large a log is, and the root of its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// A checkpoint as it came, with signatures still to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
}

/// A member's word, checked: at this time this was the largest tree that it had seen of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    pub name: String,
    /// Seconds since 1970, by the member's clock.
    pub seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("reading the checkpoint's note")]
    Note(#[from] InvalidNote),
    #[error("a checkpoint is three lines: the log's name, its size, its root in base64")]
    Text,
    #[error("the key's name")]
    Name(#[source] InvalidKey),
    #[error("the checkpoint is of the log \"{found}\", not of \"{expected}\"")]
    OtherLog { found: String, expected: String },
    #[error("the log's key did not sign the checkpoint")]
    Unsigned,
    #[error("a signature under the checkpoint is wrong")]
    WrongSignature,
    #[error("a time beyond 2^63 - 1 seconds")]
    Time,
}

impl Checkpoint {
    /// Returns the note's text: origin, size and root, a line each.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// Signs it as the log. The key's name is the origin.
    pub fn sign(self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointError> {
        let log = LogKey::new(&self.origin, key.verifying_key()).map_err(CheckpointError::Name)?;
        let mut note = SignedNote::new(self.text())?;
        note.add(NoteSignature {
            name: self.origin.clone(),
            key_hash: key_hash(log.origin(), NOTE_SIGNATURE, log.key()),
            signature: key.sign(note.text().as_bytes()).to_bytes().to_vec(),
        })?;
        Ok(SignedCheckpoint { checkpoint: self, note })
    }

    /// Lines after the third are refused: no log of ours writes any, and nobody audits them.
    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let digits = size.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (size == "0" || !size.starts_with('0'));
        // 32 bytes are 44 letters of base64.
        let root = if root.len() == 44 { STANDARD.decode(root).ok()? } else { return None };
        (plain && is_key_name(origin) && lines.next().is_none()).then_some(())?;
        Some(Self { origin: origin.to_owned(), size: size.parse().ok()?, root: Hash(root.try_into().ok()?) })
    }
}

impl SignedCheckpoint {
    /// Returns the checkpoint once the log's key is found to have signed it.
    ///
    /// # Errors
    /// Fails also where a wrong signature stands beside a right one of that key.
    pub fn verify(&self, log: &LogKey) -> Result<&Checkpoint, CheckpointError> {
        if self.checkpoint.origin != log.origin() {
            let found = self.checkpoint.origin.clone();
            return Err(CheckpointError::OtherLog { found, expected: log.origin().to_owned() });
        }
        let hash = key_hash(log.origin(), NOTE_SIGNATURE, log.key());
        let mut signed = false;
        for signature in self.note.of_key(log.origin(), hash) {
            check(log.key(), self.note.text().as_bytes(), signature)?;
            signed = true;
        }
        if signed { Ok(&self.checkpoint) } else { Err(CheckpointError::Unsigned) }
    }

    /// Returns what it claims; nothing of it is checked.
    pub fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Signs as a member who has checked that this log grew out of all that it saw before.
    pub fn cosign(
        &self,
        name: &str,
        key: &SigningKey,
        seconds: u64,
    ) -> Result<NoteSignature, CheckpointError> {
        if i64::try_from(seconds).is_err() {
            return Err(CheckpointError::Time);
        }
        let named = LogKey::new(name, key.verifying_key()).map_err(CheckpointError::Name)?;
        let signature = key.sign(&self.cosigned_bytes(seconds)).to_bytes();
        Ok(NoteSignature {
            name: name.to_owned(),
            key_hash: key_hash(name, COSIGNATURE, named.key()),
            signature: [seconds.to_be_bytes().as_slice(), &signature].concat(),
        })
    }

    /// Adds a signature, such as a member's from [`Self::cosign`].
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), CheckpointError> {
        Ok(self.note.add(signature)?)
    }

    /// Returns the newest cosignature of a member; `None` where there is none.
    pub fn cosignature(
        &self,
        name: &str,
        key: &VerifyingKey,
    ) -> Result<Option<Cosignature>, CheckpointError> {
        let mut newest = None;
        for bytes in self.note.of_key(name, key_hash(name, COSIGNATURE, key)) {
            let (time, signature) = bytes.split_first_chunk::<8>().ok_or(CheckpointError::WrongSignature)?;
            let seconds = u64::from_be_bytes(*time);
            check(key, &self.cosigned_bytes(seconds), signature)?;
            newest = newest.max(Some(seconds));
        }
        Ok(newest.map(|seconds| Cosignature { name: name.to_owned(), seconds }))
    }

    fn cosigned_bytes(&self, seconds: u64) -> Vec<u8> {
        format!("cosignature/v1\ntime {seconds}\n{}", self.note.text()).into_bytes()
    }
}

fn check(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<(), CheckpointError> {
    let signature = Signature::from_slice(signature).map_err(|_| CheckpointError::WrongSignature)?;
    key.verify_strict(message, &signature).map_err(|_| CheckpointError::WrongSignature)
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let note: SignedNote = text.parse()?;
        let checkpoint = Checkpoint::from_text(note.text()).ok_or(CheckpointError::Text)?;
        Ok(Self { checkpoint, note })
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl Serialize for SignedCheckpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SignedCheckpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
