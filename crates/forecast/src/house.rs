//! The house's forecast: what it used at this time of the week, and how cold it will be.

use std::ops::Range;

use chrono::{Datelike, Timelike, Weekday};
use units::{Slot, Zone};

use crate::foretold::{Basis, Foretold, Measured};
use crate::quantile::{median, quantiles};
use crate::weather::WeatherCurve;

/// How far back is learned from: habits change.
const LEARN_DAYS: i64 = 56;
const HALF_LIFE_DAYS: f64 = 21.0;
const SLOTS_A_DAY: usize = 96;
/// Neighbours of a slot count too, less with the distance: nobody cooks on the dot.
const NEAR: [f64; 3] = [1.0, 0.35, 0.1];
/// What another day of the same kind counts, and one of the other kind.
const SAME_KIND: f64 = 0.5;
const OTHER_KIND: f64 = 0.04;
/// Heating begins below.
const HEATING_C: f64 = 16.0;
/// Temperature is learned from so many days, if they differ by so much.
const ENOUGH_DAYS: usize = 14;
const ENOUGH_KELVIN: f64 = 4.0;

/// A house that has looked back on its own use.
#[derive(Clone, Debug)]
pub struct HouseForecast {
    zone: Zone,
    /// By quarter hour of the wall clock.
    past: Vec<Vec<Sample>>,
    /// Watt-hours a slot for each kelvin below [`HEATING_C`], 0 where cold made no difference.
    per_kelvin: f64,
    days: u32,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    weekday: Weekday,
    watt_hours: f64,
    /// How many kelvin it was too cold; `None` where nobody knows.
    cold: Option<f64>,
    weight: f64,
}

/// Nothing was measured to learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the house's use cannot be foretold yet: no quarter hour of it was measured; a day is enough to begin"
)]
pub struct NoHistory;

impl HouseForecast {
    /// Learns from what the house used before `now`, with the temperature of those slots where it is known.
    pub fn learn(
        zone: Zone,
        measured: &[Measured],
        weather: &WeatherCurve,
        now: Slot,
    ) -> Result<Self, NoHistory> {
        let from = now.offset(-LEARN_DAYS * SLOTS_A_DAY as i64);
        let mut past = vec![Vec::new(); SLOTS_A_DAY];
        let mut days: Vec<DayUse> = Vec::new();
        for one in measured.iter().filter(|one| from <= one.slot && one.slot < now) {
            let wall = WallSlot::of(one.slot, zone);
            let cold = weather.get(one.slot).temperature_c.map(cold);
            let age_days = (now.index() - one.slot.index()) as f64 / SLOTS_A_DAY as f64;
            let (weekday, watt_hours) = (wall.weekday, one.energy.as_f64());
            past[wall.quarter].push(Sample {
                weekday,
                watt_hours,
                cold,
                weight: 0.5f64.powf(age_days / HALF_LIFE_DAYS),
            });
            match days.last_mut() {
                Some(day) if day.day == wall.day => day.add(watt_hours, cold),
                _ => days.push(DayUse::new(wall.day, watt_hours, cold)),
            }
        }
        if days.is_empty() {
            return Err(NoHistory);
        }
        Ok(Self { zone, past, per_kelvin: per_kelvin(&days), days: days.len() as u32 })
    }

    /// Foretells the slots `[from, to)`.
    pub fn forecast(&self, slots: Range<Slot>, weather: &WeatherCurve) -> Vec<Foretold> {
        Slot::range(slots).map(|slot| self.slot(slot, weather)).collect()
    }

    fn slot(&self, slot: Slot, weather: &WeatherCurve) -> Foretold {
        let wall = WallSlot::of(slot, self.zone);
        let cold_then = weather.get(slot).temperature_c.map(cold);
        let temperature = cold_then.is_some() && self.per_kelvin > 0.0;
        let adjusted = |sample: &Sample| match (cold_then, sample.cold) {
            (Some(then), Some(was)) => sample.watt_hours + self.per_kelvin * (then - was),
            _ => sample.watt_hours,
        };
        let mut samples = Vec::new();
        for (distance, near) in (0..).zip(NEAR) {
            for quarter in around(wall.quarter, distance) {
                for sample in &self.past[quarter] {
                    samples
                        .push((adjusted(sample), sample.weight * near * alike(sample.weekday, wall.weekday)));
                }
            }
        }
        // Of a history of less than a day some times may be missing; the whole of it says more than nothing.
        let found = quantiles(&mut samples).or_else(|| {
            let mut all: Vec<_> = self.past.iter().flatten().map(|one| (adjusted(one), one.weight)).collect();
            quantiles(&mut all)
        });
        let basis = Basis { irradiance: false, temperature, history_days: self.days };
        Foretold::from_watt_hours(slot, found.unwrap_or_default(), basis)
    }
}

/// A quarter hour of the wall clock. Of an hour that comes twice, both are it.
struct WallSlot {
    day: i32,
    weekday: Weekday,
    quarter: usize,
}

impl WallSlot {
    fn of(slot: Slot, zone: Zone) -> Self {
        let local = slot.start().to_chrono().with_timezone(&zone);
        let quarter = (local.hour() * 60 + local.minute()) / 15;
        Self { day: local.num_days_from_ce(), weekday: local.weekday(), quarter: quarter as usize }
    }
}

/// What a day used on average, and how cold it was.
struct DayUse {
    day: i32,
    watt_hours: f64,
    slots: f64,
    cold: f64,
    cold_slots: f64,
}

impl DayUse {
    fn new(day: i32, watt_hours: f64, cold: Option<f64>) -> Self {
        let mut use_of_day = Self { day, watt_hours: 0.0, slots: 0.0, cold: 0.0, cold_slots: 0.0 };
        use_of_day.add(watt_hours, cold);
        use_of_day
    }

    fn add(&mut self, watt_hours: f64, cold: Option<f64>) {
        self.watt_hours += watt_hours;
        self.slots += 1.0;
        if let Some(cold) = cold {
            self.cold += cold;
            self.cold_slots += 1.0;
        }
    }

    /// Returns mean cold and mean use of a slot, where most of the day was seen with its temperature.
    fn point(&self) -> Option<(f64, f64)> {
        (self.cold_slots >= 48.0).then(|| (self.cold / self.cold_slots, self.watt_hours / self.slots))
    }
}

/// Returns how much a slot's use rises with each kelvin of cold: the median of the slopes between all pairs of
/// days (Theil and Sen), which a few odd days do not move. Below zero it is no heating, and 0.
fn per_kelvin(days: &[DayUse]) -> f64 {
    let points: Vec<(f64, f64)> = days.iter().filter_map(DayUse::point).collect();
    let coldest = points.iter().map(|point| point.0).fold(f64::MIN, f64::max);
    let warmest = points.iter().map(|point| point.0).fold(f64::MAX, f64::min);
    if points.len() < ENOUGH_DAYS || coldest - warmest < ENOUGH_KELVIN {
        return 0.0;
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, (cold, used)) in points.iter().enumerate() {
        for (other_cold, other_used) in &points[..index] {
            if (cold - other_cold).abs() >= 1.0 {
                slopes.push((used - other_used) / (cold - other_cold));
            }
        }
    }
    median(&mut slopes).unwrap_or(0.0).max(0.0)
}

fn cold(temperature_c: f64) -> f64 {
    (HEATING_C - temperature_c).max(0.0)
}

fn alike(one: Weekday, other: Weekday) -> f64 {
    let free = |day| matches!(day, Weekday::Sat | Weekday::Sun);
    match (one == other, free(one) == free(other)) {
        (true, _) => 1.0,
        (false, true) => SAME_KIND,
        (false, false) => OTHER_KIND,
    }
}

/// Lists the quarters at a distance, around midnight too.
fn around(quarter: usize, distance: usize) -> impl Iterator<Item = usize> {
    let later = (quarter + distance) % SLOTS_A_DAY;
    let earlier = (quarter + SLOTS_A_DAY - distance) % SLOTS_A_DAY;
    std::iter::once(later).chain((distance > 0).then_some(earlier))
}
