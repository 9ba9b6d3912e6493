//! The keys in a market's folder: the exchange's, the log's, and the one that vouches for the utility's readings.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchange_api::DeviceKey;
use ledger::{LogKey, SigningKey, VerifyingKey};
use units::MarketId;

use crate::exchange::{ExchangeError, file_error, write_secret};

/// Makes a key in a new file that only its owner reads.
pub(crate) fn make(file: &Path) -> Result<DeviceKey, ExchangeError> {
    let key = DeviceKey::generate()?;
    let text = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.encode(key.to_bytes().as_slice()));
    write_secret(file, text.as_bytes())?;
    Ok(key)
}

pub(crate) fn read(file: &Path) -> Result<DeviceKey, ExchangeError> {
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(file).map_err(file_error("reading", file))?);
    let bytes = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default());
    let secret =
        <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| ExchangeError::BadKey(file.to_owned()))?;
    Ok(DeviceKey::from_bytes(secret))
}

/// Reads a key that a folder from before there was one does not have yet.
pub(crate) fn read_or_make(file: &Path) -> Result<DeviceKey, ExchangeError> {
    match make(file) {
        Err(ExchangeError::File { cause, .. }) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            read(file)
        }
        outcome => outcome,
    }
}

/// Returns the key in the form in which the log signs with it.
pub(crate) fn signing_key(key: &DeviceKey) -> SigningKey {
    SigningKey::from_bytes(&key.to_bytes())
}

/// Returns how the world knows a market's log that this key signs.
pub(crate) fn log_key(market: &MarketId, key: VerifyingKey) -> LogKey {
    LogKey::new(statement::log_origin(market), key)
        .expect("an origin is made to be a key's name, and a key that was drawn is strong")
}
