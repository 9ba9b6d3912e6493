//! What the household's views promise, on a real history.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod contracts;
mod energy;
mod hybrids;
mod meters;
mod meters_past;
mod outlook;
mod rig;
mod settings;
