//! The program as its users run it.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its meter has failed")]

mod backtest;
mod contracts;
mod counters;
mod files;
mod household;
mod market;
mod meter;
#[path = "../../../drivers/tests/it/peer.rs"]
#[allow(dead_code, reason = "the drivers' tests use more of it")]
mod peer;
mod program;
mod statement;
mod street;
mod telegrams;
