//! Orders, areas, the exact clearing of a slot, and its own verifier.

mod book;
mod by_id;
mod clear;
mod curve;
mod explain;
mod grid;
mod invalid;
mod pro_rata;
mod scale;
mod share;
mod support;
mod tree;
mod verify;

pub use book::{Area, AreaOutcome, Book, Clearing, Fill, Order, Side};
pub use clear::{clear, clear_after_deals};
pub use explain::{Explanation, Inexplicable, Marginal, WouldFill, explain, explain_after_deals};
pub use grid::EdgeCapacity;
pub use invalid::{InvalidBook, MAX_PRICE, MAX_QUANTITY, MAX_SUM};
pub use verify::{Rule, Unverified, Violation, verify, verify_after_deals};
