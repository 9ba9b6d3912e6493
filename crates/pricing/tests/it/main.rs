//! Contracts and prices, seen from outside.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod billing;
mod corrections;
mod golden;
mod home;
mod quotes;
mod reading;
mod versions;
