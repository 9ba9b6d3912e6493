//! The TLS key of an exchange: how it is named, and how the exchange says that it has a new one.
//!
//! An invitation pins the key, so no authority and no name has to be trusted. When the key changes, the exchange's
//! signing key, which the invitation pins as well, signs which one follows on which.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use units::MarketId;

use crate::key::DeviceKey;
use crate::sign::{SignatureError, sign_json, verify_json};

const DOMAIN: &str = "wattle/server-key/v1";

/// `GET /v1/server-key`, unsigned as a request: the exchange's TLS key, in the exchange's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedServerKey {
    pub body: ServerKey,
    /// Ed25519 by the exchange's key over `wattle/server-key/v1`, a newline, and the body's canonical JSON.
    pub signature: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServerKey {
    pub market: MarketId,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo, base64url without padding.
    pub tls_key_hash: String,
    /// The keys that it follows on, oldest first. Whoever pinned one of them may pin this one instead.
    pub previous: Vec<String>,
}

impl SignedServerKey {
    pub fn sign(body: ServerKey, exchange_key: &DeviceKey) -> Self {
        let signature = sign_json(DOMAIN, &body, exchange_key).expect("a server's key has no numbers");
        Self { body, signature }
    }

    pub fn verify(&self, exchange_key: &VerifyingKey) -> Result<&ServerKey, SignatureError> {
        verify_json(DOMAIN, &self.body, &self.signature, exchange_key)?;
        Ok(&self.body)
    }
}

/// Returns the name of a TLS key: SHA-256 of its SubjectPublicKeyInfo in DER, base64url without padding.
pub fn tls_key_hash(public_key_info: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(public_key_info))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exchanges_key_says_which_tls_key_follows() {
        let key = DeviceKey::from_bytes(&[1; 32]);
        let body = ServerKey {
            market: MarketId::new("lindenweg").unwrap(),
            tls_key_hash: "new".to_owned(),
            previous: vec!["old".to_owned()],
        };
        let signed = SignedServerKey::sign(body, &key);
        assert!(signed.verify(&key.verifying_key()).is_ok());
        assert!(signed.verify(&DeviceKey::from_bytes(&[2; 32]).verifying_key()).is_err());
        let mut changed = signed;
        changed.body.tls_key_hash = "other".to_owned();
        assert_eq!(changed.verify(&key.verifying_key()), Err(SignatureError::Wrong));
    }
}
