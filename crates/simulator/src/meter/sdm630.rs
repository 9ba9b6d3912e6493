//! The input registers of an SDM630: a float in two registers, big end first.
//!
//! Addresses after Eastron's "SDM630-Modbus V2 protocol". Unit 1 is the grid meter (import positive), unit
//! 2 the solar meter and unit 3 the battery's; these two are wired so that production and discharge count
//! as import.

use units::{Energy, Power, Timestamp};

use super::{BATTERY_UNIT, Meters, SOLAR_UNIT};
use crate::house::{Counters, Powers};
use crate::world::Noise;

/// One past the last register.
pub(super) const END: u16 = 0x0182;

/// The most registers that the device gives in one answer.
pub(super) const MOST_REGISTERS: u16 = 80;

/// What one meter shows at one instant.
struct Face {
    phase_w: [f64; 3],
    volts: [f64; 3],
    hertz: f64,
    import_kwh: f64,
    export_kwh: f64,
}

impl Meters {
    /// Returns the registers of a unit's answer, all of one instant. The range was checked before.
    pub(super) fn registers(&self, unit: u8, address: u16, count: u16) -> Vec<u16> {
        let face = self.face(unit, self.clock.now());
        (address..address + count).step_by(2).flat_map(|address| words(face.value(address))).collect()
    }

    fn face(&self, unit: u8, now: Timestamp) -> Face {
        let powers = self.house.powers(now);
        let (import, export) = self.counted(unit, now);
        let (volts, hertz) = self.mains(now, powers.grid);
        Face {
            phase_w: self.phases(unit, &powers),
            volts,
            hertz,
            import_kwh: kwh(import),
            export_kwh: kwh(export),
        }
    }

    /// Returns both registers of a unit, from zero on where the meter lost its power.
    fn counted(&self, unit: u8, now: Timestamp) -> (Energy, Energy) {
        let (import, export) = of_unit(unit, &self.house.counters(now));
        let Some(since) = self.faults.counting_since() else { return (import, export) };
        let (import_then, export_then) = of_unit(unit, &self.house.counters(since));
        (import - import_then, export - export_then)
    }

    /// Spreads the load as the house is wired; roof and battery feed all three phases alike.
    fn phases(&self, unit: u8, powers: &Powers) -> [f64; 3] {
        let even = |power: Power| [power.as_f64() / 3.0; 3];
        match unit {
            SOLAR_UNIT => even(powers.sun),
            BATTERY_UNIT => even(powers.battery),
            _ => {
                let own = (powers.sun + powers.battery).as_f64() / 3.0;
                self.house
                    .plan
                    .phase_percent
                    .map(|percent| powers.house().as_f64() * percent as f64 / 100.0 - own)
            }
        }
    }

    /// Returns voltage and frequency of the mains: alive, and lifted where the house feeds in.
    fn mains(&self, now: Timestamp, grid: Power) -> ([f64; 3], f64) {
        let seconds = now.millis() as f64 / 1000.0;
        let lift = -grid.as_f64() / 3000.0;
        let noise =
            |name: i64, period: f64| Noise::new(u64::from(self.house.plan.number), name, period).at(seconds);
        let volts = [301, 302, 303].map(|phase| 227.5 + 5.0 * noise(phase, 90.0) + lift);
        // Everyone hangs on the same grid, so the frequency is no house's own.
        (volts, 49.97 + 0.06 * Noise::new(0, 300, 45.0).at(seconds))
    }
}

impl Face {
    /// Returns the value that starts at an address; the map's gaps read as zero, as on the device.
    fn value(&self, address: u16) -> f64 {
        let sum = |values: [f64; 3]| values.iter().sum::<f64>();
        let phase = usize::from(address / 2 % 3);
        match address {
            0x00..=0x04 => self.volts[phase],
            0x06..=0x0A => self.amperes()[phase],
            0x0C..=0x10 => self.phase_w[phase],
            0x12..=0x16 => self.phase_w[phase].abs(),
            0x1E..=0x22 => 1.0,
            0x2A => sum(self.volts) / 3.0,
            0x2E => sum(self.amperes()) / 3.0,
            0x30 => sum(self.amperes()),
            0x34 => sum(self.phase_w),
            0x38 => sum(self.phase_w.map(f64::abs)),
            0x3E => 1.0,
            0x46 => self.hertz,
            0x48 => self.import_kwh,
            0x4A => self.export_kwh,
            0xC8..=0xCC => self.volts[usize::from((address - 0xC8) / 2)] * 3f64.sqrt(),
            0xCE => sum(self.volts) / 3f64.sqrt(),
            0x156 => self.import_kwh + self.export_kwh,
            _ => 0.0,
        }
    }

    fn amperes(&self) -> [f64; 3] {
        [0, 1, 2].map(|phase| self.phase_w[phase].abs() / self.volts[phase])
    }
}

fn of_unit(unit: u8, counters: &Counters) -> (Energy, Energy) {
    match unit {
        SOLAR_UNIT => (counters.produced, Energy::ZERO),
        BATTERY_UNIT => (counters.discharged, counters.charged),
        _ => (counters.import, counters.export),
    }
}

fn kwh(energy: Energy) -> f64 {
    energy.milliwatt_hours() as f64 / 1e6
}

/// The float has 24 bits: beyond 4,096 kWh a register moves in steps of half a watt-hour.
fn words(value: f64) -> [u16; 2] {
    let bits = (value as f32).to_bits();
    [(bits >> 16) as u16, bits as u16]
}
