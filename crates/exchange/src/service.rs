//! What the exchange does, as plain functions over a transaction. They know neither HTTP nor threads.

pub(crate) mod allocation;
pub(crate) mod book;
pub(crate) mod deals;
pub(crate) mod enrol;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod indicative;
pub(crate) mod life;
pub(crate) mod log;
pub(crate) mod log_audit;
pub(crate) mod log_start;
pub(crate) mod logged;
pub(crate) mod operator;
pub(crate) mod orders;
pub(crate) mod readings;
pub(crate) mod report;
pub(crate) mod settling;
pub(crate) mod utility;

use exchange_api::{Problem, ProblemCode};
use rusqlite::Connection;
use units::Slot;

use crate::config::MarketConfig;
use crate::store::StoreError;
use crate::store::rows;

/// Why a command was not done: for a reason the member is told, or by a fault.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Refused(Problem),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the configuration that the database holds cannot be read")]
    Config(#[source] Box<crate::config::ConfigError>),
    #[error("slot {slot} cannot be settled")]
    Settlement {
        slot: Slot,
        #[source]
        cause: settlement::InvalidInput,
    },
    #[error("the clearing of slot {slot} was not committed: it fails its own verification")]
    Unverified {
        slot: Slot,
        #[source]
        cause: market::Unverified,
    },
    #[error("the postings of slot {slot} sum to {sum} nanos and not to zero; nothing was committed")]
    Unbalanced { slot: Slot, sum: i128 },
    #[error("an entry of the log cannot be written")]
    Unencodable(#[source] ledger::Unencodable),
    #[error("the stored head of the log cannot be read")]
    Checkpoint(#[source] ledger::CheckpointError),
    #[error("the change of the log's key")]
    Rotation(#[source] ledger::RotationError),
    #[error("the system has no randomness")]
    Randomness(#[source] getrandom::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Tells of a fault of the exchange itself.
pub(crate) fn internal(detail: &str) -> Failure {
    Problem::new(ProblemCode::Internal, format!("{detail}.")).into()
}

/// Refuses with a code and a sentence.
pub(crate) fn refuse<T>(code: ProblemCode, detail: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(Problem::new(code, detail)))
}

/// Returns the configuration that governs a slot, with its version.
pub(crate) fn governing(db: &Connection, slot: Slot) -> Result<(i64, MarketConfig), Failure> {
    let row = rows::config::governing(db, slot)?;
    Ok((row.version, MarketConfig::parse(&row.toml, "the stored configuration")?))
}
