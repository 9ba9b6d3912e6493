//! What a household uses: a base, an everyday curve, and appliances that are switched on.

use chrono::Weekday;
use serde::Serialize;
use units::{LocalDay, Timestamp, Zone};

use crate::world::{Chance, Noise, STEP_SECONDS, STEPS_A_DAY, UtcDay};

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Habits {
    seed: u64,
    /// Standby, router, ventilation.
    pub base_w: f64,
    /// Light, screens and small things when everyone is at home and awake.
    pub presence_w: f64,
    /// Someone works at home on weekdays.
    pub home_office: bool,
    /// Hot water by a small heat pump that runs around noon.
    pub noon_heat_pump: bool,
    /// A car that charges at home.
    pub car: bool,
    /// How many minutes later than others this household lives.
    pub late_min: i64,
}

/// One phase of 16 A.
const CAR_W: f64 = 3680.0;

/// An appliance that runs: from, to, watts.
type Run = (Timestamp, Timestamp, f64);

impl Habits {
    /// Draws the habits of one house of a street.
    pub fn draw(seed: u64, house: i64, car: bool) -> Self {
        let mut chance = Chance::new(seed, &[house, 2]);
        Self {
            seed: seed ^ (house as u64) << 32,
            base_w: chance.between(90.0, 190.0).round(),
            presence_w: chance.between(140.0, 380.0).round(),
            home_office: chance.percent(50.0),
            noon_heat_pump: chance.percent(50.0),
            car,
            late_min: chance.whole(-40, 50),
        }
    }

    /// Returns what the house uses in each step of a day, in milliwatts.
    pub fn day(&self, day: UtcDay, zone: Zone) -> Vec<i64> {
        let mut load = self.everyday(day, zone);
        let noon = day.start() + std::time::Duration::from_secs(43_200);
        let middle = LocalDay::containing(noon, zone);
        for local in [middle.previous(), middle, middle.next()] {
            for run in self.runs(local) {
                add(&mut load, day, run);
            }
        }
        load
    }

    /// Returns base, presence and fridge, which are always there.
    fn everyday(&self, day: UtcDay, zone: Zone) -> Vec<i64> {
        let ripple = Noise::new(self.seed, 201, 240.0);
        let swell = Noise::new(self.seed, 202, 2700.0);
        let mut load = Vec::with_capacity(STEPS_A_DAY);
        let mut presence = 0.0;
        for (step, time) in day.steps().enumerate() {
            // Asking for the local time is dear, and people do not change within ten minutes.
            if step % 60 == 0 {
                presence =
                    self.presence(LocalDay::containing(time, zone).weekday(), local_minute(time, zone));
            }
            let seconds = time.seconds() as f64;
            let fridge = if self.fridge_runs(time.seconds()) { 75.0 } else { 0.0 };
            let lively = 0.45 + 0.7 * swell.at(seconds) + 0.4 * ripple.at(seconds);
            load.push(((self.base_w + fridge + self.presence_w * presence * lively) * 1000.0) as i64);
        }
        load
    }

    /// Returns how present the household is at a minute of a day, 0 to 1.
    fn presence(&self, weekday: Weekday, minute: i64) -> f64 {
        let free = matches!(weekday, Weekday::Sat | Weekday::Sun);
        let curve: &[(i64, f64)] = match (free, self.home_office) {
            (true, _) => &[
                (0, 0.25),
                (90, 0.05),
                (450, 0.05),
                (570, 0.7),
                (720, 0.9),
                (900, 0.6),
                (1110, 0.9),
                (1320, 1.0),
                (1440, 0.25),
            ],
            (false, true) => &[
                (0, 0.15),
                (60, 0.05),
                (345, 0.05),
                (420, 0.8),
                (540, 0.7),
                (750, 0.85),
                (1020, 0.7),
                (1140, 1.0),
                (1320, 0.9),
                (1440, 0.15),
            ],
            (false, false) => &[
                (0, 0.15),
                (60, 0.05),
                (345, 0.05),
                (420, 0.8),
                (510, 0.2),
                (960, 0.2),
                (1110, 0.9),
                (1260, 1.0),
                (1350, 0.7),
                (1440, 0.15),
            ],
        };
        along(curve, (minute - self.late_min).rem_euclid(1440))
    }

    fn fridge_runs(&self, seconds: i64) -> bool {
        let period = 2700 + (self.seed >> 32) as i64 % 7 * 180;
        (seconds + (self.seed >> 32) as i64 * 613).rem_euclid(period) < period * 35 / 100
    }

    /// Draws the appliances that are switched on during a local day.
    fn runs(&self, day: LocalDay) -> Vec<Run> {
        let mut chance = Chance::new(self.seed, &[day.slots().start.index(), 3]);
        let free = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let mut plan = Plan { start: day.start(), late_min: self.late_min, runs: Vec::new() };
        let morning = if free { 540 } else { 400 };
        for _ in 0..chance.whole(1, 3) {
            plan.run(morning + chance.whole(0, 75), chance.whole(2, 4), 1900.0);
        }
        let midday = free || self.home_office;
        if midday && chance.percent(70.0) {
            cook(&mut plan, 705 + chance.whole(0, 60), &mut chance);
        }
        if chance.percent(80.0) {
            cook(&mut plan, 1080 + chance.whole(0, 90), &mut chance);
        }
        if chance.percent(55.0) {
            let start = if midday { 800 + chance.whole(0, 240) } else { 1200 + chance.whole(0, 60) };
            for (after, minutes, watts) in [(5, 18, 1950.0), (23, 55, 60.0), (78, 14, 1950.0)] {
                plan.run(start + after, minutes, watts);
            }
        }
        if chance.percent(if free { 65.0 } else { 35.0 }) {
            let start = if midday { 560 + chance.whole(0, 300) } else { 1020 + chance.whole(0, 120) };
            for (after, minutes, watts) in [(3, 24, 2050.0), (27, 60, 180.0), (87, 10, 420.0)] {
                plan.run(start + after, minutes, watts);
            }
        }
        if chance.percent(85.0) {
            plan.run(1170 + chance.whole(0, 60), chance.whole(60, 170), 110.0);
        }
        if self.noon_heat_pump {
            plan.run(650 + chance.whole(0, 50), chance.whole(110, 190), 520.0);
        }
        if self.car && chance.percent(65.0) {
            let start = if midday { 640 + chance.whole(0, 180) } else { 1030 + chance.whole(0, 90) };
            plan.run(start, chance.whole(70, 200), CAR_W);
        }
        plan.runs
    }
}

/// The runs of a day as they are drawn.
struct Plan {
    start: Timestamp,
    late_min: i64,
    runs: Vec<Run>,
}

impl Plan {
    fn run(&mut self, minute: i64, minutes: i64, watts: f64) {
        let after = |minutes: i64| Timestamp::from_millis(self.start.millis() + minutes * 60_000);
        let minute = minute + self.late_min;
        self.runs.push((after(minute), after(minute + minutes), watts));
    }
}

/// A stove: hot at first, then its thermostat goes on and off.
fn cook(plan: &mut Plan, minute: i64, chance: &mut Chance) {
    let watts = chance.between(1400.0, 2300.0).round();
    plan.run(minute, 7, watts);
    for pulse in 0..chance.whole(4, 9) {
        plan.run(minute + 7 + pulse * 4, 2, watts);
    }
}

fn add(load: &mut [i64], day: UtcDay, (from, to, watts): Run) {
    let step_of = |time: Timestamp| {
        let steps = (time.seconds() - day.start().seconds()).div_euclid(STEP_SECONDS);
        steps.clamp(0, STEPS_A_DAY as i64) as usize
    };
    for power in &mut load[step_of(from)..step_of(to)] {
        *power += (watts * 1000.0) as i64;
    }
}

/// Returns the value of a line of points, straight between them.
fn along(points: &[(i64, f64)], x: i64) -> f64 {
    let after = points.iter().position(|point| point.0 > x).unwrap_or(points.len() - 1);
    let ((x0, y0), (x1, y1)) = (points[after - 1], points[after]);
    y0 + (y1 - y0) * (x - x0) as f64 / (x1 - x0) as f64
}

fn local_minute(time: Timestamp, zone: Zone) -> i64 {
    i64::from(LocalDay::minute_of_day(time, zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kwh(load: &[i64]) -> f64 {
        load.iter().sum::<i64>() as f64 * STEP_SECONDS as f64 / 3.6e9
    }

    #[test]
    fn a_household_uses_some_6_to_16_kwh_a_day() {
        let zone = units::zone("Europe/Berlin").unwrap();
        let first = UtcDay::containing("2026-06-01T00:00:00Z".parse().unwrap());
        for house in 1..=6 {
            let habits = Habits::draw(7, house, false);
            let mean = (0..14).map(|day| kwh(&habits.day(UtcDay(first.0 + day), zone))).sum::<f64>() / 14.0;
            assert!((5.0..17.0).contains(&mean), "house {house} uses {mean} kWh: {habits:?}");
        }
    }

    #[test]
    fn nobody_cooks_in_the_small_hours() {
        let zone = units::zone("Europe/Berlin").unwrap();
        let day = UtcDay::containing("2026-06-03T00:00:00Z".parse().unwrap());
        for house in 1..=6 {
            let load = Habits::draw(7, house, false).day(day, zone);
            // 02:00 to 03:00 UTC is 04:00 to 05:00 on the wall.
            assert!(load[720..1080].iter().all(|power| (60_000..450_000).contains(power)));
        }
    }
}
