//! The log: entries, the hashes of its tree, its heads and its keys.

use std::ops::Range;

use exchange_api::OpenedEntry;
use ledger::{Commitment, Hash, Node, Salt, Stored};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension as _, Result, Row, params};
use units::{MemberId, Timestamp};

use crate::store::column::Columns as _;

/// An entry as it is written.
pub(crate) struct NewEntry<'a> {
    pub domain: &'a str,
    pub subject: &'a str,
    pub commitment: &'a Commitment,
    pub salt: &'a Salt,
    /// Canonical JSON.
    pub body: &'a str,
    /// JSON.
    pub signatures: &'a str,
    pub everyone: bool,
}

/// An entry as it is stored.
pub(crate) struct EntryRow {
    pub place: u64,
    pub domain: String,
    pub subject: String,
    pub commitment: Commitment,
    pub everyone: bool,
    /// Missing where it was erased.
    pub opened: Option<OpenedEntry>,
}

/// Appends an entry and returns its place.
pub(crate) fn insert(db: &Connection, entry: &NewEntry) -> Result<u64> {
    let place = size(db)?;
    db.prepare_cached(
        "insert into log_entry (place, domain, subject, commitment, salt, body, signatures, everyone)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        place as i64,
        entry.domain,
        entry.subject,
        entry.commitment.0,
        entry.salt.0,
        entry.body,
        entry.signatures,
        entry.everyone
    ])?;
    Ok(place)
}

pub(crate) fn insert_reader(db: &Connection, member: &MemberId, place: u64) -> Result<()> {
    db.prepare_cached("insert into log_reader (member, place) values (?1, ?2)")?
        .execute(params![member.as_str(), place as i64])?;
    Ok(())
}

/// Returns how many entries there are.
pub(crate) fn size(db: &Connection) -> Result<u64> {
    number(db, "select coalesce(max(place) + 1, 0) from log_entry")
}

/// Returns how many of them the newest head holds.
pub(crate) fn sealed_size(db: &Connection) -> Result<u64> {
    number(db, "select coalesce(max(size), 0) from log_head")
}

fn number(db: &Connection, sql: &str) -> Result<u64> {
    db.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// Returns the newest entry of a domain that speaks of something.
pub(crate) fn place_of(db: &Connection, domain: &str, subject: &str) -> Result<Option<u64>> {
    db.prepare_cached("select max(place) from log_entry where domain = ?1 and subject = ?2")?
        .query_row([domain, subject], |row| Ok(row.get::<_, Option<i64>>(0)?.map(i64::unsigned_abs)))
}

/// Returns the commitments of neighbouring entries; fewer where some are missing.
pub(crate) fn commitments(db: &Connection, places: Range<u64>) -> Result<Vec<Commitment>> {
    db.prepare_cached("select commitment from log_entry where place >= ?1 and place < ?2 order by place")?
        .query_map([places.start as i64, places.end as i64], |row| Ok(Commitment(row.get(0)?)))?
        .collect()
}

const ENTRY: &str = "place, domain, subject, commitment, salt, body, signatures, everyone";

/// Returns what a member may open after a place, in the log's order: its own and what is everyone's.
pub(crate) fn readable(
    db: &Connection,
    member: &MemberId,
    after: Option<u64>,
    sealed: u64,
    limit: usize,
) -> Result<Vec<OpenedEntry>> {
    let after = after.map_or(-1, |place| i64::try_from(place).unwrap_or(i64::MAX));
    let sql = format!(
        "select {ENTRY} from log_entry where body is not null and place in (
             select place from log_reader where member = ?1 and place > ?2 and place < ?3
             union all select place from log_entry where everyone = 1 and place > ?2 and place < ?3
             order by place limit ?4)
         order by place"
    );
    let rows = db
        .prepare_cached(&sql)?
        .query_map(params![member.as_str(), after, sealed as i64, limit as i64], read)?
        .collect::<Result<Vec<_>>>()?;
    Ok(rows.into_iter().filter_map(|row| row.opened).collect())
}

/// Hands each entry to a function, in the log's order, also one that cannot be read.
pub(crate) fn for_each<E: From<Error>>(
    db: &Connection,
    mut work: impl FnMut(u64, Result<EntryRow>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut query = db.prepare(&format!("select {ENTRY} from log_entry order by place"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        work(row.get::<_, i64>("place")?.unsigned_abs(), read(row))?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<EntryRow> {
    let place = row.get::<_, i64>("place")?.unsigned_abs();
    let domain: String = row.get("domain")?;
    let opened = match (row.get::<_, Option<[u8; 32]>>("salt")?, row.get::<_, Option<String>>("body")?) {
        (Some(salt), Some(body)) => Some(OpenedEntry {
            index: place,
            domain: domain.clone(),
            salt: Salt(salt),
            body: json(row, "body", &body)?,
            signatures: json(row, "signatures", &row.get::<_, String>("signatures")?)?,
        }),
        _ => None,
    };
    Ok(EntryRow {
        place,
        domain,
        subject: row.get("subject")?,
        everyone: row.get("everyone")?,
        commitment: Commitment(row.get("commitment")?),
        opened,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str, text: &str) -> Result<T> {
    let index = row.as_ref().column_index(column)?;
    serde_json::from_str(text)
        .map_err(|error| Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}

pub(crate) fn insert_node(db: &Connection, stored: &Stored) -> Result<()> {
    db.prepare_cached("insert into log_node (level, number, hash) values (?1, ?2, ?3)")?.execute(params![
        stored.node.level,
        stored.node.number as i64,
        stored.hash.0
    ])?;
    Ok(())
}

pub(crate) fn node(db: &Connection, node: Node) -> Result<Hash> {
    let number = i64::try_from(node.number).map_err(|_| Error::QueryReturnedNoRows)?;
    db.prepare_cached("select hash from log_node where level = ?1 and number = ?2")?
        .query_row(params![node.level, number], |row| Ok(Hash(row.get(0)?)))
}

pub(crate) fn count_nodes(db: &Connection) -> Result<u64> {
    number(db, "select count(*) from log_node")
}

pub(crate) fn insert_head(db: &Connection, size: u64, note: &str) -> Result<()> {
    db.prepare_cached("insert into log_head (size, note) values (?1, ?2)")?
        .execute(params![size as i64, note])?;
    // By the clock of the machine: heads are signed in real time, whatever time the market has.
    db.prepare_cached(
        "insert or replace into log_signed (id, at_real_ms) values (1, cast(unixepoch('subsec') * 1000 as integer))",
    )?
    .execute([])?;
    Ok(())
}

/// Returns when the newest head was signed, in real time; `None` where that was before it was noted.
pub(crate) fn signed_at(db: &Connection) -> Result<Option<Timestamp>> {
    db.prepare_cached("select at_real_ms from log_signed")?
        .query_row([], |row| row.time("at_real_ms"))
        .optional()
}

/// Returns the head of a size; `None` where the log was never signed at it.
pub(crate) fn head(db: &Connection, size: u64) -> Result<Option<String>> {
    let Ok(size) = i64::try_from(size) else { return Ok(None) };
    db.prepare_cached("select note from log_head where size = ?1")?
        .query_row([size], |row| row.get(0))
        .optional()
}

/// Returns all heads, the smallest first.
pub(crate) fn heads(db: &Connection) -> Result<Vec<(u64, String)>> {
    db.prepare("select size, note from log_head order by size")?
        .query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))?
        .collect()
}

/// The place of the log's first key, which no entry made.
pub(crate) const FIRST_KEY: i64 = -1;

pub(crate) fn insert_key(db: &Connection, place: i64, public_key: &str) -> Result<()> {
    db.execute("insert into log_key (place, public_key) values (?1, ?2)", params![place, public_key])?;
    Ok(())
}

pub(crate) fn first_key(db: &Connection) -> Result<Option<String>> {
    db.prepare_cached("select public_key from log_key where place = ?1")?
        .query_row([FIRST_KEY], |row| row.get(0))
        .optional()
}

pub(crate) fn newest_key(db: &Connection) -> Result<Option<String>> {
    db.prepare_cached("select public_key from log_key order by place desc limit 1")?
        .query_row([], |row| row.get(0))
        .optional()
}

/// Returns all keys with the places from which they sign.
pub(crate) fn keys(db: &Connection) -> Result<Vec<(i64, String)>> {
    db.prepare("select place, public_key from log_key order by place")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
