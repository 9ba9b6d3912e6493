//! The meters of a house on the wire: Modbus over TCP or a serial line, as Eastron's SDM630 speaks it.

mod fault;
mod pdu;
mod rtu;
mod sdm630;
mod tcp;

use std::sync::Arc;

use units::SharedClock;

pub use fault::{Fault, Faults};
pub use rtu::{PtyError, SerialMeter};
pub use tcp::TcpMeter;

use crate::house::House;

/// The units of a house's meters on its one bus.
pub const GRID_UNIT: u8 = 1;
pub const SOLAR_UNIT: u8 = 2;
pub const BATTERY_UNIT: u8 = 3;

/// The meters of a house: which there are, what they show now, and what ails them.
#[derive(Clone, Debug)]
pub struct Meters {
    house: Arc<House>,
    clock: SharedClock,
    faults: Faults,
}

impl Meters {
    pub fn new(house: Arc<House>, clock: SharedClock) -> Self {
        Self { house, clock, faults: Faults::default() }
    }

    /// Returns the switch for trouble.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Takes the power from all meters for a moment: connections drop, and the counters begin at zero.
    pub fn restart(&self) {
        self.faults.restart_at(self.clock.now());
    }

    fn has(&self, unit: u8) -> bool {
        match unit {
            GRID_UNIT => true,
            SOLAR_UNIT => self.house.plan.roof.is_some(),
            BATTERY_UNIT => self.house.plan.battery.is_some(),
            _ => false,
        }
    }
}
