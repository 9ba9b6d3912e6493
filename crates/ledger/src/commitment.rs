//! Salted commitments: what the public log shows of an entry, and how its owner opens it.
//!
//! An entry of the log is SHA-256 over the domain, a newline, a salt of 32 bytes and the canonical JSON
//! (RFC 8785) of the body. Whoever lacks the salt learns nothing; whoever has it can show this entry alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::hash::{Hash, bytes_from_text, leaf_hash, sha256};
use crate::key::key_id_text;

/// The longest domain in bytes.
const MAX_DOMAIN_BYTES: usize = 64;
/// RFC 8785 writes numbers as doubles: beyond this two whole numbers could share their bytes.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// An entry of the log: 32 bytes that say nothing without their salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub [u8; 32]);

/// 32 random bytes that hide an entry. Its maker takes them from the system; here they are an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

/// An entry opened: everything that its commitment hides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Names the kind of entry and its form, such as `wattle/order/v1`.
    pub domain: String,
    pub salt: Salt,
    pub body: Value,
}

/// An opened entry that its author signed. The signature covers domain and body, not the salt.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedOpening {
    pub opening: Opening,
    /// The author's key: the thumbprint of its public key.
    pub key: String,
    pub signature: [u8; 64],
}

/// Why a body has no bytes that commit to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    #[error("the number {0} is beyond 2^53 - 1 and has no exact canonical form")]
    Number(String),
    #[error("\"{0}\" is not a domain: 1 to 64 visible ASCII characters are")]
    Domain(String),
}

/// Returns the canonical JSON of RFC 8785.
///
/// # Errors
/// Fails on whole numbers that a double does not hold exactly.
pub fn canonical_json(value: &Value) -> Result<Vec<u8>, Unencodable> {
    check_numbers(value)?;
    Ok(serde_json_canonicalizer::to_vec(value).expect("a JSON value has text keys and finite numbers"))
}

fn check_numbers(value: &Value) -> Result<(), Unencodable> {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match size {
                Some(size) if size > MAX_EXACT => Err(Unencodable::Number(number.to_string())),
                _ => Ok(()),
            }
        }
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(fields) => fields.values().try_for_each(check_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

impl Commitment {
    /// Returns the hash by which the tree knows this entry.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.0)
    }
}

impl Opening {
    /// Returns the bytes that an author signs: the domain, a newline, the canonical JSON.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, Unencodable> {
        let domain = self.domain.as_bytes();
        // A newline within the domain would let two entries share their bytes.
        let fits = (1..=MAX_DOMAIN_BYTES).contains(&domain.len()) && domain.iter().all(u8::is_ascii_graphic);
        if !fits {
            return Err(Unencodable::Domain(self.domain.clone()));
        }
        Ok([domain, b"\n", &canonical_json(&self.body)?].concat())
    }

    /// Returns what the log shows of this entry.
    pub fn commitment(&self) -> Result<Commitment, Unencodable> {
        Ok(self.commitment_of(&self.signed_bytes()?))
    }

    fn commitment_of(&self, signed_bytes: &[u8]) -> Commitment {
        let (domain, json) = signed_bytes.split_at(self.domain.len() + 1);
        Commitment(sha256(&[domain, &self.salt.0, json]).0)
    }
}

impl SignedOpening {
    /// Signs an entry as its author.
    pub fn sign(opening: Opening, key: &SigningKey) -> Result<Self, Unencodable> {
        let signature = key.sign(&opening.signed_bytes()?).to_bytes();
        Ok(Self { opening, key: key_id_text(&key.verifying_key()), signature })
    }

    /// Tells whether this key signed it.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        self.opening.signed_bytes().is_ok_and(|bytes| key.verify_strict(&bytes, &signature).is_ok())
    }
}

/// A signature or a salt travels as base64url without padding.
macro_rules! text_of_32_bytes {
    ($name:ident, $what:literal) => {
        impl $name {
            pub fn to_text(&self) -> String {
                URL_SAFE_NO_PAD.encode(self.0)
            }

            pub fn from_text(text: &str) -> Option<Self> {
                bytes_from_text(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.to_text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                let wrong = concat!($what, " is 32 bytes in base64url without padding");
                Self::from_text(&text).ok_or_else(|| de::Error::custom(wrong))
            }
        }
    };
}

text_of_32_bytes!(Commitment, "a commitment");
text_of_32_bytes!(Salt, "a salt");

/// Who has the salt can open the entry, so it stays out of logs.
impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn opening(body: Value) -> Opening {
        Opening { domain: "wattle/test/v1".to_owned(), salt: Salt([2; 32]), body }
    }

    #[test]
    fn a_commitment_is_the_hash_of_domain_salt_and_canonical_json() {
        let opening = opening(json!({"b": 1, "a": "x"}));
        let bytes = [b"wattle/test/v1\n".as_slice(), &[2; 32], br#"{"a":"x","b":1}"#].concat();
        assert_eq!(opening.commitment().unwrap(), Commitment(sha256(&[&bytes]).0));
        assert_eq!(opening.signed_bytes().unwrap(), b"wattle/test/v1\n{\"a\":\"x\",\"b\":1}");
    }

    #[test]
    fn domain_salt_and_body_each_change_the_commitment() {
        let one = opening(json!({"a": 1}));
        let others = [
            Opening { domain: "wattle/test/v2".to_owned(), ..one.clone() },
            Opening { salt: Salt([3; 32]), ..one.clone() },
            Opening { body: json!({"a": 2}), ..one.clone() },
        ];
        for other in others {
            assert_ne!(one.commitment().unwrap(), other.commitment().unwrap());
        }
    }

    #[test]
    fn what_has_two_readings_has_no_commitment() {
        for number in [json!(1u64 << 53), json!(i64::MIN), json!(u64::MAX)] {
            assert!(opening(json!([{"a": number}])).commitment().is_err());
        }
        assert!(opening(json!((1u64 << 53) - 1)).commitment().is_ok());
        for domain in ["", "two\nlines", "a b", "ä", &"x".repeat(65)] {
            let opening = Opening { domain: domain.to_owned(), ..opening(json!({})) };
            assert!(opening.commitment().is_err(), "{domain:?}");
        }
    }

    #[test]
    fn a_signature_covers_domain_and_body() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let signed = SignedOpening::sign(opening(json!({"a": 1})), &key).unwrap();
        assert!(signed.is_signed_by(&key.verifying_key()));
        let mut changed = signed.clone();
        changed.opening.body = json!({"a": 2});
        assert!(!changed.is_signed_by(&key.verifying_key()));
        let mut renamed = signed.clone();
        renamed.opening.domain = "wattle/test/v2".to_owned();
        assert!(!renamed.is_signed_by(&key.verifying_key()));
        assert!(!signed.is_signed_by(&SigningKey::from_bytes(&[2; 32]).verifying_key()));
    }
}
