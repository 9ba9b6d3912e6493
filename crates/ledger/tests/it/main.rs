//! The log against a naive tree, against strangers, against its operator, and against its document.

// A test's own log is right by construction; what is wrong with one should stop it.
#![allow(clippy::unwrap_used)]

mod checkpoints;
mod forgery;
mod hostile;
mod laws;
mod naive;
mod vectors;
