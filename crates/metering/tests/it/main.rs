//! The crate's laws and stories, from outside.

mod counter_vectors;
mod counters;
mod p1;
mod profiles;
mod slots;
mod sml;
mod sunspec;
mod table;
