//! Rules, seen from outside.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod checks;
mod deciding;
mod home;
mod laws;
mod past;
mod reading;
