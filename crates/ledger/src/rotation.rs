//! A log's change of key: an entry of the log, signed by the old key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::commitment::{Opening, Salt, SignedOpening, Unencodable};
use crate::key::{InvalidKey, LogKey, key_from_text, key_text};

/// The old key's last word: which key comes next, and from which entry on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// The log's name, which stays.
    pub origin: String,
    /// The place of this entry in the log. Checkpoints that hold it are signed by the new key.
    pub index: u64,
    pub old_key: String,
    pub new_key: String,
}

/// A change of key with its salt and the old key's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRotation {
    pub body: KeyRotation,
    pub salt: Salt,
    #[serde(serialize_with = "write_signature", deserialize_with = "read_signature")]
    pub signature: [u8; 64],
}

/// The keys of a log, from the one that is trusted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChain {
    first: LogKey,
    /// The entry that made the change, and the key from there on.
    later: Vec<(u64, LogKey)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    #[error("the change of key is of another log")]
    OtherLog,
    #[error("the change of key was not made by the key that was in force")]
    OtherKey,
    #[error("the changes of key are not in the order of the log")]
    NotRising,
    #[error("the old key did not sign the change")]
    Unsigned,
    #[error("the new key")]
    NewKey(#[from] InvalidKey),
    #[error(transparent)]
    Body(#[from] Unencodable),
}

impl SignedRotation {
    /// The domain of such entries.
    pub const DOMAIN: &'static str = "wattle/log-key/v1";

    /// Hands a log over to another key with the entry at `index`.
    pub fn sign(
        origin: &str,
        index: u64,
        old: &SigningKey,
        new_key: &ed25519_dalek::VerifyingKey,
        salt: Salt,
    ) -> Result<Self, RotationError> {
        let old_key = key_text(&old.verifying_key());
        let body = KeyRotation { origin: origin.to_owned(), index, old_key, new_key: key_text(new_key) };
        let signed = SignedOpening::sign(opening(&body, salt), old)?;
        Ok(Self { body, salt, signature: signed.signature })
    }

    /// Returns the entry that it is in the log.
    pub fn opening(&self) -> Opening {
        opening(&self.body, self.salt)
    }
}

fn opening(body: &KeyRotation, salt: Salt) -> Opening {
    let body = serde_json::to_value(body).expect("texts and a number are JSON");
    Opening { domain: SignedRotation::DOMAIN.to_owned(), salt, body }
}

impl KeyChain {
    /// Begins with the key that is trusted, such as that of an invitation.
    pub fn new(trusted: LogKey) -> Self {
        Self { first: trusted, later: Vec::new() }
    }

    /// Goes on to the key that a change names.
    pub fn follow(&mut self, rotation: &SignedRotation) -> Result<(), RotationError> {
        let KeyRotation { origin, index, old_key, new_key } = &rotation.body;
        let newest = self.newest();
        if origin != newest.origin() {
            return Err(RotationError::OtherLog);
        }
        if *old_key != key_text(newest.key()) {
            return Err(RotationError::OtherKey);
        }
        if self.later.last().is_some_and(|(before, _)| before >= index) {
            return Err(RotationError::NotRising);
        }
        let opening = rotation.opening();
        let signed = SignedOpening { opening, key: String::new(), signature: rotation.signature };
        if !signed.is_signed_by(newest.key()) {
            return Err(RotationError::Unsigned);
        }
        let next = LogKey::new(origin, key_from_text(new_key)?)?;
        self.later.push((*index, next));
        Ok(())
    }

    pub fn newest(&self) -> &LogKey {
        self.later.last().map_or(&self.first, |(_, key)| key)
    }

    /// Returns the key that signs a checkpoint of a size.
    pub fn at_size(&self, size: u64) -> &LogKey {
        let passed = self.later.partition_point(|(index, _)| *index < size);
        passed.checked_sub(1).map_or(&self.first, |place| &self.later[place].1)
    }

    /// Returns a checkpoint once the key in force at its size is found to have signed it.
    pub fn verify<'a>(&self, signed: &'a SignedCheckpoint) -> Result<&'a Checkpoint, CheckpointError> {
        signed.verify(self.at_size(signed.claimed().size))
    }
}

impl From<LogKey> for KeyChain {
    fn from(trusted: LogKey) -> Self {
        Self::new(trusted)
    }
}

fn write_signature<S: Serializer>(signature: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&URL_SAFE_NO_PAD.encode(signature))
}

fn read_signature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let bytes = if text.len() == 86 { URL_SAFE_NO_PAD.decode(&*text).ok() } else { None };
    let wrong = || de::Error::custom("a signature is 64 bytes in base64url without padding");
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}
