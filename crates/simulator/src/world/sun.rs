//! Where the sun stands, and how strong it shines through a clear sky.

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
}

impl SunPosition {
    /// Returns the direction at an instant, good to a few hundredths of a degree between 1950 and 2050.
    ///
    /// The low-precision formulas of the Astronomical Almanac, section C.
    pub fn at(time: Timestamp, place: Place) -> Self {
        let days = (time.millis() as f64 / 1000.0 - J2000_SECONDS) / 86_400.0;
        let anomaly = (357.529 + 0.985_600_28 * days).to_radians();
        let longitude = 280.459 + 0.985_647_36 * days + 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin();
        let longitude = longitude.to_radians();
        let obliquity = (23.439 - 0.000_000_36 * days).to_radians();
        let ascension = (obliquity.cos() * longitude.sin()).atan2(longitude.cos());
        let sin_declination = obliquity.sin() * longitude.sin();
        let cos_declination = (1.0 - sin_declination * sin_declination).sqrt();
        let sidereal_hours = 18.697_374_558 + 24.065_709_824_419_08 * days;
        let hour_angle = (sidereal_hours * 15.0 + place.longitude_deg).to_radians() - ascension;
        let (sin_latitude, cos_latitude) = place.latitude_deg.to_radians().sin_cos();
        Self {
            east: -cos_declination * hour_angle.sin(),
            north: cos_latitude * sin_declination - sin_latitude * cos_declination * hour_angle.cos(),
            up: sin_latitude * sin_declination + cos_latitude * cos_declination * hour_angle.cos(),
        }
    }

    pub fn elevation_deg(&self) -> f64 {
        self.up.clamp(-1.0, 1.0).asin().to_degrees()
    }
}

/// Returns what arrives through a clear sky in W/m²: straight from the sun, and from the blue on flat ground.
///
/// Beam after Meinel and Meinel (1976) with the air mass of Kasten and Young (1989); the blue is a tenth.
pub fn clear_sky(position: &SunPosition) -> (f64, f64) {
    if position.up <= 0.0 {
        return (0.0, 0.0);
    }
    let elevation = position.elevation_deg();
    let air_mass = 1.0 / (position.up + 0.505_72 * (elevation + 6.079_95).powf(-1.636_4));
    let beam = 1353.0 * 0.7f64.powf(air_mass.powf(0.678));
    (beam, 0.1 * beam * position.up + 12.0 * position.up.sqrt())
}

/// 2000-01-01T12:00:00Z.
const J2000_SECONDS: f64 = 946_728_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Place = Place { latitude_deg: 52.5, longitude_deg: 13.4 };

    fn elevation(time: &str) -> f64 {
        SunPosition::at(time.parse().unwrap(), BERLIN).elevation_deg()
    }

    /// At solar noon of the solstices the elevation is 90° - latitude ± 23.44°.
    #[test]
    fn noon_of_the_solstices_stands_where_geometry_says() {
        assert!((elevation("2026-06-21T11:08:30Z") - 60.94).abs() < 0.05);
        assert!((elevation("2026-12-21T11:04:30Z") - 14.06).abs() < 0.05);
    }

    /// Sunrise in Berlin on 1 June 2026 is at 04:49 local time, sunset at 21:18, at -0.83° for refraction.
    #[test]
    fn the_sun_rises_and_sets_as_in_the_almanac() {
        assert!((elevation("2026-06-01T02:49:00Z") + 0.83).abs() < 0.3);
        assert!((elevation("2026-06-01T19:18:00Z") + 0.83).abs() < 0.3);
    }

    #[test]
    fn a_clear_noon_in_june_gives_some_900_watts_straight_and_nothing_by_night() {
        let noon = SunPosition::at("2026-06-21T11:08:00Z".parse().unwrap(), BERLIN);
        let (beam, blue) = clear_sky(&noon);
        assert!((850.0..1000.0).contains(&beam) && (60.0..140.0).contains(&blue), "{beam} {blue}");
        let night = SunPosition::at("2026-06-21T23:00:00Z".parse().unwrap(), BERLIN);
        assert_eq!(clear_sky(&night), (0.0, 0.0));
    }
}
