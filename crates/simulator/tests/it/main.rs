//! Tests of the simulated street from outside.

mod meters;
