//! A forecast of a slot's energy, and what a meter counted, as types of their own.

use units::{Energy, Slot};

/// What a meter counted in a slot. Gaps, estimates and recovered energy do not belong in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    pub slot: Slot,
    pub energy: Energy,
}

/// What a slot's energy will be: in one of ten cases below P10, in five below P50, in nine below P90.
///
/// It is no [`Measured`], and nothing makes it one:
///
/// ```compile_fail
/// fn book(_: forecast::Measured) {}
/// fn trick(foretold: forecast::Foretold) {
///     book(foretold);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foretold {
    slot: Slot,
    p10: Energy,
    p50: Energy,
    p90: Energy,
    basis: Basis,
}

/// What a forecast rested on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// A weather forecast told the irradiance of the slot.
    pub irradiance: bool,
    /// A weather forecast told the temperature of the slot, and it mattered.
    pub temperature: bool,
    /// Days of one's own history that were learned from; 0 means that only the sun and the roof were known.
    pub history_days: u32,
}

impl Foretold {
    /// Takes three quantiles and puts them in their order.
    pub fn new(slot: Slot, quantiles: [Energy; 3], basis: Basis) -> Self {
        let mut quantiles = quantiles;
        quantiles.sort();
        let [p10, p50, p90] = quantiles;
        Self { slot, p10, p50, p90, basis }
    }

    /// Takes quantiles in watt-hours; none is below zero.
    pub(crate) fn from_watt_hours(slot: Slot, quantiles: [f64; 3], basis: Basis) -> Self {
        // What is not finite cannot come from finite weather; it is no reason to stop a home.
        let energy = |watt_hours: f64| Energy::from_f64(watt_hours.max(0.0)).unwrap_or(Energy::ZERO);
        Self::new(slot, quantiles.map(energy), basis)
    }

    pub fn slot(&self) -> Slot {
        self.slot
    }

    pub fn p10(&self) -> Energy {
        self.p10
    }

    pub fn p50(&self) -> Energy {
        self.p50
    }

    pub fn p90(&self) -> Energy {
        self.p90
    }

    pub fn basis(&self) -> Basis {
        self.basis
    }
}
