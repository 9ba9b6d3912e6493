//! Power, energy and what else a meter shows, as integers of a thousandth of the unit.

use std::fmt;
use std::ops::Mul;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::money::{Money, Overflow, Price};

/// Declares an integer quantity with the arithmetic all of them share.
macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            pub const ZERO: Self = Self(0);

            /// Returns the sum, or `None` if it does not fit.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// Returns the difference, or `None` if it does not fit.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// Returns the size without its sign.
            pub fn abs(self) -> Self {
                Self(self.0.checked_abs().expect("quantity overflow"))
            }

            pub fn is_zero(self) -> bool {
                self.0 == 0
            }

            pub fn is_negative(self) -> bool {
                self.0 < 0
            }
        }

        impl std::ops::Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                self.checked_add(other).expect("quantity overflow")
            }
        }

        impl std::ops::Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.checked_sub(other).expect("quantity overflow")
            }
        }

        impl std::ops::Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(self.0.checked_neg().expect("quantity overflow"))
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self::ZERO, |total, item| total + item)
            }
        }

        impl std::ops::AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl std::ops::SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
    };
}
pub(crate) use quantity;

/// Declares a quantity that is counted in thousandths of `$unit`.
macro_rules! milli {
    ($(#[$doc:meta])* $name:ident, $from:ident, $get:ident, $whole:ident, $unit:literal) => {
        quantity!($(#[$doc])* $name);

        impl $name {
            #[doc = concat!("Makes it from thousandths of ", $unit, ".")]
            pub const fn $from(value: i64) -> Self {
                Self(value)
            }

            #[doc = concat!("Returns it in thousandths of ", $unit, ".")]
            pub const fn $get(self) -> i64 {
                self.0
            }

            #[doc = concat!("Makes it from whole ", $unit, "; panics on overflow.")]
            pub const fn $whole(value: i64) -> Self {
                match value.checked_mul(1000) {
                    Some(value) => Self(value),
                    None => panic!("quantity overflow"),
                }
            }

            #[doc = concat!("Returns the nearest value to a float in ", $unit, ", half away from zero; `None` where it is not finite or too large.")]
            pub fn from_f64(value: f64) -> Option<Self> {
                let scaled = (value * 1000.0).round();
                (scaled.is_finite() && scaled.abs() < 9.0e15).then_some(Self(scaled as i64))
            }

            #[doc = concat!("Returns it as a float in ", $unit, ", for charts and physics, never for accounts.")]
            pub fn as_f64(self) -> f64 {
                self.0 as f64 / 1000.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let sign = if self.0 < 0 { "-" } else { "" };
                let (whole, part) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
                match part {
                    0 => write!(f, "{sign}{whole} {}", $unit),
                    _ => write!(f, "{sign}{whole}.{part:03} {}", $unit),
                }
            }
        }
    };
}

milli!(
    /// Power in milliwatts. At the grid point import is positive, export negative.
    Power, from_milliwatts, milliwatts, from_watts, "W"
);
milli!(
    /// Energy in milliwatt-hours, as the metering pipeline counts it.
    Energy, from_milliwatt_hours, milliwatt_hours, from_watt_hours, "Wh"
);
milli!(
    /// Voltage in millivolts.
    Voltage, from_millivolts, millivolts, from_volts, "V"
);
milli!(
    /// Current in milliamperes.
    Current, from_milliamperes, milliamperes, from_amperes, "A"
);
milli!(
    /// Frequency in millihertz.
    Frequency, from_millihertz, millihertz, from_hertz, "Hz"
);
milli!(
    /// A share in thousandths of a percent, such as a battery's state of charge.
    Percent, from_thousandths, thousandths, from_percent, "%"
);

impl Power {
    /// Returns the energy that this power makes over a time, truncated towards zero to a milliwatt-hour.
    ///
    /// Panics where the product does not fit, which takes more than a gigawatt over a century.
    pub fn over(self, time: Duration) -> Energy {
        let milliwatt_milliseconds = i128::from(self.0) * time.as_millis() as i128;
        Energy(i64::try_from(milliwatt_milliseconds / 3_600_000).expect("energy overflow"))
    }

    /// Returns the part that is imported: the power if positive, else zero.
    pub fn imported(self) -> Self {
        Self(self.0.max(0))
    }

    /// Returns the part that is exported as a positive number.
    pub fn exported(self) -> Self {
        Self((-self.0).max(0))
    }
}

impl Energy {
    /// Returns the whole watt-hours below it: `floor(energy / 1 Wh)`, as the market counts a register.
    pub fn floor_watt_hours(self) -> WattHours {
        WattHours(self.0.div_euclid(1000))
    }

    /// Returns the mean power that gives this energy over a time, truncated towards zero.
    pub fn mean_power(self, time: Duration) -> Option<Power> {
        let millis = i128::try_from(time.as_millis()).ok().filter(|millis| *millis > 0)?;
        i64::try_from(i128::from(self.0) * 3_600_000 / millis).ok().map(Power)
    }
}

quantity!(
    /// Energy on the market: whole watt-hours.
    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    WattHours
);

impl WattHours {
    pub const fn new(watt_hours: i64) -> Self {
        Self(watt_hours)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// Returns the same energy in the pipeline's unit; panics beyond 9e15 Wh.
    pub fn as_energy(self) -> Energy {
        Energy::from_watt_hours(self.0)
    }

    /// Returns what this energy costs at a price, exactly: Wh x micros per kWh is nanos.
    pub fn at(self, price: Price) -> Result<Money, Overflow> {
        i64::try_from(self.at_wide(price)).map(Money::from_nanos).map_err(|_| Overflow)
    }

    /// Returns the cost in nanos in i128, for sums that may be wide.
    pub fn at_wide(self, price: Price) -> i128 {
        i128::from(self.0) * i128::from(price.micros_per_kwh())
    }
}

impl Mul<i64> for WattHours {
    type Output = Self;
    fn mul(self, factor: i64) -> Self {
        Self(self.0.checked_mul(factor).expect("quantity overflow"))
    }
}

impl fmt::Display for WattHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Wh", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kilowatt_over_a_quarter_hour_is_250_watt_hours() {
        let energy = Power::from_watts(1000).over(Duration::from_secs(900));
        assert_eq!(energy, Energy::from_watt_hours(250));
        assert_eq!(energy.mean_power(Duration::from_secs(900)), Some(Power::from_watts(1000)));
    }

    #[test]
    fn registers_floor_towards_minus_infinity() {
        assert_eq!(Energy::from_milliwatt_hours(1999).floor_watt_hours(), WattHours::new(1));
        assert_eq!(Energy::from_milliwatt_hours(-1).floor_watt_hours(), WattHours::new(-1));
    }

    #[test]
    fn floats_that_are_no_number_are_absent() {
        assert_eq!(Power::from_f64(f64::NAN), None);
        assert_eq!(Power::from_f64(f64::INFINITY), None);
        assert_eq!(Power::from_f64(1.2345), Some(Power::from_milliwatts(1235)));
    }

    #[test]
    fn quantities_speak_with_their_unit() {
        assert_eq!(Power::from_milliwatts(-1500).to_string(), "-1.500 W");
        assert_eq!(Energy::from_watt_hours(3).to_string(), "3 Wh");
    }
}
