//! A street that behaves: houses with real Modbus meters, weather, faults.
//!
//! The same seed gives the same houses, the same weather and the same terms of orders. [`world`] and
//! [`house`] are pure: state and time in, powers and registers out. [`meter`] puts them on the wire.

pub mod house;
pub mod meter;
pub mod past;
pub mod street;
pub mod world;
