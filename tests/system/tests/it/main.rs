//! Tests of the whole house: real meters, a real exchange, real files; one household under test.

// A helper of a test may fail it.
#![allow(clippy::unwrap_used)]

mod data_folder;
mod deals;
mod exchange_trouble;
mod log_trouble;
mod meter_search;
mod meter_trouble;
mod rules_and_stop;
mod support;
