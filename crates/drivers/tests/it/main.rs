//! The drivers against a Modbus server that this project did not write, with faults in between, and against
//! meters that speak by themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its wire has failed")]

mod devices;
mod faults;
mod golden;
mod libmodbus;
mod lines;
mod listening;
mod peer;
mod profiles;
mod proxy;
mod scan;
mod sunspec;
mod truth;
