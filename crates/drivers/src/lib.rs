//! Modbus over TCP and serial lines: reads registers, never writes.
//!
//! A [`Bus`] is one endpoint with one connection and one queue; a [`Device`] is a unit on it. Only function
//! codes 3 and 4 can be spelt. A value comes from the answer to its own request, or not at all: after any
//! trouble the line is doubted until it has proven that nothing old is on its way.

mod bus;
mod crc;
mod device;
mod endpoint;
pub mod frame;
mod link;
mod owner;
mod serial;
mod trouble;
mod unit;

pub use bus::{Bus, BusSettings, LineState};
pub use device::{Device, DeviceSettings, Reading};
pub use endpoint::{Endpoint, InvalidEndpoint, Line, Parity, StopBits};
pub use frame::Fault;
pub use trouble::{Code, ReadError, Tally, Trouble};
