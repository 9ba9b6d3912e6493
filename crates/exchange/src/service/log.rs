//! The market's log: appends what happened in the transaction in which it happens, and shows what was appended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchange_api::{EntriesProof, EntryPage, EntrySignature, LogGrowth, ProblemCode, ProveEntries, paths};
use ledger::{
    HASHES_PER_TILE, Node, Opening, ProofError, Salt, SignedCheckpoint, SignedRotation, SigningKey, Tile,
    VerifyingKey, canonical_json, encode_bundle, key_id_text, key_text,
};
use rusqlite::Connection;
use serde_json::Value;
use units::{KeyId, MemberId};

use super::{Failure, refuse};
use crate::store::rows::log::{self, NewEntry};

/// An entry to be appended.
pub(crate) struct Draft<'a> {
    pub domain: &'static str,
    /// What it speaks of, such as an order's id.
    pub subject: String,
    pub body: Value,
    pub salt: Salt,
    pub signatures: Vec<EntrySignature>,
    pub readers: Readers<'a>,
}

/// Who may open an entry besides the operator.
pub(crate) enum Readers<'a> {
    Everyone,
    Members(&'a [&'a MemberId]),
}

/// Makes the salt of an entry that is the exchange's own.
pub(crate) fn own_salt() -> Result<Salt, Failure> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(Failure::Randomness)?;
    Ok(Salt(salt))
}

/// Appends an entry and returns its place. The tree follows when the transaction is committed.
pub(crate) fn append(db: &Connection, draft: Draft) -> Result<u64, Failure> {
    let Draft { domain, subject, body, salt, signatures, readers } = draft;
    let opening = Opening { domain: domain.to_owned(), salt, body };
    let commitment = opening.commitment().map_err(Failure::Unencodable)?;
    let body = canonical_json(&opening.body).map_err(Failure::Unencodable)?;
    let place = log::insert(
        db,
        &NewEntry {
            domain,
            subject: &subject,
            commitment: &commitment,
            salt: &salt,
            body: &String::from_utf8_lossy(&body),
            signatures: &serde_json::to_string(&signatures).expect("two texts are JSON"),
            everyone: matches!(readers, Readers::Everyone),
        },
    )?;
    if let Readers::Members(members) = readers {
        for member in members {
            log::insert_reader(db, member, place)?;
        }
    }
    Ok(place)
}

/// Hands the log over to another key: the old one's last word.
pub(crate) fn hand_over(
    db: &Connection,
    origin: &str,
    old: &SigningKey,
    new: &VerifyingKey,
) -> Result<(), Failure> {
    let (place, salt) = (log::size(db)?, own_salt()?);
    let rotation = SignedRotation::sign(origin, place, old, new, salt).map_err(Failure::Rotation)?;
    let signature = EntrySignature {
        key: KeyId::new(key_id_text(&old.verifying_key())).expect("43 letters are an id"),
        signature: URL_SAFE_NO_PAD.encode(rotation.signature),
    };
    let draft = Draft {
        domain: SignedRotation::DOMAIN,
        subject: place.to_string(),
        body: rotation.opening().body,
        salt,
        signatures: vec![signature],
        readers: Readers::Everyone,
    };
    let place = append(db, draft)?;
    Ok(log::insert_key(db, place as i64, &key_text(new))?)
}

/// Returns the newest signed head.
pub(crate) fn newest_head(db: &Connection) -> Result<SignedCheckpoint, Failure> {
    head(db, log::sealed_size(db)?)
}

fn head(db: &Connection, size: u64) -> Result<SignedCheckpoint, Failure> {
    let Some(note) = log::head(db, size)? else {
        let detail = format!("The log was never signed at the size {size}; take that of a checkpoint.");
        return refuse(ProblemCode::BadRequest, detail);
    };
    note.parse().map_err(Failure::Checkpoint)
}

/// Returns a member's own entries and those of everyone, with the proof that the newest head holds them.
pub(crate) fn page(
    db: &Connection,
    member: &MemberId,
    after: Option<u64>,
    limit: usize,
) -> Result<EntryPage, Failure> {
    let checkpoint = newest_head(db)?;
    let size = checkpoint.claimed().size;
    let entries = log::readable(db, member, after, size, limit)?;
    let places: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
    let proof = ledger::many_proof(&places, size, |node| log::node(db, node)).map_err(unproved)?;
    Ok(EntryPage { next: places.last().copied().or(after), entries, checkpoint, proof })
}

/// Proves entries of anyone: their hashes are public, what they hide is not shown.
pub(crate) fn prove(db: &Connection, wanted: &ProveEntries) -> Result<EntriesProof, Failure> {
    let count = wanted.indexes.len();
    if count > paths::MAX_PROVED {
        let detail = format!("{count} entries in one proof; at most {} are taken.", paths::MAX_PROVED);
        return refuse(ProblemCode::TooLarge, detail);
    }
    let checkpoint = match wanted.size {
        None => newest_head(db)?,
        Some(size) => head(db, size)?,
    };
    let size = checkpoint.claimed().size;
    match ledger::many_proof(&wanted.indexes, size, |node| log::node(db, node)) {
        Ok(proof) => Ok(EntriesProof { checkpoint, proof }),
        Err(error) => Err(unproved(error)),
    }
}

/// Proves that the log of one size grew out of that of another; any sizes up to the newest head's.
pub(crate) fn growth(db: &Connection, from: u64, to: u64) -> Result<LogGrowth, Failure> {
    let size = log::sealed_size(db)?;
    if to > size {
        return refuse(ProblemCode::BadRequest, format!("The log has {size} entries, not {to}."));
    }
    let proof = ledger::consistency_proof(from, to, |node| log::node(db, node)).map_err(unproved)?;
    Ok(LogGrowth { proof })
}

fn unproved(error: ProofError<rusqlite::Error>) -> Failure {
    match error {
        ProofError::Hash(cause) => cause.into(),
        wrong => {
            exchange_api::Problem::new(ProblemCode::BadRequest, format!("There is no such proof: {wrong}."))
                .into()
        }
    }
}

/// Returns the bytes of a tile, of hashes or entries, as far as the newest head reaches.
pub(crate) fn tile(db: &Connection, tile: Tile) -> Result<Vec<u8>, Failure> {
    let size = log::sealed_size(db)?;
    let nodes: Vec<Node> = tile.nodes().collect();
    let within = |node: &Node| node.entries().is_some_and(|entries| entries.end <= size);
    if !nodes.last().is_some_and(within) {
        return refuse(ProblemCode::NotFound, format!("A log of {size} entries has no {tile} yet."));
    }
    if tile.is_entries() {
        let start = tile.number() * HASHES_PER_TILE;
        return Ok(encode_bundle(&log::commitments(db, start..start + u64::from(tile.width()))?));
    }
    Ok(tile.encode(|node| log::node(db, node))?)
}
