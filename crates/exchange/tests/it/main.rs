//! The exchange over real HTTP on loopback, with a market clock that the test moves by hand.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod backup;
mod book;
mod deals;
mod events;
mod imports;
mod joining;
mod laws;
mod life;
mod log;
mod openapi;
mod operator;
mod orders;
mod program;
mod readings;
mod street;
mod tampering;
mod utility;
mod wire;
