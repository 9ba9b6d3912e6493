//! Where the household's private key lives: the system keyring, else a passphrase-protected file.
//!
//! Never plain text. The keyring's calls block and may wait for the owner to unlock it, so they run
//! on a thread of their own with a limit, and "locked" is told apart from "absent".

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use exchange_api::DeviceKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::config::write_in_place;

/// How long the keyring may take; a prompt that nobody answers must not hang the house.
const KEYRING_LIMIT: Duration = Duration::from_secs(5);
const SERVICE: &str = "wattle";

/// Where to look for the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The system keyring; where there is none and a passphrase file is given, the sealed file.
    Keyring { or_passphrase_file: Option<PathBuf> },
    /// The sealed file, opened with the passphrase that stands in this file.
    PassphraseFile(PathBuf),
}

/// Where the key was found or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    Keyring,
    SealedFile,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(
        "The system keyring is locked. Trading waits. Unlock it, for instance by logging in to the desktop, and start Wattle again."
    )]
    Locked,
    #[error(
        "This computer has no system keyring ({0}). Nothing can be signed or traded. Start with --passphrase-file FILE to keep the key in a file that only this passphrase opens."
    )]
    NoKeyring(String),
    #[error("The passphrase file {} cannot be read", path.display())]
    NoPassphrase {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("The passphrase in {} is empty. Write one of at least 8 characters.", .0.display())]
    WeakPassphrase(PathBuf),
    #[error("The key file {} does not open with this passphrase, or it is damaged. Check the passphrase; if it is lost, ask the operator for a recovery code.", .0.display())]
    WrongPassphrase(PathBuf),
    #[error("The key file {} cannot be read or written", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("The system keyring failed: {0}")]
    Keyring(String),
    #[error("The system gave no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

/// Finds the key of a home, or makes one where there is none yet.
///
/// `name` tells homes on one computer apart; it is the data folder's path.
pub fn open_or_create(
    source: &SecretSource,
    key_file: &Path,
    name: &str,
) -> Result<(DeviceKey, KeyPlace), SecretError> {
    match source {
        SecretSource::PassphraseFile(passphrase) => in_file(passphrase, key_file),
        SecretSource::Keyring { or_passphrase_file } => match (in_keyring(name), or_passphrase_file) {
            (Ok(key), _) => Ok((key, KeyPlace::Keyring)),
            (Err(SecretError::NoKeyring(_)), Some(passphrase)) => in_file(passphrase, key_file),
            (Err(error), _) => Err(error),
        },
    }
}

fn in_file(passphrase_file: &Path, key_file: &Path) -> Result<(DeviceKey, KeyPlace), SecretError> {
    let passphrase = read_passphrase(passphrase_file)?;
    let failed = |cause| SecretError::File { path: key_file.to_owned(), cause };
    let key = match std::fs::read_to_string(key_file) {
        Ok(sealed) => {
            open(&sealed, &passphrase).ok_or_else(|| SecretError::WrongPassphrase(key_file.to_owned()))?
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let key = random_bytes::<32>()?;
            write_in_place(key_file, &seal(&key, &passphrase)?).map_err(failed)?;
            key
        }
        Err(cause) => return Err(failed(cause)),
    };
    Ok((DeviceKey::from_bytes(&key), KeyPlace::SealedFile))
}

fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|cause| SecretError::NoPassphrase { path: path.to_owned(), cause })?;
    let passphrase = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    if passphrase.chars().count() < 8 {
        return Err(SecretError::WeakPassphrase(path.to_owned()));
    }
    Ok(passphrase)
}

/// A key file: the parameters of Argon2id stand in it so that they can be raised later.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedKey {
    format: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

const FORMAT: &str = "wattle-key-1 argon2id xchacha20poly1305";
/// OWASP's second recommended setting for Argon2id: 19 MiB and two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

fn seal(key: &[u8; 32], passphrase: &str) -> Result<String, SecretError> {
    let (salt, nonce) = (random_bytes::<16>()?, random_bytes::<24>()?);
    let cipher = cipher(passphrase, &salt[..], MEMORY_KIB, PASSES).expect("our own parameters are valid");
    let sealed = cipher
        .encrypt(&XNonce::from(*nonce), Payload { msg: key, aad: FORMAT.as_bytes() })
        .expect("32 bytes can always be sealed");
    let file = SealedKey {
        format: FORMAT.to_owned(),
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        salt: STANDARD.encode(&salt[..]),
        nonce: STANDARD.encode(&nonce[..]),
        sealed: STANDARD.encode(sealed),
    };
    Ok(toml::to_string(&file).expect("a sealed key is plain data"))
}

fn open(text: &str, passphrase: &str) -> Option<Zeroizing<[u8; 32]>> {
    let file: SealedKey = toml::from_str(text).ok()?;
    // A hostile file must not make us allocate without bound.
    if file.format != FORMAT || file.memory_kib > 1024 * 1024 || file.passes > 64 {
        return None;
    }
    let nonce: [u8; 24] = STANDARD.decode(file.nonce).ok()?.try_into().ok()?;
    let sealed = STANDARD.decode(file.sealed).ok()?;
    let cipher = cipher(passphrase, &STANDARD.decode(file.salt).ok()?, file.memory_kib, file.passes)?;
    let opened =
        cipher.decrypt(&XNonce::from(nonce), Payload { msg: &sealed, aad: FORMAT.as_bytes() }).ok()?;
    Zeroizing::new(opened).as_slice().try_into().ok().map(Zeroizing::new)
}

fn cipher(passphrase: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Option<XChaCha20Poly1305> {
    let parameters = Params::new(memory_kib, passes, 1, Some(32)).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key[..])
        .ok()?;
    XChaCha20Poly1305::new_from_slice(&key[..]).ok()
}

fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, SecretError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut bytes[..]).map_err(SecretError::NoRandomness)?;
    Ok(bytes)
}

/// Asks the keyring on a thread of its own. A thread that still waits for a prompt when the limit
/// is over is left behind: it holds nothing but its own request.
fn in_keyring(name: &str) -> Result<DeviceKey, SecretError> {
    let (reply, answer) = mpsc::channel();
    let name = name.to_owned();
    std::thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || {
            // Nobody listens any more once the limit is over.
            let _ = reply.send(ask_keyring(&name));
        })
        .map_err(|cause| SecretError::Keyring(cause.to_string()))?;
    match answer.recv_timeout(KEYRING_LIMIT) {
        Ok(key) => key.map(|key| DeviceKey::from_bytes(&key)),
        Err(_) => Err(SecretError::Locked),
    }
}

fn ask_keyring(name: &str) -> Result<Zeroizing<[u8; 32]>, SecretError> {
    if let Err(cause) = keyring::Entry::store_status() {
        return Err(SecretError::NoKeyring(cause.to_string()));
    }
    let entry = keyring::Entry::new(SERVICE, name).map_err(told_apart)?;
    match entry.get_secret().map(Zeroizing::new) {
        Ok(secret) => secret
            .as_slice()
            .try_into()
            .map(Zeroizing::new)
            .map_err(|_| SecretError::Keyring("its entry for Wattle is not a key".to_owned())),
        Err(keyring::Error::NoEntry) => {
            let key = random_bytes::<32>()?;
            entry.set_secret(&key[..]).map_err(told_apart)?;
            Ok(key)
        }
        Err(error) => Err(told_apart(error)),
    }
}

fn told_apart(error: keyring::Error) -> SecretError {
    match error {
        keyring::Error::NoStorageAccess(_) => SecretError::Locked,
        keyring::Error::NoDefaultStore => SecretError::NoKeyring(error.to_string()),
        error => SecretError::Keyring(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_with_its_passphrase_only() {
        let key = [7; 32];
        let sealed = seal(&key, "correct horse").unwrap();
        assert_eq!(open(&sealed, "correct horse").as_deref(), Some(&key));
        assert!(open(&sealed, "wrong horse").is_none());
        assert!(!sealed.contains(&STANDARD.encode(key)));
    }

    #[test]
    fn a_damaged_or_hostile_key_file_is_refused() {
        let sealed = seal(&[7; 32], "correct horse").unwrap();
        assert!(open(&sealed.replace("passes = 2", "passes = 3"), "correct horse").is_none());
        assert!(
            open(&sealed.replace("memory_kib = 19456", "memory_kib = 4000000000"), "correct horse").is_none()
        );
        assert!(open("", "correct horse").is_none());
    }

    #[test]
    fn the_file_keeps_the_key_across_starts_and_a_short_passphrase_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (passphrase, key_file) = (dir.path().join("passphrase"), dir.path().join("key.sealed"));
        std::fs::write(&passphrase, "correct horse\n").unwrap();
        let source = SecretSource::PassphraseFile(passphrase.clone());
        let (first, place) = open_or_create(&source, &key_file, "home").unwrap();
        let (again, _) = open_or_create(&source, &key_file, "home").unwrap();
        assert_eq!((first.key_id(), place), (again.key_id(), KeyPlace::SealedFile));
        std::fs::write(&passphrase, "short").unwrap();
        assert!(matches!(open_or_create(&source, &key_file, "home"), Err(SecretError::WeakPassphrase(_))));
    }
}
