//! A battery that its own inverter drives: surplus goes in, deficit comes out, no price in sight.

use serde::Serialize;
use units::Power;

use crate::world::STEP_SECONDS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Battery {
    pub capacity_wh: i64,
    pub most_w: i64,
}

/// What is in a battery, in milliwatt-seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge(i64);

/// What the inverter leaves to the grid in either direction. It keeps the battery from feeding the
/// street by night: a regulator that aims at zero would swing around it.
const DEADBAND: i64 = 15_000;

/// One way; there and back is 90 %.
const EFFICIENCY_PERCENT: i64 = 95;

impl Battery {
    fn full(&self) -> i64 {
        self.capacity_wh * 3_600_000
    }

    /// Moves the charge on by a step and returns the battery's power: discharge positive.
    ///
    /// `deficit` is what the house uses beyond what its roof makes; negative is surplus.
    pub fn step(&self, charge: &mut Charge, deficit: Power) -> Power {
        let deficit = deficit.milliwatts();
        let most = self.most_w * 1000;
        if deficit < -DEADBAND {
            let room = (self.full() - charge.0) * 100 / (EFFICIENCY_PERCENT * STEP_SECONDS);
            let power = (-deficit - DEADBAND).min(most).min(room);
            charge.0 += power * STEP_SECONDS * EFFICIENCY_PERCENT / 100;
            Power::from_milliwatts(-power)
        } else if deficit > DEADBAND {
            let left = charge.0 * EFFICIENCY_PERCENT / (100 * STEP_SECONDS);
            let power = (deficit - DEADBAND).min(most).min(left);
            charge.0 -= power * STEP_SECONDS * 100 / EFFICIENCY_PERCENT;
            Power::from_milliwatts(power)
        } else {
            Power::ZERO
        }
    }

    /// Returns how full it is in thousandths of a percent.
    pub fn state_of_charge(&self, charge: Charge) -> units::Percent {
        units::Percent::from_thousandths((i128::from(charge.0) * 100_000 / i128::from(self.full())) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BATTERY: Battery = Battery { capacity_wh: 50, most_w: 3000 };

    #[test]
    fn surplus_goes_in_and_less_comes_out() {
        let mut charge = Charge::default();
        let into: i64 =
            (0..60).map(|_| BATTERY.step(&mut charge, Power::from_watts(-2000)).milliwatts()).sum();
        assert_eq!(BATTERY.state_of_charge(charge).thousandths(), 99_999);
        let out: i64 = (0..60).map(|_| BATTERY.step(&mut charge, Power::from_watts(2000)).milliwatts()).sum();
        assert!(into < 0 && out > 0 && out < -into * 92 / 100, "{into} in, {out} out");
        assert_eq!(BATTERY.step(&mut charge, Power::from_watts(2000)).milliwatts() / 1000, 0);
    }

    proptest! {
        #[test]
        fn it_never_overshoots_nor_turns_a_deficit_into_export(deficits in prop::collection::vec(-9_000_000i64..9_000_000, 1..300)) {
            let mut charge = Charge::default();
            for deficit in deficits {
                let power = BATTERY.step(&mut charge, Power::from_milliwatts(deficit)).milliwatts();
                prop_assert!(power.abs() <= deficit.abs() && power * deficit >= 0);
                prop_assert!((0..=BATTERY.full()).contains(&charge.0));
            }
        }
    }
}
