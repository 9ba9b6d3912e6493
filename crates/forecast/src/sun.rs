//! Where the sun stands, and what a clear sky lets through.

use units::Timestamp;

/// A place on earth; north and east positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub latitude_deg: f64,
    pub longitude_deg: f64,
}

/// The direction towards the sun as a unit vector of the place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SunPosition {
    pub east: f64,
    pub north: f64,
    /// The sine of the elevation; negative by night.
    pub up: f64,
    /// How far the sun is past its noon, in turns: -0.5 to 0.5.
    pub past_noon: f64,
}

impl SunPosition {
    /// Returns the direction at an instant, good to a few hundredths of a degree between 1950 and 2050.
    ///
    /// The low-precision formulas of the Astronomical Almanac, section C.
    pub fn at(time: Timestamp, place: Place) -> Self {
        let days = (time.millis() as f64 / 1000.0 - J2000_SECONDS) / 86_400.0;
        let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
        let longitude = 280.460 + 0.985_647_4 * days + 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin();
        let longitude = longitude.to_radians();
        let obliquity = (23.439 - 0.000_000_4 * days).to_radians();
        let ascension = (obliquity.cos() * longitude.sin()).atan2(longitude.cos());
        let (sin_declination, cos_declination) = (obliquity.sin() * longitude.sin()).asin().sin_cos();
        let sidereal_turns = (18.697_374_558 + 24.065_709_824_419_08 * days) / 24.0;
        let turns = sidereal_turns + place.longitude_deg / 360.0 - ascension / std::f64::consts::TAU;
        let past_noon = turns - turns.round();
        let (sin_hour, cos_hour) = (past_noon * std::f64::consts::TAU).sin_cos();
        let (sin_latitude, cos_latitude) = place.latitude_deg.to_radians().sin_cos();
        Self {
            east: -cos_declination * sin_hour,
            north: cos_latitude * sin_declination - sin_latitude * cos_declination * cos_hour,
            up: sin_latitude * sin_declination + cos_latitude * cos_declination * cos_hour,
            past_noon,
        }
    }
}

/// Returns what a clear sky sends on flat ground, sun and blue together, in W/m² (Haurwitz, 1945).
pub fn clear_sky(sun: &SunPosition) -> f64 {
    if sun.up <= 0.0 { 0.0 } else { 1098.0 * sun.up * (-0.057 / sun.up).exp() }
}

/// Returns what arrives outside the air on a flat plane, in W/m².
pub(crate) fn outside_the_air(sun: &SunPosition) -> f64 {
    1361.0 * sun.up.max(0.0)
}

/// 2000-01-01T12:00:00Z.
const J2000_SECONDS: f64 = 946_728_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Place = Place { latitude_deg: 52.5, longitude_deg: 13.4 };
    const SYDNEY: Place = Place { latitude_deg: -33.87, longitude_deg: 151.21 };

    fn sun(time: &str, place: Place) -> SunPosition {
        SunPosition::at(time.parse().unwrap(), place)
    }

    fn elevation(time: &str, place: Place) -> f64 {
        sun(time, place).up.asin().to_degrees()
    }

    /// At solar noon of the solstices the elevation is 90° - latitude ± 23.44°.
    #[test]
    fn noon_of_the_solstices_stands_where_geometry_says() {
        assert!((elevation("2026-06-21T11:08:30Z", BERLIN) - 60.94).abs() < 0.05);
        assert!((elevation("2026-12-21T11:04:30Z", BERLIN) - 14.06).abs() < 0.05);
        assert!((elevation("2026-12-22T01:53:00Z", SYDNEY) - 79.57).abs() < 0.1);
    }

    #[test]
    fn the_sun_is_south_at_noon_in_berlin_and_north_in_sydney() {
        let (berlin, sydney) = (sun("2026-03-20T11:14:00Z", BERLIN), sun("2026-03-20T02:03:00Z", SYDNEY));
        assert!(berlin.north < -0.5 && berlin.past_noon.abs() < 0.003, "{berlin:?}");
        assert!(sydney.north > 0.4 && sydney.past_noon.abs() < 0.003, "{sydney:?}");
        assert!(sun("2026-06-01T06:00:00Z", BERLIN).east > 0.5, "in the morning it is in the east");
    }

    #[test]
    fn a_clear_noon_in_june_gives_some_900_watts_and_nothing_by_night() {
        let noon = clear_sky(&sun("2026-06-21T11:08:00Z", BERLIN));
        assert!((850.0..950.0).contains(&noon), "{noon}");
        assert_eq!(clear_sky(&sun("2026-06-21T23:00:00Z", BERLIN)), 0.0);
    }
}
