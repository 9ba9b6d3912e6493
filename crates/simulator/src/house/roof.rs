//! What the sun makes of a roof.

use serde::Serialize;
use units::Power;

use crate::world::Light;

/// Panels on one plane behind one inverter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Roof {
    pub peak_w: i64,
    pub inverter_w: i64,
    pub tilt_deg: f64,
    /// Where the roof looks, clockwise from north: 180 is south.
    pub azimuth_deg: f64,
}

/// What is lost in heat, dust, cables and the inverter.
const YIELD: f64 = 0.86;

/// Below this an inverter sleeps.
const WAKES_AT_W: f64 = 15.0;

/// What the ground throws back.
const ALBEDO: f64 = 0.2;

impl Roof {
    /// Returns what the inverter gives in this light: never negative, nothing by night.
    pub fn production(&self, light: &Light) -> Power {
        if light.sun.up <= 0.0 {
            return Power::ZERO;
        }
        let watts = self.peak_w as f64 * self.irradiance(light) / 1000.0 * YIELD;
        if watts < WAKES_AT_W {
            return Power::ZERO;
        }
        Power::from_f64(watts.min(self.inverter_w as f64)).unwrap_or_default()
    }

    /// Returns what arrives on the plane in W/m² (isotropic sky of Liu and Jordan).
    fn irradiance(&self, light: &Light) -> f64 {
        let (sin_tilt, cos_tilt) = self.tilt_deg.to_radians().sin_cos();
        let (sin_azimuth, cos_azimuth) = self.azimuth_deg.to_radians().sin_cos();
        let sun = &light.sun;
        let facing = sin_tilt * (sin_azimuth * sun.east + cos_azimuth * sun.north) + cos_tilt * sun.up;
        let ground = ALBEDO * (light.beam * sun.up + light.diffuse) * (1.0 - cos_tilt) / 2.0;
        light.beam * facing.max(0.0) + light.diffuse * (1.0 + cos_tilt) / 2.0 + ground
    }
}
