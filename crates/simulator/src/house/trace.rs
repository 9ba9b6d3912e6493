//! What the meters of a house show at any instant: powers on a grid of ten seconds, and exact counters.
//!
//! Powers are constant over a step, so a counter is linear within it, and a read at any instant is the
//! exact integral. The battery's state depends on all that was before; days are therefore computed in
//! order, and each day's start is kept so that an earlier day can be told again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use units::{Energy, Percent, Power, Slot, Timestamp, WattHours};

use super::battery::Charge;
use super::plan::{HousePlan, PLACE, ZONE};
use crate::world::{STEP_SECONDS, STEPS_A_DAY, Sky, UtcDay};

/// What flows at an instant. Import, production and discharge are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    pub grid: Power,
    pub sun: Power,
    pub battery: Power,
}

impl Powers {
    /// Returns what the house uses: what comes in from all sides.
    pub fn house(&self) -> Power {
        self.grid + self.sun + self.battery
    }
}

/// What the meters have counted since they were mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub import: Energy,
    pub export: Energy,
    pub produced: Energy,
    pub discharged: Energy,
    pub charged: Energy,
}

/// Registers at the borders of a slot.
pub type SlotRegisters = (Counters, Counters);

/// A house that lives from its first day on.
#[derive(Debug)]
pub struct House {
    pub plan: HousePlan,
    sky: Sky,
    first_day: UtcDay,
    days: Mutex<Days>,
}

/// Counters in milliwatt-seconds, as exact as the powers.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    import: i64,
    export: i64,
    produced: i64,
    discharged: i64,
    charged: i64,
}

impl Totals {
    /// Adds so many milliseconds of constant power, in milliwatt-milliseconds over 1000.
    fn add(&mut self, powers: &Powers, seconds: i64) {
        self.import += powers.grid.imported().milliwatts() * seconds;
        self.export += powers.grid.exported().milliwatts() * seconds;
        self.produced += powers.sun.milliwatts() * seconds;
        self.discharged += powers.battery.imported().milliwatts() * seconds;
        self.charged += powers.battery.exported().milliwatts() * seconds;
    }
}

/// What a day inherits from the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Inherited {
    totals: Totals,
    charge: Charge,
}

/// One day of a house, step by step.
#[derive(Debug)]
struct Day {
    powers: Vec<Powers>,
    /// Totals at the start of each slot of the day.
    totals: Vec<Totals>,
    charge: Vec<Charge>,
    end: Inherited,
}

#[derive(Debug, Default)]
struct Days {
    starts: Vec<Inherited>,
    kept: BTreeMap<UtcDay, Arc<Day>>,
}

/// The meter is asked about now and a moment ago; the past is told slot by slot. Three days serve both.
const KEPT_DAYS: usize = 3;

const STEPS_A_SLOT: usize = (units::SLOT_SECONDS / STEP_SECONDS) as usize;

impl House {
    /// Makes the house of a plan under the weather of a seed. Before its first day nothing is known.
    pub fn new(plan: HousePlan, seed: u64, first_day: UtcDay) -> Self {
        let days = Mutex::new(Days { starts: vec![Inherited::default()], kept: BTreeMap::new() });
        Self { plan, sky: Sky::new(seed, PLACE), first_day, days }
    }

    /// Returns what flows at an instant.
    pub fn powers(&self, at: Timestamp) -> Powers {
        let (day, step, _) = self.locate(at);
        self.day(day).powers[step]
    }

    /// Returns how full the battery was at the start of the slot.
    pub fn state_of_charge(&self, at: Timestamp) -> Option<Percent> {
        let (day, step, _) = self.locate(at);
        let charge = self.day(day).charge[step / STEPS_A_SLOT];
        self.plan.battery.map(|battery| battery.state_of_charge(charge))
    }

    /// Returns what the meters have counted by an instant.
    pub fn counters(&self, at: Timestamp) -> Counters {
        let (day, step, millis) = self.locate(at);
        let day = self.day(day);
        let slot = step / STEPS_A_SLOT;
        let mut totals = day.totals[slot];
        for powers in &day.powers[slot * STEPS_A_SLOT..step] {
            totals.add(powers, STEP_SECONDS);
        }
        self.show(&totals, &day.powers[step], millis)
    }

    /// Returns the counters at both borders of a slot.
    pub fn slot_registers(&self, slot: Slot) -> SlotRegisters {
        (self.counters(slot.start()), self.counters(slot.end()))
    }

    /// Returns what the market counts of a slot: import and export in whole Wh.
    pub fn market_energy(&self, slot: Slot) -> (WattHours, WattHours) {
        let (start, end) = self.slot_registers(slot);
        let whole = |from: Energy, to: Energy| to.floor_watt_hours() - from.floor_watt_hours();
        (whole(start.import, end.import), whole(start.export, end.export))
    }

    /// Rounds down to milliwatt-hours after the last, broken step was added.
    fn show(&self, totals: &Totals, powers: &Powers, millis: i64) -> Counters {
        let energy = |start_wh: i64, milliwatt_seconds: i64, power: Power| {
            let exact =
                i128::from(milliwatt_seconds) * 1000 + i128::from(power.milliwatts()) * i128::from(millis);
            Energy::from_watt_hours(start_wh) + Energy::from_milliwatt_hours((exact / 3_600_000) as i64)
        };
        let (import_wh, export_wh) = self.plan.started_at_wh;
        Counters {
            import: energy(import_wh, totals.import, powers.grid.imported()),
            export: energy(export_wh, totals.export, powers.grid.exported()),
            // A roof makes about what it exports and half as much again.
            produced: energy(export_wh * 3 / 2, totals.produced, powers.sun),
            discharged: energy(0, totals.discharged, powers.battery.imported()),
            charged: energy(0, totals.charged, powers.battery.exported()),
        }
    }

    /// Returns day, step and the milliseconds within the step; before the first day, its first instant.
    fn locate(&self, at: Timestamp) -> (UtcDay, usize, i64) {
        let at = at.max(self.first_day.start());
        let day = UtcDay::containing(at);
        let millis = at.millis() - day.start().millis();
        let step_millis = STEP_SECONDS * 1000;
        (day, (millis / step_millis) as usize, millis % step_millis)
    }

    fn day(&self, day: UtcDay) -> Arc<Day> {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = days.kept.get(&day) {
            return Arc::clone(kept);
        }
        let index = (day.0 - self.first_day.0) as usize;
        let mut made = None;
        for earlier in days.starts.len().min(index + 1) - 1..=index {
            let day = Arc::new(self.live(UtcDay(self.first_day.0 + earlier as i64), days.starts[earlier]));
            if days.starts.len() == earlier + 1 {
                days.starts.push(day.end);
            }
            made = Some(day);
        }
        let made = made.expect("the range ends with the day that was asked for");
        days.kept.insert(day, Arc::clone(&made));
        if days.kept.len() > KEPT_DAYS {
            // Whoever looks back at an old day does so once; the newest days are read all the time.
            let oldest = *days.kept.keys().find(|kept| **kept != day).expect("more than one is kept");
            days.kept.remove(&oldest);
        }
        made
    }

    fn live(&self, day: UtcDay, inherited: Inherited) -> Day {
        let load = self.plan.habits.day(day, ZONE);
        let sky = self.plan.roof.map(|roof| (roof, self.sky.day(day)));
        let Inherited { mut totals, mut charge } = inherited;
        let mut lived = Day {
            powers: Vec::with_capacity(STEPS_A_DAY),
            totals: Vec::with_capacity(STEPS_A_DAY / STEPS_A_SLOT),
            charge: Vec::with_capacity(STEPS_A_DAY / STEPS_A_SLOT),
            end: inherited,
        };
        for (step, load) in load.into_iter().enumerate() {
            if step % STEPS_A_SLOT == 0 {
                lived.totals.push(totals);
                lived.charge.push(charge);
            }
            let sun = sky.as_ref().map_or(Power::ZERO, |(roof, sky)| roof.production(&sky.light[step]));
            let deficit = Power::from_milliwatts(load) - sun;
            let battery = self.plan.battery.map_or(Power::ZERO, |battery| battery.step(&mut charge, deficit));
            let powers = Powers { grid: deficit - battery, sun, battery };
            totals.add(&powers, STEP_SECONDS);
            lived.powers.push(powers);
        }
        lived.end = Inherited { totals, charge };
        lived
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::plan_street;
    use proptest::prelude::*;
    use std::time::Duration;

    fn start() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    fn house(number: usize) -> House {
        House::new(plan_street(7, 6).remove(number - 1), 7, UtcDay::containing(start()))
    }

    #[test]
    fn counters_are_the_integral_of_the_powers() {
        for number in [2, 3, 5] {
            let house = house(number);
            let (from, to) = (house.counters(start()), house.counters(start() + Duration::from_secs(86_400)));
            let powers: Vec<Powers> =
                UtcDay::containing(start()).steps().map(|time| house.powers(time)).collect();
            let sum = |part: fn(&Powers) -> Power| {
                let total: i64 = powers.iter().map(|powers| part(powers).milliwatts() * STEP_SECONDS).sum();
                Energy::from_milliwatt_hours(total / 3600)
            };
            assert_eq!(to.import - from.import, sum(|powers| powers.grid.imported()));
            assert_eq!(to.export - from.export, sum(|powers| powers.grid.exported()));
            assert_eq!(to.produced - from.produced, sum(|powers| powers.sun));
            assert_eq!(to.charged - from.charged, sum(|powers| powers.battery.exported()));
        }
    }

    #[test]
    fn nothing_is_exported_by_night_not_even_from_the_battery() {
        // 20:30 to 02:00 UTC lies between sunset and sunrise in Berlin in June.
        let (dusk, dawn) = (start() + Duration::from_secs(73_800), start() + Duration::from_secs(93_600));
        for number in 1..=6 {
            let house = house(number);
            assert_eq!(house.counters(dusk).export, house.counters(dawn).export, "house {number}");
            assert_eq!(house.counters(dusk).produced, house.counters(dawn).produced, "house {number}");
        }
    }

    #[test]
    fn a_house_with_sun_exports_by_day_and_one_without_never_does() {
        let exported = |number: usize| {
            let house = house(number);
            let counted = |days: u64| house.counters(start() + Duration::from_secs(days * 86_400)).export;
            (counted(7) - counted(0)).floor_watt_hours().get()
        };
        assert!(exported(1) > 20_000, "{}", exported(1));
        assert_eq!(exported(2), 0);
    }

    #[test]
    fn the_battery_carries_the_day_into_the_night() {
        let house = house(3);
        let counted = |hours: u64| house.counters(start() + Duration::from_secs(hours * 3600));
        assert!(counted(19).charged - counted(0).charged > Energy::from_watt_hours(3000));
        assert!(counted(30).discharged - counted(19).discharged > Energy::from_watt_hours(1500));
        assert!(counted(24 * 30).discharged < counted(24 * 30).charged);
    }

    #[test]
    fn a_day_told_twice_is_the_same_day() {
        let (one, other) = (house(3), house(3));
        let late = start() + Duration::from_secs(86_400 * 9 + 51_234);
        let early = start() + Duration::from_secs(86_400 + 40_000);
        let forwards = (one.counters(early), one.counters(late), one.counters(early));
        let backwards = (other.counters(late), other.counters(early));
        assert_eq!((forwards.0, forwards.1), (backwards.1, backwards.0));
        assert_eq!(forwards.2, forwards.0);
    }

    #[test]
    fn slots_telescope_to_the_register() {
        let house = house(3);
        let first = Slot::containing(start());
        let sum: WattHours =
            Slot::range(first..first.offset(96)).map(|slot| house.market_energy(slot).1).sum();
        let (from, to) = (house.counters(start()), house.counters(first.offset(96).start()));
        assert_eq!(sum, to.export.floor_watt_hours() - from.export.floor_watt_hours());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn registers_never_run_backwards(seconds in 0u64..86_000, millis in prop::collection::vec(0u64..30_000, 1..20)) {
            let house = house(3);
            let mut at = start() + Duration::from_secs(seconds);
            let mut before = house.counters(at);
            for step in millis {
                at = at + Duration::from_millis(step);
                let now = house.counters(at);
                prop_assert!(now.import >= before.import && now.export >= before.export);
                prop_assert!(now.produced >= before.produced && now.charged >= before.charged);
                before = now;
            }
        }
    }
}
