//! Feeds, seen from outside: answers in the recorded shape, written by hand, from servers on loopback.

// Helpers of tests may unwrap as the tests do; the lint's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

mod feeds;
mod fuzz;
mod server;
mod shapes;
mod weather;
