//! The roof's forecast: physics, corrected by what the roof itself showed.

use std::collections::BTreeMap;
use std::ops::Range;

use units::{Energy, Slot};

use crate::foretold::{Basis, Foretold, Measured};
use crate::quantile::quantiles;
use crate::roof::Roof;
use crate::sun::clear_sky;
use crate::weather::{SlotWeather, WeatherCurve};

/// How far back is learned from: shade and dirt change with the seasons.
const LEARN_DAYS: i64 = 45;
/// After so many days a day counts half.
const HALF_LIFE_DAYS: f64 = 15.0;
/// Half hours of the sun's day. Shade comes and goes with where the sun stands, whatever the clocks show.
const SUN_BINS: usize = 48;
/// A slot counts for learning from a fiftieth of what the roof can bring.
const LEAST_SHARE: f64 = 0.02;
/// A quantile is learned from at least so many slots.
const ENOUGH_SLOTS: usize = 40;
/// How alike two days' clearness is in the eyes of who has no weather forecast.
const ALIKE: f64 = 0.2;
/// What a day that is not alike still counts.
const UNLIKE_WEIGHT: f64 = 0.15;

/// Shares of the physical model where nothing was learned: with a weather forecast, and with a clear sky alone.
const UNLEARNED_WITH_WEATHER: [f64; 3] = [0.70, 0.98, 1.15];
const UNLEARNED_CLEAR_SKY: [f64; 3] = [0.15, 0.55, 0.95];

/// A roof that has looked back on its own production.
#[derive(Clone, Debug)]
pub struct RoofForecast {
    roof: Roof,
    with_weather: Learned,
    clear_sky: Learned,
    /// How clear each day of the sun was: measured over clear sky.
    clearness: BTreeMap<i64, f64>,
    /// How much a day is like the one before it, 0 to 1.
    memory: f64,
}

/// What was learned against one kind of model.
#[derive(Clone, Debug, Default)]
struct Learned {
    samples: Vec<Sample>,
    /// Measured over modelled, by where the sun stands.
    factors: Vec<f64>,
    days: u32,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    day: i64,
    /// Measured over modelled and corrected.
    ratio: f64,
    /// How much light there was of what a clear sky sends.
    clear: f64,
    weight: f64,
}

impl RoofForecast {
    /// Learns from what was measured before `now`, with the weather of those slots where it is known.
    ///
    /// Learning with weather needs weather as it was foretold or analysed; slots without are learned against
    /// a clear sky alone.
    pub fn learn(roof: Roof, measured: &[Measured], weather: &WeatherCurve, now: Slot) -> Self {
        let from = now.offset(-LEARN_DAYS * 96);
        // More than the roof can make is a meter's error. It would weigh more than a month of sun.
        let possible = Energy::ZERO..=roof.most();
        let recent = measured
            .iter()
            .filter(|one| from <= one.slot && one.slot < now && possible.contains(&one.energy));
        let (mut by_weather, mut by_clear_sky) = (Vec::new(), Vec::new());
        let least = roof.most().as_f64() * LEAST_SHARE;
        for one in recent {
            let known = weather.get(one.slot);
            let note = |into: &mut Vec<Comparison>, weather: &SlotWeather| {
                let modelled = roof.watt_hours(one.slot, weather);
                if modelled >= least {
                    into.push(Comparison::new(&roof, one, modelled, weather, now));
                }
            };
            note(
                &mut by_clear_sky,
                &SlotWeather { temperature_c: known.temperature_c, ..SlotWeather::default() },
            );
            if known.global_w_m2.is_some() {
                note(&mut by_weather, &known);
            }
        }
        let clearness = clearness_by_day(&by_clear_sky);
        Self {
            memory: memory(&clearness),
            clearness,
            with_weather: Learned::from(&by_weather),
            clear_sky: Learned::from(&by_clear_sky),
            roof,
        }
    }

    /// Foretells the slots `[from, to)`. By night it is certain that nothing comes.
    pub fn forecast(&self, slots: Range<Slot>, weather: &WeatherCurve) -> Vec<Foretold> {
        Slot::range(slots).map(|slot| self.slot(slot, &weather.get(slot))).collect()
    }

    fn slot(&self, slot: Slot, weather: &SlotWeather) -> Foretold {
        let irradiance = weather.global_w_m2.is_some();
        let (learned, unlearned) = match irradiance {
            true => (&self.with_weather, UNLEARNED_WITH_WEATHER),
            false => (&self.clear_sky, UNLEARNED_CLEAR_SKY),
        };
        let sun = self.roof.sun(slot);
        let modelled = self.roof.watt_hours(slot, weather) * learned.factor(bin(sun.past_noon));
        let shares = match irradiance {
            true => learned.by_light(clear_share(&sun, weather)),
            false => self.by_alike_days(slot),
        };
        let most = self.roof.most().as_f64();
        let quantiles = shares.unwrap_or(unlearned).map(|share| (modelled * share).min(most));
        let basis = Basis {
            irradiance,
            temperature: weather.temperature_c.is_some(),
            history_days: if shares.is_some() { learned.days } else { 0 },
        };
        Foretold::from_watt_hours(slot, quantiles, basis)
    }

    /// Without a weather forecast: a day is drawn towards how clear the one before it was, as far as days were
    /// like the ones before them; around that, what followed on days that were about as clear as the last one.
    fn by_alike_days(&self, slot: Slot) -> Option<[f64; 3]> {
        let plain = || self.clear_sky.quantiles(|_| true, |sample| (sample.ratio, sample.weight));
        let mean = self.clearness.values().sum::<f64>() / self.clearness.len().max(1) as f64;
        let Some(last) = self.clearness.get(&(self.sun_day(slot) - 1)).filter(|_| mean > 0.0) else {
            return plain();
        };
        let drawn = |before: f64| 1.0 + self.memory * (before / mean - 1.0);
        let around = |sample: &Sample| match self.clearness.get(&(sample.day - 1)) {
            Some(before) => {
                let apart = (last - before) / ALIKE;
                let alike = (-apart * apart / 2.0).exp() + UNLIKE_WEIGHT;
                (sample.ratio - drawn(*before), sample.weight * alike)
            }
            None => (sample.ratio - 1.0, sample.weight * UNLIKE_WEIGHT),
        };
        let spread = self.clear_sky.quantiles(|_| true, around)?;
        Some(spread.map(|from_drawn| drawn(*last) + from_drawn))
    }

    fn sun_day(&self, slot: Slot) -> i64 {
        sun_day(&self.roof, slot)
    }
}

/// A slot of the past beside its model.
struct Comparison {
    day: i64,
    bin: usize,
    clear: f64,
    measured: f64,
    modelled: f64,
    weight: f64,
}

impl Comparison {
    fn new(roof: &Roof, one: &Measured, modelled: f64, weather: &SlotWeather, now: Slot) -> Self {
        let sun = roof.sun(one.slot);
        let age_days = (now.index() - one.slot.index()) as f64 / 96.0;
        Self {
            day: sun_day(roof, one.slot),
            bin: bin(sun.past_noon),
            clear: clear_share(&sun, weather),
            measured: one.energy.as_f64(),
            modelled,
            weight: 0.5f64.powf(age_days / HALF_LIFE_DAYS),
        }
    }
}

impl Learned {
    fn from(comparisons: &[Comparison]) -> Self {
        let mut learned = Self { factors: factors(comparisons), ..Self::default() };
        let mut days: Vec<i64> = comparisons.iter().map(|one| one.day).collect();
        days.dedup();
        learned.days = days.len() as u32;
        for one in comparisons {
            let corrected = one.modelled * learned.factor(one.bin);
            if corrected > 0.0 {
                let weight = one.weight * one.modelled;
                let ratio = one.measured / corrected;
                learned.samples.push(Sample { day: one.day, ratio, clear: one.clear, weight });
            }
        }
        learned
    }

    fn factor(&self, bin: usize) -> f64 {
        self.factors.get(bin).copied().unwrap_or(1.0)
    }

    /// With a weather forecast: how it turned out in about this light.
    fn by_light(&self, clear: f64) -> Option<[f64; 3]> {
        let near = |sample: &Sample| (sample.clear - clear).abs() < 0.15;
        let as_it_is = |sample: &Sample| (sample.ratio, sample.weight);
        self.quantiles(near, as_it_is).or_else(|| self.quantiles(|_| true, as_it_is))
    }

    fn quantiles(
        &self,
        counts: impl Fn(&Sample) -> bool,
        weighted: impl Fn(&Sample) -> (f64, f64),
    ) -> Option<[f64; 3]> {
        let samples = self.samples.iter().filter(|sample| counts(sample));
        let mut samples: Vec<(f64, f64)> = samples.map(weighted).collect();
        if samples.len() < ENOUGH_SLOTS { None } else { quantiles(&mut samples) }
    }
}

/// Returns measured over modelled by where the sun stands, drawn towards the roof's mean where little was seen.
fn factors(comparisons: &[Comparison]) -> Vec<f64> {
    let (mut measured, mut modelled) = ([0.0; SUN_BINS], [0.0; SUN_BINS]);
    for one in comparisons {
        measured[one.bin] += one.weight * one.measured;
        modelled[one.bin] += one.weight * one.modelled;
    }
    let (all_measured, all_modelled): (f64, f64) = (measured.iter().sum(), modelled.iter().sum());
    if all_modelled <= 0.0 {
        return Vec::new();
    }
    let mean = all_measured / all_modelled;
    let drawn = all_modelled / SUN_BINS as f64 / 4.0;
    (0..SUN_BINS).map(|bin| (measured[bin] + mean * drawn) / (modelled[bin] + drawn)).collect()
}

/// Returns how clear each day was, of days of which at least two hours were seen.
fn clearness_by_day(comparisons: &[Comparison]) -> BTreeMap<i64, f64> {
    let mut days: BTreeMap<i64, (f64, f64, u32)> = BTreeMap::new();
    for one in comparisons {
        let (measured, modelled, slots) = days.entry(one.day).or_default();
        *measured += one.measured;
        *modelled += one.modelled;
        *slots += 1;
    }
    let seen = days.into_iter().filter(|(_, (_, modelled, slots))| *slots >= 8 && *modelled > 0.0);
    seen.map(|(day, (measured, modelled, _))| (day, measured / modelled)).collect()
}

/// Returns how much the clearness of a day tells of the next one's: their correlation, where it is positive.
fn memory(clearness: &BTreeMap<i64, f64>) -> f64 {
    let mean = clearness.values().sum::<f64>() / clearness.len().max(1) as f64;
    let pairs = clearness.iter().filter_map(|(day, today)| Some((clearness.get(&(day - 1))?, today)));
    let together: f64 = pairs.map(|(before, today)| (before - mean) * (today - mean)).sum();
    let alone: f64 = clearness.values().map(|today| (today - mean).powi(2)).sum();
    if alone > 0.0 { (together / alone).clamp(0.0, 0.9) } else { 0.0 }
}

fn clear_share(sun: &crate::sun::SunPosition, weather: &SlotWeather) -> f64 {
    let clear = clear_sky(sun);
    match weather.global_w_m2 {
        Some(global) if clear > 0.0 => (global / clear).clamp(0.0, 1.3),
        _ => 1.0,
    }
}

fn bin(past_noon: f64) -> usize {
    (((past_noon + 0.5) * SUN_BINS as f64) as usize).min(SUN_BINS - 1)
}

/// Numbers the days by the sun of the place, so that midnight is in the dark everywhere on earth.
fn sun_day(roof: &Roof, slot: Slot) -> i64 {
    let east = roof.place().longitude_deg / 360.0 * 86_400.0;
    (slot.start().seconds() + east as i64).div_euclid(86_400)
}
