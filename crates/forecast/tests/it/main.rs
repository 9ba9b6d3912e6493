//! Forecasts on a synthetic year, seen from outside.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod houses;
mod laws;
mod roofs;
mod world;
