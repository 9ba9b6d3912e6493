//! SunSpec: devices that tell where their values are, in a chain of numbered models.
//!
//! The walk is a state machine: it says what to read and takes what was answered, so that it needs neither
//! a connection nor a clock. What it found becomes a [`crate::Profile`], by [`crate::Profile::located`].

mod walk;

pub use walk::{Reply, Walk, WalkError};

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The address of the mark "SunS".
    pub base: u16,
    pub devices: Vec<Device>,
}

/// One device of a chain: a block that names it, and the models after it. An inverter and the meters
/// behind it are devices of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    pub maker: Option<String>,
    pub model: Option<String>,
    pub version: Option<String>,
    pub serial: Option<String>,
    pub models: Vec<Model>,
}

/// A model at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Model {
    pub id: u16,
    /// 1 for the first model of its id in the chain.
    pub instance: u16,
    /// Of the register that holds the id; offsets in the model's description count from here.
    pub address: u16,
    /// The registers after id and length.
    pub length: u16,
}

impl Chain {
    /// Returns every model with the device to which it belongs.
    pub fn models(&self) -> impl Iterator<Item = (&Device, Model)> {
        self.devices.iter().flat_map(|device| device.models.iter().map(move |model| (device, *model)))
    }
}
