//! The statements this household made: a gapless row a market, each with the hash of the one before.

use rusqlite::{OptionalExtension, Row, named_params};
use units::{MarketId, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::packed;
use crate::row;
use crate::writer::Durability;

/// What is known of a statement without unpacking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    pub market: MarketId,
    pub sequence: u32,
    pub number: String,
    /// `2026-06`.
    pub month: String,
    pub made_at: Timestamp,
    /// The log by which it was made, and what it held then.
    pub log: i64,
    pub log_size: u64,
    /// Of the file, base64url without padding.
    pub sha256: String,
    /// What a list shows of it.
    pub summary_json: String,
}

impl History {
    /// Keeps a statement, durably. Its number must be the next one of its market.
    pub fn save_statement(&self, statement: &StatementRow, file: &[u8]) -> Result<(), HistoryError> {
        let (statement, file_gz) = (statement.clone(), packed::pack(file));
        self.write("keeping a statement in", Durability::OnDisk, move |connection| {
            let next: u32 = connection.query_row(
                "select coalesce(max(sequence), 0) + 1 from statements where market = ?1",
                [statement.market.as_str()],
                |row| row.get(0),
            )?;
            if next != statement.sequence {
                return Err(HistoryError::Contradiction {
                    subject: format!("statement {}", statement.number),
                    detail: format!("the next one has the number {next}"),
                });
            }
            connection.execute(
                "insert into statements values (null, :market, :sequence, :number, :month, :made, :log,
                    :log_size, :sha256, :summary, :file)",
                named_params! {
                    ":market": statement.market.as_str(),
                    ":sequence": statement.sequence,
                    ":number": statement.number,
                    ":month": statement.month,
                    ":made": statement.made_at.millis(),
                    ":log": statement.log,
                    ":log_size": statement.log_size as i64,
                    ":sha256": statement.sha256,
                    ":summary": statement.summary_json,
                    ":file": file_gz,
                },
            )?;
            Ok(())
        })
    }

    /// Returns all statements of a market, the oldest first.
    pub fn statements(&self, market: &MarketId) -> Result<Vec<StatementRow>, HistoryError> {
        self.read("reading statements from", |connection| {
            let mut query = connection.prepare_cached(
                "select market, sequence, number, month, made_at_ms, log, log_size, sha256, summary_json
                 from statements where market = ?1 order by sequence",
            )?;
            Ok(query.query_map([market.as_str()], stored)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the file of a statement.
    pub fn statement_file(&self, market: &MarketId, sequence: u32) -> Result<Option<Vec<u8>>, HistoryError> {
        self.read("reading a statement from", |connection| {
            let mut query = connection
                .prepare_cached("select file_gz from statements where market = ?1 and sequence = ?2")?;
            let found: Option<Vec<u8>> =
                query.query_row((market.as_str(), sequence), |row| row.get(0)).optional()?;
            found.map(|file| packed::unpack(&file)).transpose()
        })
    }
}

fn stored(row: &Row) -> rusqlite::Result<StatementRow> {
    Ok(StatementRow {
        market: row::parsed(row, "market")?,
        sequence: row.get("sequence")?,
        number: row.get("number")?,
        month: row.get("month")?,
        made_at: row::time(row, "made_at_ms")?,
        log: row.get("log")?,
        log_size: row.get::<_, i64>("log_size")? as u64,
        sha256: row.get("sha256")?,
        summary_json: row.get("summary_json")?,
    })
}
