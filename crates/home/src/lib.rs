//! The running household: tasks, use cases, views. No window in it.
//!
//! [`Home::open`] takes the data folder; [`Home::run`] reads the meters, keeps the history, decides,
//! trades and fetches what was settled until it is told to stop. A window, the command line and the
//! simulated street all hold the same [`Home`].

pub mod alerts;
pub mod backup;
mod by_hand;
pub mod config;
pub mod contract_file;
mod contracts;
mod convert;
mod edits;
mod error;
pub mod export;
mod house;
pub mod join;
mod live;
mod meters;
mod notary;
mod outlook;
mod past;
mod price_book;
pub mod profiles;
mod requests;
mod secrets;
mod series;
mod server;
pub mod statement;
mod tasks;
mod trading;
pub mod view;
mod wishes;

pub use by_hand::{CancelledByHand, DealTerms, OrderWish};
pub use error::HomeError;
pub use exchange_api::{Day, Deal, Hours, InvalidHours, new_order_id};
pub use house::{Home, HomeOptions, ViewName};
pub use past::past;
pub use price_book::PriceBook;
pub use pricing::{ContractTable, SlotPrices, parse_price};
pub use requests::Stopped;
pub use secrets::{KeyPlace, SecretError, SecretSource};
pub use units::Energy;
