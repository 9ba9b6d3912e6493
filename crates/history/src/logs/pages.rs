//! Entries as they lie in the file: a line each, its parts parted by tabs, a page compressed.

use rusqlite::Connection;
use units::Slot;

use super::LogEntry;
use crate::error::HistoryError;
use crate::packed;

/// Writes entries as a page; nothing for none.
pub fn put(connection: &Connection, log: i64, entries: &[&LogEntry]) -> Result<(), HistoryError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
    let slots = || entries.iter().filter_map(|entry| entry.slot).map(Slot::index);
    let lasting = entries.iter().any(|entry| entry.slot.is_none());
    let lines = entries.iter().map(|entry| line(entry)).collect::<Result<String, _>>()?;
    connection.prepare_cached("insert into log_pages values (null, ?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
        (
            log,
            first.index as i64,
            last.index as i64,
            slots().min(),
            slots().max(),
            lasting,
            packed::pack(lines.as_bytes()),
        ),
    )?;
    Ok(())
}

pub fn unpack(packed: &[u8]) -> Result<Vec<LogEntry>, HistoryError> {
    let lines = String::from_utf8(packed::unpack(packed)?).unwrap_or_default();
    lines.lines().map(|line| read(line).ok_or_else(|| contradiction("a line of it is none"))).collect()
}

fn line(entry: &LogEntry) -> Result<String, HistoryError> {
    let LogEntry { index, domain, slot, salt, body, signatures } = entry;
    let slot = slot.map_or_else(String::new, |slot| slot.index().to_string());
    let parts = [domain, salt, body, signatures];
    // Canonical JSON escapes them, and so the others: no word or number has any.
    if parts.iter().any(|part| part.contains(['\t', '\n', '\r'])) {
        return Err(contradiction("an entry holds a line break or a tab"));
    }
    Ok(format!("{index}\t{domain}\t{slot}\t{salt}\t{body}\t{signatures}\n"))
}

fn read(line: &str) -> Option<LogEntry> {
    let mut parts = line.split('\t');
    let mut next = || parts.next();
    let (index, domain, slot) = (next()?.parse().ok()?, next()?.to_owned(), next()?);
    let slot = if slot.is_empty() { None } else { Some(Slot::from_index(slot.parse().ok()?)) };
    let (salt, body, signatures) = (next()?.to_owned(), next()?.to_owned(), next()?.to_owned());
    Some(LogEntry { index, domain, slot, salt, body, signatures })
}

fn contradiction(detail: &str) -> HistoryError {
    HistoryError::Contradiction { subject: "a page of the log".to_owned(), detail: detail.to_owned() }
}
