//! The drivers against a Modbus server that this project did not write, with faults in between, and against
//! meters that speak by themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its wire has failed")]

mod devices;
mod every_profile;
mod faults;
mod golden;
mod lines;
mod listening;
mod mixed;
mod mixed_faults;
mod other_servers;
mod peer;
mod profiles;
mod proxy;
mod reading_only;
mod scan;
mod servers;
mod sunspec;
mod terminal;
mod truth;
