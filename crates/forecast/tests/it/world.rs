//! A year of sky, roof and house from a seed. Its physics is not the forecast's own: another clear sky, a
//! hill in the west that the forecast is not told of, an inverter with other losses, people by chance.

use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::Weekday;
use forecast::{Foretold, Measured, Place, Plane, Roof, SlotWeather, SunPosition, WeatherCurve};
use units::{Energy, LocalDay, Power, Slot, Timestamp, Zone, zone};

pub const BERLIN: Place = Place { latitude_deg: 52.5, longitude_deg: 13.4 };
/// The year begins so long before its first scored day that there is something to learn from.
pub const FIRST: &str = "2025-10-01T00:00:00Z";
pub const DAYS: i64 = 425;

pub struct World {
    pub roof: Vec<Measured>,
    pub house: Vec<Measured>,
    /// The weather as it was foretold: right in the large and wrong in the small.
    pub weather: WeatherCurve,
}

pub fn berlin() -> Zone {
    zone("Europe/Berlin").unwrap()
}

pub fn first() -> Slot {
    FIRST.parse().unwrap()
}

/// The roof as its owner describes it.
pub fn roof() -> Roof {
    let plane = Plane { peak: Power::from_watts(8200), tilt_deg: 35.0, azimuth_deg: 190.0 };
    Roof::new(BERLIN, vec![plane], Some(Power::from_watts(8000))).unwrap()
}

/// The one year of all tests; it is made once.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| make(7))
}

fn make(seed: u64) -> World {
    let (mut roof, mut house, mut weather) = (Vec::new(), Vec::new(), WeatherCurve::new());
    let uses = habits(seed);
    for index in 0..DAYS * 96 {
        let slot = first().offset(index);
        let looks = [150, 450, 750].map(|second| light(seed, slot.start() + Duration::from_secs(second)));
        let mean = |of: fn(&Light) -> f64| looks.iter().map(of).sum::<f64>() / 3.0;
        let watts = mean(|light| light.roof_w);
        roof.push(Measured { slot, energy: Energy::from_f64(watts / 4.0).unwrap() });
        let temperature = temperature(seed, slot.start());
        let heating = 45.0 * (15.0 - temperature).max(0.0);
        let used = uses[index as usize] + heating / 4.0 * (0.7 + 0.6 * share(seed, &[9, index]));
        house.push(Measured { slot, energy: Energy::from_f64(used).unwrap() });
        let wrong = 1.0 + 0.5 * (noise(seed, 77, 4.0 * 3600.0, slot.start()) - 0.5);
        let foretold = SlotWeather {
            global_w_m2: Some(mean(|light| light.global) * wrong),
            diffuse_w_m2: None,
            temperature_c: Some(temperature + 3.0 * (share(seed, &[8, index]) - 0.5)),
        };
        weather.set(slot, foretold);
    }
    World { roof, house, weather }
}

/// Foretells each so many days at midnight UTC, with what was known by then, the whole year through.
pub fn foretell(every: i64, mut day: impl FnMut(Slot, Range<Slot>) -> Vec<Foretold>) -> Vec<Foretold> {
    let starts = (60..DAYS).step_by(every as usize).map(|day| first().offset(day * 96));
    starts.flat_map(|now| day(now, now..now.offset(96))).collect()
}

struct Light {
    global: f64,
    roof_w: f64,
}

fn light(seed: u64, time: Timestamp) -> Light {
    let sun = SunPosition::at(time, BERLIN);
    if sun.up <= 0.0 {
        return Light { global: 0.0, roof_w: 0.0 };
    }
    let elevation = sun.up.asin().to_degrees();
    let air_mass = 1.0 / (sun.up + 0.505_72 * (elevation + 6.079_95).powf(-1.636_4));
    let beam = 1353.0 * 0.7f64.powf(air_mass.powf(0.678));
    let blue = 0.1 * beam * sun.up + 12.0 * sun.up.sqrt();
    let cover = cover(seed, time);
    let grey = 0.25 * (beam * sun.up + blue);
    let (direct, diffuse) = (beam * (1.0 - cover).powf(1.5), blue * (1.0 - cover) + grey * cover);
    // The hill: in the west the sun sets early.
    let seen = if sun.east < -0.35 && elevation < 28.0 { 0.0 } else { direct };
    let (sin_tilt, cos_tilt) = 35f64.to_radians().sin_cos();
    let (sin_azimuth, cos_azimuth) = 190f64.to_radians().sin_cos();
    let facing = sin_tilt * (sin_azimuth * sun.east + cos_azimuth * sun.north) + cos_tilt * sun.up;
    let arrives = seen * facing.max(0.0) + diffuse * (1.0 + cos_tilt) / 2.0;
    let watts = (8200.0 * arrives / 1000.0 * 0.82).min(8000.0);
    Light { global: direct * sun.up + diffuse, roof_w: if watts < 15.0 { 0.0 } else { watts } }
}

fn cover(seed: u64, time: Timestamp) -> f64 {
    let spread = |share: f64, factor: f64| (0.5 + (share - 0.5) * factor).clamp(0.0, 1.0);
    let mood = spread(noise(seed, 101, 30.0 * 3600.0, time), 1.5);
    let banks = spread(noise(seed, 102, 5400.0, time), 1.4);
    let broken = 4.0 * mood * (1.0 - mood);
    let single = spread(noise(seed, 103, 420.0, time), 2.0);
    let even = 0.75 * mood + 0.35 * mood * banks;
    (even * (1.0 - 0.5 * broken) + 0.5 * broken * single).clamp(0.0, 1.0)
}

fn temperature(seed: u64, time: Timestamp) -> f64 {
    let days = time.seconds() as f64 / 86_400.0;
    let season = -((days - 15.0) / 365.25 * std::f64::consts::TAU).cos();
    let day = -((days - 0.1) * std::f64::consts::TAU).cos();
    9.5 + 9.0 * season + 3.5 * day + 12.0 * (noise(seed, 55, 70.0 * 3600.0, time) - 0.5)
}

/// Watt-hours of each slot: a base, an everyday curve, and what is switched on.
fn habits(seed: u64) -> Vec<f64> {
    let mut used = vec![0.0; (DAYS * 96) as usize];
    for (index, used) in (0..).zip(&mut used) {
        let time = first().offset(index).start();
        let local = LocalDay::containing(time, berlin());
        let minute = f64::from(LocalDay::minute_of_day(time, berlin()));
        let free = matches!(local.weekday(), Weekday::Sat | Weekday::Sun);
        let morning = bump(minute, if free { 570.0 } else { 420.0 }, 60.0);
        let evening = bump(minute, 1170.0, 140.0);
        let noon = if free { bump(minute, 760.0, 110.0) } else { 0.0 };
        let present = 260.0 * (0.7 * morning + evening + 0.8 * noon);
        *used = (140.0 + present * (0.6 + 0.8 * share(seed, &[1, index]))) / 4.0;
    }
    for day in 0..DAYS {
        for (run, (chance, middle, spread, slots, watts)) in (0..).zip([
            (0.8, 72, 8, 2, 1500.0),
            (0.5, 50, 20, 4, 900.0),
            (0.45, 44, 24, 5, 700.0),
            (0.6, 26, 4, 1, 1700.0),
        ]) {
            if share(seed, &[2, day, run]) < chance {
                let start = day * 96 + middle + (share(seed, &[3, day, run]) * f64::from(spread)) as i64;
                for slot in start..(start + slots).min(DAYS * 96) {
                    used[slot as usize] += watts / 4.0;
                }
            }
        }
    }
    used
}

fn bump(minute: f64, middle: f64, width: f64) -> f64 {
    (-((minute - middle) / width).powi(2)).exp()
}

/// A smooth function of time in `[0, 1]` that looks random.
fn noise(seed: u64, name: i64, period_s: f64, time: Timestamp) -> f64 {
    let position = time.millis() as f64 / 1000.0 / period_s;
    let part = position - position.floor();
    let corner = |index: f64| share(seed, &[name, index as i64]);
    let (from, to) = (corner(position.floor()), corner(position.floor() + 1.0));
    from + (to - from) * part * part * (3.0 - 2.0 * part)
}

fn share(seed: u64, place: &[i64]) -> f64 {
    let mix = |value: u64| {
        let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    };
    let bits = place.iter().fold(mix(seed), |state, part| mix(state ^ mix(*part as u64)));
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
