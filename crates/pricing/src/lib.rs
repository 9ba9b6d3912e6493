//! Contracts with a utility, and the prices that follow from them.
//!
//! [`Contracts`] are the versions of a home's contract, each from a local day on. [`Contracts::quote`] gives
//! what a kWh costs and brings in one slot, with its parts; [`bill`] what metered energy comes to. A price
//! that is not known is absent with its reason ([`NoPrice`]) and never 0.
//!
//! All is exact until a price of a slot is made: it is rounded once, half to even, to a micro per kWh.

mod bill;
mod calendar;
mod contract;
mod correction;
mod formula;
mod kind;
mod price_text;
mod quote;
mod read;
mod spot;
mod standing;
mod table;
mod tariff;
mod when;
mod write;

pub use bill::{Bill, BillDay, Metered, TooLarge, bill};
pub use calendar::{Holiday, InvalidHoliday};
pub use contract::{Contract, Contracts, InvalidContracts};
pub use correction::{Correction, Rebill, rebill};
pub use formula::{BelowZero, Charge, Formula, Part, PartKind, Share};
pub use kind::{Forecast, Kind, PriceKind, Published, Settled};
pub use price_text::{InvalidPrice, PriceFault, format_price, parse_price};
pub use quote::{ExportTerms, NoPrice, Priced, Quote, SlotPrices};
pub use read::ContractFault;
pub use spot::SpotCurve;
pub use standing::{Per, Standing};
pub use table::{
    ChargeTable, ContractTable, CorrectionTable, FormulaTable, OneOrMany, PriceForm, TierTable, ZoneTable,
};
pub use tariff::{Billing, PriceZone, Tariff, Tier, TierPeriod};
pub use when::{Days, Months, When};
