//! A device's signing key, and how keys are named and written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use units::KeyId;
use zeroize::Zeroizing;

/// An Ed25519 secret made on the device. It is wiped from memory when dropped and never printed.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an Ed25519 public key: 32 bytes in base64url without padding are")]
pub struct InvalidKey(String);

impl DeviceKey {
    /// Makes a new key from the system's randomness. An error means that the system has none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut())?;
        Ok(Self::from_bytes(&secret))
    }

    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Returns the secret, for a keyring or a sealed file and nothing else.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        self.0.verifying_key()
    }

    /// Returns the public key in base64url without padding.
    pub fn public_key_text(&self) -> String {
        public_key_text(&self.verifying_key())
    }

    pub fn key_id(&self) -> KeyId {
        key_id(&self.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// The id only, since logs outlive secrets.
impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKey({})", self.key_id())
    }
}

/// Returns the name of a key: the SHA-256 thumbprint of its 32 bytes in base64url without padding.
pub fn key_id(key: &VerifyingKey) -> KeyId {
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(key.as_bytes()));
    KeyId::new(thumbprint).expect("43 letters are an id")
}

pub fn public_key_text(key: &VerifyingKey) -> String {
    URL_SAFE_NO_PAD.encode(key.as_bytes())
}

/// Reads a public key. Keys of small order are refused: anyone can sign for them.
pub fn public_key_from_text(text: &str) -> Result<VerifyingKey, InvalidKey> {
    let invalid = || InvalidKey(text.to_owned());
    let bytes: [u8; 32] =
        URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?.try_into().map_err(|_| invalid())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| invalid())?;
    if key.is_weak() { Err(invalid()) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_bytes_and_its_text() {
        let key = DeviceKey::generate().unwrap();
        assert_eq!(DeviceKey::from_bytes(&key.to_bytes()).key_id(), key.key_id());
        let public = public_key_from_text(&key.public_key_text()).unwrap();
        assert_eq!(key_id(&public), key.key_id());
    }

    #[test]
    fn a_secret_is_never_printed() {
        let key = DeviceKey::from_bytes(&[7; 32]);
        assert_eq!(format!("{key:?}"), format!("DeviceKey({})", key.key_id()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        let identity = URL_SAFE_NO_PAD.encode([[1; 1].as_slice(), &[0; 31]].concat());
        for text in ["", "abc", &zero, &identity, "not base64 at all !"] {
            assert!(public_key_from_text(text).is_err(), "{text}");
        }
    }
}
