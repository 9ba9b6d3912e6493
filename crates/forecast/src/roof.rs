//! What a roof makes of sun and temperature, by physics alone.

use units::{Energy, Power, Slot, Timestamp};

use crate::sun::{Place, SunPosition, clear_sky, outside_the_air};
use crate::weather::SlotWeather;

/// Panels behind an inverter.
#[derive(Clone, Debug, PartialEq)]
pub struct Roof {
    place: Place,
    planes: Vec<Plane>,
    /// What the inverter gives at most; `None`: as much as the panels do.
    inverter: Option<Power>,
}

/// Panels that look the same way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// What they give in full sun.
    pub peak: Power,
    /// 0 is flat, 90 a wall.
    pub tilt_deg: f64,
    /// Where they look, clockwise from north: 180 is south.
    pub azimuth_deg: f64,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidRoof {
    #[error("the roof has no panels; name at least one plane with its peak power")]
    NoPlane,
    #[error("plane {0} has no peak power; write the sum of its panels, such as 9.8 kWp")]
    Peak(usize),
    #[error("plane {0} has a tilt of {1}°; 0 is flat and 90 a wall")]
    Tilt(usize, f64),
    #[error("plane {0} looks towards {1}°; 90 is east, 180 south, 270 west")]
    Azimuth(usize, f64),
    #[error("the place lies at {0}° north and {1}° east, which is nowhere on earth")]
    Place(f64, f64),
}

/// What is lost in dust, cables and the inverter.
const YIELD: f64 = 0.88;
/// Crystalline panels lose so much of their power with each kelvin above 25 °C.
const LOSS_PER_KELVIN: f64 = 0.0038;
/// Panels are so many kelvin warmer than the air for each W/m² (nominal operating temperature 45 °C).
const WARMTH_PER_W_M2: f64 = 25.0 / 800.0;
/// The air where nobody knows: cool enough to promise no loss that may not be.
const USUAL_TEMPERATURE_C: f64 = 12.0;
/// What the ground throws back.
const ALBEDO: f64 = 0.2;
/// The sun is looked at every five minutes of a slot: at dawn it matters.
const LOOKS: u32 = 3;
/// The sine of the elevation below which the sun does not rise within half a slot.
const DEEP_NIGHT: f64 = -0.05;
/// Hotter or colder air is an error of its source.
const POSSIBLE_TEMPERATURES_C: std::ops::RangeInclusive<f64> = -60.0..=60.0;

impl Roof {
    pub fn new(place: Place, planes: Vec<Plane>, inverter: Option<Power>) -> Result<Self, InvalidRoof> {
        let (latitude, longitude) = (place.latitude_deg, place.longitude_deg);
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidRoof::Place(latitude, longitude));
        }
        if planes.is_empty() {
            return Err(InvalidRoof::NoPlane);
        }
        for (number, plane) in (1..).zip(&planes) {
            if plane.peak <= Power::ZERO {
                return Err(InvalidRoof::Peak(number));
            }
            if !(0.0..=90.0).contains(&plane.tilt_deg) {
                return Err(InvalidRoof::Tilt(number, plane.tilt_deg));
            }
            if !(0.0..=360.0).contains(&plane.azimuth_deg) {
                return Err(InvalidRoof::Azimuth(number, plane.azimuth_deg));
            }
        }
        Ok(Self { place, planes, inverter })
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// Returns the most that a slot can bring: what the inverter lets through, or a tenth above peak.
    pub fn most(&self) -> Energy {
        let peak: Power = self.planes.iter().map(|plane| plane.peak).sum();
        let most = peak + Power::from_milliwatts(peak.milliwatts() / 10);
        self.inverter.map_or(most, |inverter| inverter.min(most)).over(Slot::LENGTH)
    }

    /// Returns where the sun stands in the middle of a slot.
    pub(crate) fn sun(&self, slot: Slot) -> SunPosition {
        SunPosition::at(slot.start() + Slot::LENGTH / 2, self.place)
    }

    /// Returns the energy of a slot in watt-hours under a weather; a clear sky where its light is not known.
    pub(crate) fn watt_hours(&self, slot: Slot, weather: &SlotWeather) -> f64 {
        if self.sun(slot).up < DEEP_NIGHT {
            return 0.0;
        }
        let step = Slot::LENGTH / LOOKS;
        let looks = (0..LOOKS).map(|look| self.watts(slot.start() + step * look + step / 2, weather));
        looks.sum::<f64>() / f64::from(LOOKS) * Slot::LENGTH.as_secs_f64() / 3600.0
    }

    fn watts(&self, time: Timestamp, weather: &SlotWeather) -> f64 {
        let sun = SunPosition::at(time, self.place);
        if sun.up <= 0.0 {
            return 0.0;
        }
        let outside = outside_the_air(&sun);
        let global = weather.global_w_m2.unwrap_or_else(|| clear_sky(&sun)).clamp(0.0, outside);
        let diffuse = weather.diffuse_w_m2.unwrap_or_else(|| global * diffuse_share(global / outside));
        let diffuse = diffuse.clamp(0.0, global);
        // Near the horizon a division by the sun's height would make a beam that does not exist.
        let beam = ((global - diffuse) / sun.up.max(0.05)).min(1100.0);
        let air = weather.temperature_c.filter(|air| POSSIBLE_TEMPERATURES_C.contains(air));
        let air = air.unwrap_or(USUAL_TEMPERATURE_C);
        let panels: f64 = self.planes.iter().map(|plane| plane.watts(&sun, beam, diffuse, global, air)).sum();
        let inverter = self.inverter.map_or(f64::MAX, Power::as_f64);
        (panels * YIELD).min(inverter)
    }
}

impl Plane {
    fn watts(&self, sun: &SunPosition, beam: f64, diffuse: f64, global: f64, air: f64) -> f64 {
        let (sin_tilt, cos_tilt) = self.tilt_deg.to_radians().sin_cos();
        let (sin_azimuth, cos_azimuth) = self.azimuth_deg.to_radians().sin_cos();
        let facing = sin_tilt * (sin_azimuth * sun.east + cos_azimuth * sun.north) + cos_tilt * sun.up;
        // The isotropic sky of Liu and Jordan (1963).
        let sky = diffuse * (1.0 + cos_tilt) / 2.0 + ALBEDO * global * (1.0 - cos_tilt) / 2.0;
        let arrives = beam * facing.max(0.0) + sky;
        let warm = air + WARMTH_PER_W_M2 * arrives - 25.0;
        self.peak.as_f64() * arrives / 1000.0 * (1.0 - LOSS_PER_KELVIN * warm)
    }
}

/// Returns the sky's share of the light for a clearness of the air (Erbs, Klein and Duffie, 1982).
fn diffuse_share(clearness: f64) -> f64 {
    match clearness {
        kt if kt <= 0.22 => 1.0 - 0.09 * kt,
        kt if kt <= 0.80 => {
            0.9511 - 0.1604 * kt + 4.388 * kt.powi(2) - 16.638 * kt.powi(3) + 12.336 * kt.powi(4)
        }
        _ => 0.165,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Place = Place { latitude_deg: 52.5, longitude_deg: 13.4 };

    fn plane(tilt_deg: f64, azimuth_deg: f64) -> Plane {
        Plane { peak: Power::from_watts(10_000), tilt_deg, azimuth_deg }
    }

    fn roof(tilt_deg: f64, azimuth_deg: f64) -> Roof {
        Roof::new(BERLIN, vec![plane(tilt_deg, azimuth_deg)], None).unwrap()
    }

    fn day_kwh(roof: &Roof, date: &str, weather: SlotWeather) -> f64 {
        let start: Slot = format!("{date}T00:00:00Z").parse().unwrap();
        (0..96).map(|slot| roof.watt_hours(start.offset(slot), &weather)).sum::<f64>() / 1000.0
    }

    /// A south roof of 10 kWp in Berlin gives some 55 to 70 kWh on a clear day of June, some 20 to 35 in December.
    #[test]
    fn clear_days_bring_what_roofs_are_known_to_bring() {
        let clear = SlotWeather::default();
        let (june, december) = (
            day_kwh(&roof(35.0, 180.0), "2026-06-21", clear),
            day_kwh(&roof(35.0, 180.0), "2026-12-21", clear),
        );
        assert!((55.0..72.0).contains(&june), "{june}");
        assert!((18.0..36.0).contains(&december), "{december}");
    }

    #[test]
    fn an_east_roof_has_its_day_in_the_morning() {
        let at = |azimuth, time: &str| {
            roof(40.0, azimuth).watt_hours(time.parse().unwrap(), &SlotWeather::default())
        };
        assert!(at(90.0, "2026-06-21T06:00:00Z") > 2.0 * at(270.0, "2026-06-21T06:00:00Z"));
        assert!(at(270.0, "2026-06-21T16:00:00Z") > 2.0 * at(90.0, "2026-06-21T16:00:00Z"));
    }

    #[test]
    fn heat_and_clouds_cost_and_an_inverter_cuts() {
        let with = |global, temperature| SlotWeather {
            global_w_m2: Some(global),
            temperature_c: Some(temperature),
            ..SlotWeather::default()
        };
        let noon: Slot = "2026-06-21T11:00:00Z".parse().unwrap();
        let roof = roof(35.0, 180.0);
        let (cool, hot) =
            (roof.watt_hours(noon, &with(900.0, 10.0)), roof.watt_hours(noon, &with(900.0, 35.0)));
        assert!((0.88..0.93).contains(&(hot / cool)), "{}", hot / cool);
        assert!(roof.watt_hours(noon, &with(150.0, 10.0)) < cool / 4.0);
        let small = Roof::new(BERLIN, vec![plane(35.0, 180.0)], Some(Power::from_watts(6000))).unwrap();
        assert_eq!(small.watt_hours(noon, &with(900.0, 10.0)), 1500.0);
        assert_eq!(small.most(), Energy::from_watt_hours(1500));
    }

    #[test]
    fn a_roof_that_cannot_be_is_refused_with_its_reason() {
        let refused = |place, planes| Roof::new(place, planes, None).unwrap_err();
        assert_eq!(refused(BERLIN, vec![]), InvalidRoof::NoPlane);
        assert_eq!(refused(BERLIN, vec![plane(95.0, 180.0)]), InvalidRoof::Tilt(1, 95.0));
        assert_eq!(
            refused(BERLIN, vec![plane(30.0, 180.0), plane(30.0, -10.0)]),
            InvalidRoof::Azimuth(2, -10.0)
        );
        assert!(matches!(refused(BERLIN, vec![plane(f64::NAN, 180.0)]), InvalidRoof::Tilt(1, _)));
        let dark = Plane { peak: Power::ZERO, ..plane(30.0, 180.0) };
        assert_eq!(refused(BERLIN, vec![dark]), InvalidRoof::Peak(1));
        let nowhere = Place { latitude_deg: 91.0, longitude_deg: 0.0 };
        assert_eq!(refused(nowhere, vec![plane(30.0, 180.0)]), InvalidRoof::Place(91.0, 0.0));
    }
}
