//! The crate's laws and stories, from outside.

mod counter_vectors;
mod counters;
mod profiles;
mod slots;
