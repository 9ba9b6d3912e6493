//! Orders, areas, the exact clearing of a slot, and its own verifier.

mod book;

pub use book::{Area, AreaOutcome, Book, Clearing, Fill, Order, Side};
