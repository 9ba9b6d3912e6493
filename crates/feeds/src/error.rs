//! What can go wrong with a source, as sentences for its owner.

use std::path::PathBuf;
use std::time::Duration;

use units::Currency;

use crate::shift::Shift;

/// Why a source gave nothing. What was known before stays known.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("{source_name} cannot be reached. Known prices stay in use; it is tried again by itself")]
    Unreachable {
        source_name: String,
        #[source]
        cause: reqwest::Error,
    },
    #[error("{source_name} has been silent for {} s. Known prices stay in use; it is tried again by itself", waited.as_secs())]
    Silent { source_name: String, waited: Duration },
    #[error("{source_name} refused the request with status {status}: {hint}")]
    Refused { source_name: String, status: u16, hint: &'static str },
    #[error(
        "{source_name} has no prices for these days yet; day-ahead prices come around 13:00 of Central Europe"
    )]
    NothingYet { source_name: String },
    #[error("{source_name} wants a token, and there is none; get one from its site and enter it")]
    TokenMissing { source_name: String },
    #[error("the answer of {source_name} makes no sense: {cause}")]
    Malformed { source_name: String, cause: Malformed },
    #[error("the answer of {source_name} is longer than {limit} bytes, which no list of prices is")]
    TooLong { source_name: String, limit: usize },
    #[error(
        "{source_name} gives prices in {found}, and the home reckons in {expected}; choose the home's price zone"
    )]
    OtherCurrency { source_name: String, found: String, expected: Currency },
    #[error("the prices of {source_name} lie {shift}. They are not used; the known ones stay")]
    Shifted { source_name: String, shift: Shift },
    #[error("the address \"{address}\" cannot be used: {reason}")]
    Address { address: String, reason: &'static str },
    #[error("{} cannot be read; check its path and who may read it", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("HTTP cannot be spoken on this computer")]
    Http(#[source] reqwest::Error),
}

/// What of an answer cannot be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it is no text in UTF-8")]
    NotText,
    #[error("it is no {form}: {why}")]
    Form { form: &'static str, why: String },
    #[error("{what} is missing")]
    Missing { what: &'static str },
    #[error("\"{found}\" stands where {expected} is expected")]
    Value { found: String, expected: &'static str },
    #[error("{what} and {other} are lists of different length")]
    Lengths { what: &'static str, other: &'static str },
    #[error("the price from {from} is not for whole quarter hours of a day")]
    Unaligned { from: String },
    #[error("it holds more prices than two months have")]
    TooMany,
    #[error("the source says: {0}")]
    Says(String),
    #[error("prices are in {0}, and only those per MWh or kWh are known")]
    Unit(String),
    /// Not a fault of form; [`FeedError::OtherCurrency`] is made of it.
    #[error("prices are in the currency {0}")]
    Currency(String),
    /// Not a fault of form; [`FeedError::NothingYet`] is made of it.
    #[error("there are no prices for these days")]
    Nothing,
}

impl Malformed {
    /// Makes a fault of a value, with no more of it than a person wants to read.
    pub(crate) fn value(found: &str, expected: &'static str) -> Self {
        Self::Value { found: found.chars().take(60).collect(), expected }
    }
}
