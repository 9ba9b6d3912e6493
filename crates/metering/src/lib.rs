//! Meter profiles (data), decoding, plausibility, and counters to energy per slot.
//!
//! Pure: registers and samples in, values and events out. A missing value stays missing, and a value
//! that the meter's physics forbids is quarantined instead of stored.

mod counter;
mod flows;
mod freshness;
mod net_counter;
pub mod p1;
mod plausibility;
mod profile;
mod sample;
mod slots;
pub mod sml;
pub mod sunspec;
mod telegram;

pub use counter::{
    BookSettings, Booked, Counter, CounterEvent, CounterEventKind, Held, Judgement, Reading, Step, book,
};
pub use flows::{Flows, Source, Sources, Split};
pub use freshness::Freshness;
pub use net_counter::NetCounter;
pub use p1::decode_p1;
pub use profile::{
    Catalogue, Device, Explained, FoundModel, Golden, GoldenWords, Kind, Limits, NameTaken, Orientation,
    Profile, ProfileError, Protocol, RawRegisters, Read, Registers, SerialLine, profile, profiles,
};
pub use sample::{Borders, Flag, Method, Quality, Sample, SlotEnergy};
pub use slots::{IntervalEvent, Quantity, RejectReason, SlotMeter, SlotSettings, accepted};
pub use sml::decode_sml;
pub use telegram::{DecodeError, ObisValue, Telegram};
