//! Who a statement is from and to, and its place in the row.

use ::statement::{Citation, Header, Party, Period, Previous};
use history::{Membership, StatementRow};
use units::{Currency, DayKey, Timestamp};

use crate::config::{HomeConfig, PartyConfig};

/// Makes the header of the next statement.
pub fn header(
    config: &HomeConfig,
    membership: &Membership,
    currency: Currency,
    month: DayKey,
    corrections: Vec<Citation>,
    last: Option<&StatementRow>,
    now: Timestamp,
) -> Header {
    let parties = config.statement.clone().unwrap_or_default();
    Header {
        market: membership.market.clone(),
        member: membership.member.clone(),
        sequence: last.map_or(1, |last| last.sequence + 1),
        previous: last.map(|last| Previous { number: last.number.clone(), sha256: last.sha256.clone() }),
        period: Period::month(month, &config.zone),
        currency,
        issued_at: now,
        owner: party(parties.owner, &config.name),
        operator: party(parties.operator, &membership.market_name),
        utility: party(parties.utility, "-"),
        corrections,
    }
}

/// Returns a party as the owner wrote it, or by the name that is known.
fn party(written: Option<PartyConfig>, known: &str) -> Party {
    match written {
        Some(PartyConfig { name, address, tax_number }) => Party { name, address, tax_number },
        None => Party { name: known.to_owned(), address: Vec::new(), tax_number: None },
    }
}
