//! Orders, areas, the exact clearing of a slot, and its own verifier.

mod book;
mod clear;
mod curve;
mod grid;
mod invalid;
mod pro_rata;
mod share;
mod support;

pub use book::{Area, AreaOutcome, Book, Clearing, Fill, Order, Side};
pub use clear::{clear, clear_after_deals};
pub use grid::EdgeCapacity;
pub use invalid::{InvalidBook, MAX_PRICE, MAX_QUANTITY, MAX_SUM};
