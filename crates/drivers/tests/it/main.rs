//! The master against a Modbus server that this project did not write, with faults in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its wire has failed")]

mod devices;
mod faults;
mod lines;
mod peer;
mod proxy;
mod truth;
