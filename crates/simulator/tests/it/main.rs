//! Tests of the simulated street from outside.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod meters;
mod past;
mod program;
mod readers;
mod streets;
mod year;
