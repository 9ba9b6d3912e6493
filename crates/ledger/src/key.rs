//! Public keys as text, and the key that a log is known by.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;

use crate::hash::{bytes_from_text, sha256};
use crate::note::{is_key_name, key_hash};

/// C2SP's byte for Ed25519 signatures over a note.
pub(crate) const NOTE_SIGNATURE: u8 = 0x01;

/// A log's name, the origin of its checkpoints, and the Ed25519 key that signs them.
///
/// As text it is C2SP's verifier key: `origin+hash+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: String,
    key: VerifyingKey,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("\"{0}\" is not a log's name: it has 1 to 255 bytes, no spaces and no plus sign")]
    Origin(String),
    #[error("\"{0}\" is not a log's key: name, plus sign, 8 hexadecimal digits, plus sign, base64")]
    Form(String),
    #[error("\"{0}\" is not an Ed25519 public key: 32 bytes in base64url without padding are")]
    Key(String),
}

/// Returns a public key in base64url without padding.
pub fn key_text(key: &VerifyingKey) -> String {
    URL_SAFE_NO_PAD.encode(key.as_bytes())
}

/// Reads a public key. Keys of small order are refused: anyone can sign for them.
pub fn key_from_text(text: &str) -> Result<VerifyingKey, InvalidKey> {
    let invalid = || InvalidKey::Key(text.to_owned());
    strong_key(&bytes_from_text(text).ok_or_else(invalid)?).ok_or_else(invalid)
}

/// Returns the name of a key: the SHA-256 thumbprint of its 32 bytes in base64url without padding.
pub fn key_id_text(key: &VerifyingKey) -> String {
    sha256(&[key.as_bytes()]).to_text()
}

fn strong_key(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak())
}

impl LogKey {
    pub fn new(origin: impl Into<String>, key: VerifyingKey) -> Result<Self, InvalidKey> {
        let origin = origin.into();
        if !is_key_name(&origin) {
            return Err(InvalidKey::Origin(origin));
        }
        if key.is_weak() {
            return Err(InvalidKey::Key(key_text(&key)));
        }
        Ok(Self { origin, key })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = key_hash(&self.origin, NOTE_SIGNATURE, &self.key);
        let key = STANDARD.encode([&[NOTE_SIGNATURE], self.key.as_bytes().as_slice()].concat());
        write!(f, "{}+{hash:08x}+{key}", self.origin)
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({self})")
    }
}

impl FromStr for LogKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidKey::Form(text.chars().take(400).collect());
        let mut parts = text.splitn(3, '+');
        let (Some(origin), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(invalid());
        };
        // 33 bytes are 44 letters of base64.
        let bytes = if key.len() == 44 { STANDARD.decode(key).ok() } else { None }.ok_or_else(invalid)?;
        let key = match bytes.split_first() {
            Some((&NOTE_SIGNATURE, key)) => key.try_into().ok().and_then(strong_key),
            _ => None,
        };
        let log = Self::new(origin, key.ok_or_else(invalid)?)?;
        let expected = format!("{:08x}", key_hash(&log.origin, NOTE_SIGNATURE, &log.key));
        if hash == expected { Ok(log) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn the_reference_key_of_go_is_read_and_written_alike() {
        // From golang.org/x/mod/sumdb/note.
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(text.parse::<LogKey>().unwrap().to_string(), text);
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let good = LogKey::new("log.example/a", SigningKey::from_bytes(&[1; 32]).verifying_key()).unwrap();
        let text = good.to_string();
        assert_eq!(text.parse::<LogKey>().unwrap(), good);
        let renamed = text.replace("log.example/a", "log.example/b");
        let weak = format!("a+00000000+{}", STANDARD.encode([1; 33]));
        for wrong in ["", "a", "a+b+c", &renamed, &text[1..], &format!("{text}A"), &weak] {
            assert!(wrong.parse::<LogKey>().is_err(), "{wrong}");
        }
        for name in ["", "a b", "a+b", "a\u{2003}b", "a\nb", &"x".repeat(256)] {
            assert!(LogKey::new(name, *good.key()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        let identity = URL_SAFE_NO_PAD.encode([[1].as_slice(), &[0; 31]].concat());
        for text in ["", "abc", &URL_SAFE_NO_PAD.encode([0; 32]), &identity] {
            assert!(key_from_text(text).is_err(), "{text}");
        }
    }
}
