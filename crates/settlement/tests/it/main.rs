//! The settlement of a slot, seen from outside.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod deals;
mod examples;
mod invalid;
mod laws;
mod street;
