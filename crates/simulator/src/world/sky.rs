//! The light over the street: sun and clouds, the same for every roof.

use units::Timestamp;

use super::chance::Noise;
use super::sun::{Place, SunPosition, clear_sky};
use super::{STEPS_A_DAY, UtcDay};

/// The seeded weather of a place.
#[derive(Clone, Copy, Debug)]
pub struct Sky {
    place: Place,
    /// What kind of day it is: changes over some 30 hours.
    mood: Noise,
    /// Banks of clouds: over an hour or two.
    banks: Noise,
    /// Single clouds: over some minutes.
    clouds: Noise,
}

/// What arrives at an instant in W/m².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Light {
    pub sun: SunPosition,
    /// Straight from the sun, on a surface that faces it.
    pub beam: f64,
    /// From the rest of the sky, on flat ground.
    pub diffuse: f64,
}

/// The light at each step of a day.
#[derive(Clone, Debug)]
pub struct SkyDay {
    pub day: UtcDay,
    pub light: Vec<Light>,
}

impl Sky {
    pub fn new(seed: u64, place: Place) -> Self {
        Self {
            place,
            mood: Noise::new(seed, 101, 30.0 * 3600.0),
            banks: Noise::new(seed, 102, 5400.0),
            clouds: Noise::new(seed, 103, 420.0),
        }
    }

    /// Returns how much of the sun is covered, 0 to 1.
    pub fn cover(&self, time: Timestamp) -> f64 {
        let seconds = time.millis() as f64 / 1000.0;
        // Noise stays near its middle; spreading it gives whole days that are blue or grey.
        let mood = spread(self.mood.at(seconds), 1.5);
        let banks = spread(self.banks.at(seconds), 1.4);
        // Single clouds matter between the extremes: a blue and a grey day are both even.
        let broken = 4.0 * mood * (1.0 - mood);
        let single = spread(self.clouds.at(seconds), 2.0);
        let even = 0.75 * mood + 0.35 * mood * banks;
        (even * (1.0 - 0.5 * broken) + 0.5 * broken * single).clamp(0.0, 1.0)
    }

    pub fn light(&self, time: Timestamp) -> Light {
        let sun = SunPosition::at(time, self.place);
        let (beam, blue) = clear_sky(&sun);
        if beam == 0.0 {
            return Light { sun, beam: 0.0, diffuse: 0.0 };
        }
        let cover = self.cover(time);
        // A closed layer of cloud lets a quarter through (Kasten and Czeplak, 1980), all of it diffuse.
        let grey = 0.25 * (beam * sun.up + blue);
        Light { sun, beam: beam * (1.0 - cover).powf(1.5), diffuse: blue * (1.0 - cover) + grey * cover }
    }

    pub fn day(&self, day: UtcDay) -> SkyDay {
        let mut light = Vec::with_capacity(STEPS_A_DAY);
        light.extend(day.steps().map(|time| self.light(time)));
        SkyDay { day, light }
    }
}

/// Stretches a share around its middle, and cuts what leaves `[0, 1]`.
fn spread(share: f64, factor: f64) -> f64 {
    (0.5 + (share - 0.5) * factor).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Place = Place { latitude_deg: 52.5, longitude_deg: 13.4 };

    fn insolation_kwh(sky: &Sky, day: UtcDay) -> f64 {
        let sum: f64 =
            sky.day(day).light.iter().map(|light| light.beam * light.sun.up.max(0.0) + light.diffuse).sum();
        sum * 10.0 / 3600.0 / 1000.0
    }

    #[test]
    fn the_same_seed_has_the_same_weather_and_another_seed_another() {
        let day = UtcDay::containing("2026-06-01T00:00:00Z".parse().unwrap());
        let light = |seed| Sky::new(seed, BERLIN).day(day).light;
        assert_eq!(light(7), light(7));
        assert_ne!(light(7), light(8));
    }

    /// A June day in Berlin brings 1 to 8 kWh/m², about 5 on average.
    #[test]
    fn june_has_grey_days_and_blue_days() {
        let first = UtcDay::containing("2026-06-01T00:00:00Z".parse().unwrap());
        let sky = Sky::new(7, BERLIN);
        let days: Vec<f64> = (0..30).map(|day| insolation_kwh(&sky, UtcDay(first.0 + day))).collect();
        let mean = days.iter().sum::<f64>() / 30.0;
        assert!((4.0..6.5).contains(&mean), "{mean} of {days:.1?}");
        assert!(days.iter().copied().fold(9.0, f64::min) < 4.0, "{days:.1?}");
        assert!(days.iter().copied().fold(0.0, f64::max) > 6.0, "{days:.1?}");
        assert!(days.iter().all(|day| (0.8..9.0).contains(day)), "{days:.1?}");
    }
}
