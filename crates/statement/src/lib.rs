//! A month on paper: what a household sold, bought and owes, with the proof of every figure.
//!
//! A statement is one JSON file in two parts: the **paper** that a person reads, and the **evidence**, the
//! opened entries of the exchange's log from which the paper follows. [`verify`] computes the paper anew
//! from the evidence, with no server; [`build`] makes only what it accepts.

mod account;
mod anchor;
mod book;
mod build;
mod csv;
mod entry;
mod evidence;
mod fault;
mod paper;
#[cfg(feature = "pdf")]
mod pdf;
mod slot;
mod verify;

pub use account::CENT_NANOS;
pub use anchor::{Anchor, InvalidAnchor, log_origin};
pub use build::{BuildError, Draft, build};
pub use csv::{Dialect, csv};
pub use entry::{
    AuthorSignature, Body, CancelBody, ClearingBody, ConfigBody, ContractBody, ContractPricesBody, DealBody,
    DealLine, Domain, Entry, FillLine, KeyBody, Kind, MemberBody, OrderBody, PostingLine, PriceStep,
    ReadingBody, Registers, SettlementBody, Source, TaxRates, UtilityReadingBody,
};
pub use evidence::Evidence;
pub use fault::{Fault, Step};
pub use paper::{
    Cents, Citation, Comparison, FORMAT, Header, Line, LineKind, MeterBorder, MeterReadings, Paper, Party,
    Period, Previous, Quality, SlotRow, Statement, Unreadable,
};
#[cfg(feature = "pdf")]
pub use pdf::{PdfError, pdf};
pub use verify::{Report, ShareBySource, StepReport, verify};
