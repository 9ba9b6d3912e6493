//! Contracts with validity dates: retail and feed-in price of a slot. And prices as people write them.

mod contract;
mod price_text;

pub use contract::{Contract, ContractTable, Contracts, InvalidContracts, SlotPrices, Tariff};
pub use price_text::{InvalidPrice, PriceFault, format_price, parse_price};
