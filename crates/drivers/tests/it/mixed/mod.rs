//! Real servers behind a wire with faults of all kinds, against a truth that changes each second: not one
//! wrong value, and values again within the times that are promised.
//!
//! The suite runs each combination of server and line for some seconds; `cargo xtask meter-faults` for as
//! long as it is told.

mod figures;
pub mod random;
mod run;
pub mod wire;

pub use run::{Combination, Run};
