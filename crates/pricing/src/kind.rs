//! How sure a price is, kept apart by type: one that is forecast cannot stand where a settled one is needed.

use std::fmt::Debug;

/// Marks curves and quotes whose spot prices somebody foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast;

/// Marks curves and quotes whose spot prices the exchange of the power market published for the day ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published;

/// Marks curves and quotes whose spot prices are those that were billed. Earnings use no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled;

/// The three kinds as a value, for a column or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Forecast,
    Published,
    Settled,
}

/// A kind of price as a type. There are three, and no other crate can add one.
pub trait PriceKind: sealed::Sealed + Copy + Debug + PartialEq + Eq {
    const KIND: Kind;
}

impl PriceKind for Forecast {
    const KIND: Kind = Kind::Forecast;
}

impl PriceKind for Published {
    const KIND: Kind = Kind::Published;
}

impl PriceKind for Settled {
    const KIND: Kind = Kind::Settled;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Forecast {}
    impl Sealed for super::Published {}
    impl Sealed for super::Settled {}
}
