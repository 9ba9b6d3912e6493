//! Statements: a month made from the log's entries, kept in a gapless row, handed out and verified.
//!
//! A month that runs still can have one too; made again it gets the next number and the slots since. Once a
//! later month has its statement, a month is only changed by corrections there.

mod files;
mod header;
mod make;
mod select;

use std::path::Path;

use ::statement::{Anchor, Paper, Report, Statement};
use history::{History, StatementRow};
use units::{DayKey, MarketId};

pub use files::{Format, file_name, write_all};
pub use make::Made;

use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

/// Returns the first day of a month written as `2026-06`.
pub(crate) fn month_start(month: &str) -> Result<DayKey, Refusal> {
    let bad = || Refusal {
        code: "bad_month".to_owned(),
        message: format!("\"{month}\" is not a month."),
        hint: "Write it as 2026-06.".to_owned(),
    };
    let plain = month.len() == 7 && month.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !plain {
        return Err(bad());
    }
    format!("{month}-01").parse().map_err(|_| bad())
}

/// Returns the newest statement of a month.
pub fn newest_of(history: &History, market: &MarketId, month: &str) -> Result<Option<StatementRow>, Refusal> {
    let rows = history.statements(market).map_err(|error| history_refusal(&error))?;
    Ok(rows.into_iter().rfind(|row| row.month == month))
}

/// Returns the newest statement of a month on the home's market, if one was made.
pub(crate) fn issued(house: &House, month: &str) -> Result<Option<StatementRow>, Refusal> {
    month_start(month)?;
    match house.membership().map_err(|error| history_refusal(&error))? {
        Some(membership) => newest_of(&house.history, &membership.market, month),
        None => Ok(None),
    }
}

/// Reads the file of a statement that is kept.
pub fn stored_file(history: &History, row: &StatementRow) -> Result<Vec<u8>, Refusal> {
    let file = history.statement_file(&row.market, row.sequence).map_err(|error| history_refusal(&error))?;
    file.ok_or_else(|| damaged(row))
}

/// Reads a statement that is kept.
pub fn stored(history: &History, row: &StatementRow) -> Result<Statement, Refusal> {
    Statement::from_bytes(&stored_file(history, row)?).map_err(|_| damaged(row))
}

/// Returns what a list shows of a statement: the paper without its quarter hours.
pub(crate) fn summary(row: &StatementRow) -> Result<Paper, Refusal> {
    serde_json::from_str(&row.summary_json).map_err(|_| damaged(row))
}

fn damaged(row: &StatementRow) -> Refusal {
    Refusal {
        code: "data_corrupt".to_owned(),
        message: format!("The statement {} cannot be read from the history.", row.number),
        hint: "Put a backup in its place with `wattle restore`, or take the file that you saved.".to_owned(),
    }
}

/// Returns the key of a market's log that a home's history pinned: what its statements are verified with.
pub fn pinned_anchor(history: &History, market: &MarketId) -> Result<Option<Anchor>, Refusal> {
    let log = history.log(market).map_err(|error| history_refusal(&error))?;
    Ok(log.and_then(|log| log.log_key.parse().ok()))
}

impl Home {
    /// Verifies the newest statement of a month with the key that was pinned on joining, as anybody could.
    pub fn verify_statement(&self, month: &str) -> Result<Report, Refusal> {
        let (history, row) = self.issued(month)?;
        let anchor = pinned_anchor(history, &row.market)?;
        Ok(::statement::verify(&stored_file(history, &row)?, anchor.as_ref()))
    }

    /// Writes the newest statement of a month into a folder and returns the file's path.
    pub fn save_statement(
        &self,
        folder: Option<&Path>,
        month: &str,
        format: Format,
        dialect: ::statement::Dialect,
    ) -> Result<String, Refusal> {
        let (history, row) = self.issued(month)?;
        let bytes = files::render(&stored(history, &row)?, format, dialect)?;
        crate::export::save(folder, &file_name(month, format), &bytes)
    }

    fn issued(&self, month: &str) -> Result<(&History, StatementRow), Refusal> {
        let house = self.house()?;
        let row = issued(house, month)?.ok_or_else(|| Refusal {
            code: "no_statement".to_owned(),
            message: format!("There is no statement of {month} yet."),
            hint: "Make it first: under Earnings, or with `wattle statement build`.".to_owned(),
        })?;
        Ok((&house.history, row))
    }
}
