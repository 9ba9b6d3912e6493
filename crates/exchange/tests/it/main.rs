//! The exchange over real HTTP on loopback, with a market clock that the test moves by hand.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod backup;
mod book;
mod deals;
mod disk_faults;
mod events;
mod imports;
mod joining;
mod kills;
mod laws;
mod life;
mod log;
mod openapi;
mod operator;
mod orders;
mod power_cut;
mod program;
mod promises;
mod readings;
mod street;
mod tampering;
mod tls;
mod utility;
mod wire;
