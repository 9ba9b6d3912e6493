//! Tests of the simulated street from outside.

mod meters;
mod past;
mod readers;
