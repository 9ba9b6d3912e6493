//! Statements of a street: they verify, they add up to the books, and no change to them goes unseen.

// A test's own street is right by construction; what is wrong with one should stop it.
#![allow(clippy::unwrap_used)]

mod forgery;
mod laws;
mod paper;
mod street;
mod vectors;
mod verifiers;
