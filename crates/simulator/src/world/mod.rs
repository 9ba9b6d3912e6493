//! What all houses of a street share: the sun, the clouds, and chance from a seed.

mod chance;
mod sky;
mod sun;

pub use chance::{Chance, Noise};
pub use sky::{Light, Sky, SkyDay};
pub use sun::{Place, SunPosition, clear_sky};

use std::time::Duration;

use units::Timestamp;

/// The grid of time on which the street is simulated: powers are constant over a step.
pub const STEP_SECONDS: i64 = 10;

pub const STEPS_A_DAY: usize = (86_400 / STEP_SECONDS) as usize;

/// A day of UTC, counted from 1970: how the simulation cuts time. Local days are the habits' business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(pub i64);

impl UtcDay {
    pub fn containing(time: Timestamp) -> Self {
        Self(time.seconds().div_euclid(86_400))
    }

    pub fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0 * 86_400)
    }

    /// Returns the instants at which the steps of the day begin.
    pub fn steps(self) -> impl Iterator<Item = Timestamp> {
        (0..STEPS_A_DAY as u64)
            .map(move |step| self.start() + Duration::from_secs(step * STEP_SECONDS as u64))
    }

    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    pub fn minus(self, days: u32) -> Self {
        Self(self.0 - i64::from(days))
    }
}
