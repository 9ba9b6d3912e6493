//! Meter profiles (data), decoding, plausibility, and counters to energy per slot.
//!
//! Pure: registers and samples in, values and events out. A missing value stays missing, and a value
//! that the meter's physics forbids is quarantined instead of stored.

mod profile;
mod sample;

pub use profile::{
    Device, Golden, GoldenWords, Kind, Limits, Orientation, Profile, ProfileError, Protocol, Read, Registers,
    SerialLine, profile, profiles,
};
pub use sample::{Borders, Flag, Method, Quality, Sample, SlotEnergy};
