//! Meters on TCP and serial lines: asks Modbus registers, walks SunSpec, listens to P1 and SML; never writes.
//!
//! A [`Meter`] reads any of them by its profile. Below it, a [`Bus`] is one endpoint with one connection and
//! one queue, and a [`Device`] a unit on it; a [`Listener`] takes telegrams as they come. Only function codes
//! 3 and 4 can be spelt. A value comes from the answer to its own request, or not at all: after any trouble
//! the line is doubted until it has proven that nothing old is on its way.

mod bus;
mod crc;
mod device;
mod endpoint;
pub mod frame;
mod link;
mod listener;
mod meter;
mod owner;
mod read_error;
mod scan;
mod serial;
mod sunspec;
mod trouble;
mod unit;

pub use bus::{Bus, BusSettings, LineState};
pub use device::{Device, DeviceSettings, Reading};
pub use endpoint::{DataBits, Endpoint, InvalidEndpoint, Line, Parity, StopBits};
pub use frame::Fault;
pub use listener::{Heard, Listener, Tongue};
pub use meter::{Lines, Meter, MeterSettings, Observation, Raw};
pub use read_error::ReadError;
pub use scan::{Find, News, PORTS, Place, scan, search};
pub use trouble::{Code, Tally, Trouble};
