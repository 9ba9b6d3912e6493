//! One-time links to the operator's page: made on the exchange's own machine, used once, soon.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use units::Timestamp;

use super::Failure;
use crate::store::rows::operator as rows;
use crate::store::{Word, word};

/// Who looks at the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the market.
    Operator,
    /// Reads everything, changes nothing.
    Auditor,
}

impl std::str::FromStr for Role {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let role: Result<Word<Self>, _> = text.parse();
        role.map(|word| word.0).map_err(|_| "a role is operator or auditor")
    }
}

/// Makes a code that nobody guesses.
pub(crate) fn new_code() -> Result<String, getrandom::Error> {
    let mut code = [0; 16];
    getrandom::fill(&mut code)?;
    Ok(URL_SAFE_NO_PAD.encode(code))
}

pub(crate) fn insert(
    db: &Connection,
    code: &str,
    role: Role,
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), Failure> {
    Ok(rows::insert_link(db, &digest(code), &word(&role), expires, now)?)
}

/// Returns whether a code may be one of a link, without using it up: wrong codes must not cost a commit.
pub(crate) fn is_known(db: &Connection, code: &str) -> Result<bool, Failure> {
    Ok(rows::is_link(db, &digest(code))?)
}

/// Uses a link up; returns for whom it was, if it was one and in time.
pub(crate) fn redeem(db: &Connection, code: &str, now: Timestamp) -> Result<Option<Role>, Failure> {
    let Some((role, expires)) = rows::take_link(db, &digest(code))? else { return Ok(None) };
    Ok(role.parse().ok().filter(|_| now <= expires))
}

fn digest(code: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code))
}
