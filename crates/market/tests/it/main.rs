//! The market's rules as tests: laws against independent references, stories, and what the verifier catches.

// A test's own books are right by construction; what is wrong with one should stop it.
#![allow(clippy::unwrap_used)]

mod books;
mod checks;
mod explanations;
mod files;
mod laws;
mod reference;
mod stories;
mod vectors;
