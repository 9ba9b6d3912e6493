//! Grows the tree over what a commit appended to the log, and signs its new head, within that commit.

use ledger::{Checkpoint, Log, SigningKey, key_text};
use rusqlite::Connection;

use super::StoreError;
use super::rows::log;

/// Signs heads with the key that is in force.
pub(crate) struct LogSigner {
    origin: String,
    /// The key of the folder; during a change also the next one.
    keys: Vec<SigningKey>,
}

impl LogSigner {
    pub(crate) fn new(origin: impl Into<String>, keys: Vec<SigningKey>) -> Self {
        Self { origin: origin.into(), keys }
    }

    fn key(&self, public_key: Option<&str>) -> Result<&SigningKey, StoreError> {
        let is_it = |key: &&SigningKey| Some(key_text(&key.verifying_key()).as_str()) == public_key;
        self.keys.iter().find(is_it).ok_or(StoreError::LogKey)
    }
}

/// Secrets stay out of logs.
impl std::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogSigner({})", self.origin)
    }
}

/// Brings the tree up to the newest entry. Returns the new size, or `None` where nothing was appended.
///
/// It starts from the stored hashes of the complete subtrees, some twenty of them, so a long log costs no more.
pub(super) fn seal(db: &Connection, signer: &LogSigner) -> Result<Option<u64>, StoreError> {
    let (sealed, size) = (log::sealed_size(db)?, log::size(db)?);
    if size == sealed {
        return Ok(None);
    }
    let mut tree = Log::from_stored(sealed, |node| log::node(db, node))?;
    for commitment in log::commitments(db, sealed..size)? {
        for stored in tree.append(&commitment) {
            log::insert_node(db, &stored)?;
        }
    }
    if tree.size() != size {
        return Err(StoreError::LogBroken { sealed, size });
    }
    let key = signer.key(log::newest_key(db)?.as_deref())?;
    let head = Checkpoint { origin: signer.origin.clone(), size, root: tree.root() };
    let note = head.sign(key).map_err(StoreError::Checkpoint)?;
    log::insert_head(db, size, &note.to_string())?;
    Ok(Some(size))
}
