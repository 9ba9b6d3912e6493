//! Meter profiles (data), decoding, plausibility, and counters to energy per slot.
//!
//! Pure: bytes and samples in, values and events out. A missing value stays missing, and a value that
//! the meter's physics forbids is quarantined instead of stored.

mod sample;

pub use sample::{Borders, Flag, Method, Quality, Sample, SlotEnergy};
