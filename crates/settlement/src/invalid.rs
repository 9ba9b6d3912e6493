//! Why a slot cannot be settled: the place in the input, and what is wrong there.

use market::{InvalidBook, MAX_PRICE, MAX_QUANTITY, MAX_SUM};

/// An input that is not a slot. `place` is a path into the JSON with the id found there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct InvalidInput {
    pub place: String,
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("no area is the root: exactly one area has \"parent\": null")]
    NoRoot,
    #[error("a second root: only one area may have \"parent\": null, and \"{0}\" is that already")]
    SecondRoot(String),
    #[error("a cycle: following the parents from here never reaches the root")]
    Cycle,
    #[error("no area has the id \"{0}\"")]
    UnknownArea(String),
    #[error("no member has the id \"{0}\"")]
    UnknownMember(String),
    #[error(
        "the id \"{0}\" is taken: ids of deals, orders and members are of one name space, as are those of areas"
    )]
    DuplicateId(String),
    #[error("the root has no edge to a parent, so it has neither fee nor capacity")]
    OnTheRoot,
    #[error("missing: every area but the root says the {0} of the edge to its parent")]
    Missing(&'static str),
    #[error("{0} is negative, and this cannot be")]
    Negative(i64),
    #[error("{value} is too large: the limit is {limit}")]
    TooLarge { value: i128, limit: i64 },
    #[error("seller and buyer are both \"{0}\": nobody deals with himself")]
    DealWithOneself(String),
    #[error("{0} nanos are more than an account can hold")]
    Unaccountable(i128),
    #[error("{0}")]
    Auction(#[source] InvalidBook),
}

impl InvalidInput {
    pub(crate) fn new(place: impl Into<String>, fault: Fault) -> Self {
        Self { place: place.into(), fault }
    }
}

/// Refuses a quantity that is negative or beyond what one order or deal may name.
pub(crate) fn quantity(value: i64) -> Result<(), Fault> {
    within(value, MAX_QUANTITY)
}

/// Refuses a meter value, a capacity or a sum of them that is negative or beyond exact doubles.
pub(crate) fn total(value: i64) -> Result<(), Fault> {
    within(value, MAX_SUM)
}

pub(crate) fn sum(value: i128) -> Result<(), Fault> {
    let limit = MAX_SUM;
    if value > i128::from(limit) { Err(Fault::TooLarge { value, limit }) } else { Ok(()) }
}

/// Refuses a price beyond the market's size; negative prices are prices.
pub(crate) fn price(value: i64) -> Result<(), Fault> {
    let limit = MAX_PRICE;
    if value.unsigned_abs() > limit.unsigned_abs() {
        return Err(Fault::TooLarge { value: value.into(), limit });
    }
    Ok(())
}

/// Refuses a fee that is negative or beyond the market's size.
pub(crate) fn fee(value: i64) -> Result<(), Fault> {
    within(value, MAX_PRICE)
}

fn within(value: i64, limit: i64) -> Result<(), Fault> {
    match value {
        ..0 => Err(Fault::Negative(value)),
        _ if value > limit => Err(Fault::TooLarge { value: value.into(), limit }),
        _ => Ok(()),
    }
}
