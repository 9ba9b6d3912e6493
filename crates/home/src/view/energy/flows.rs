//! What each slot's energy came from and went to, and the sums of slots.
//!
//! What was settled from the meter's figures is shown as it was settled, in whole watt-hours of the
//! register: what stands here as sold is what was paid for. Everything else is what the meters say.

use std::ops::Range;

use history::{HistoryError, SettledFacts, SlotFacts};
use metering::Quality;
use units::{Energy, MeterId, Slot, WattHours};

use super::period::{Period, StepView, slots_of};
use super::{EnergyFigures, GapView, QualityCounts, Whole};
use crate::config::Role;
use crate::house::House;

/// How many gaps are stated one by one.
const GAPS_SHOWN: usize = 5;

/// How long after its end a slot may still be on its way into the books.
const ON_ITS_WAY: std::time::Duration = std::time::Duration::from_secs(1800);

/// Energy by role. What is not known is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    pub sun: Option<Energy>,
    pub house: Option<Energy>,
    pub self_use: Option<Energy>,
    pub to_battery: Option<Energy>,
    pub to_neighbours: Option<Energy>,
    pub to_grid: Option<Energy>,
    pub open_out: Option<Energy>,
    pub from_battery: Option<Energy>,
    pub from_neighbours: Option<Energy>,
    pub from_grid: Option<Energy>,
    pub open_in: Option<Energy>,
}

/// What there is to be measured, and from when on the market gives neighbours their part.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub sun: bool,
    pub battery: bool,
    pub joined: Option<Slot>,
}

/// One bar while it is added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bar {
    pub flows: Flows,
    pub quality: QualityCounts,
    pub settled: Option<SettledFacts>,
}

/// A period, slot by slot.
#[derive(Debug)]
pub struct Walk {
    pub bars: Vec<Bar>,
    gaps: Vec<Gap>,
}

/// Slots next to each other of one quality that is not measured.
#[derive(Clone, Debug)]
struct Gap {
    slots: Range<Slot>,
    quality: Quality,
}

impl Walk {
    pub fn through(house: &House, period: &Period) -> Result<Self, HistoryError> {
        let setting = Setting::of(house)?;
        let slots = period.slots(house.zone());
        let count = if period.step == StepView::Slot {
            Slot::range(slots.clone()).len()
        } else {
            period.steps().count()
        };
        let mut walk = Self { bars: vec![Bar::default(); count], gaps: Vec::new() };
        let due = due(house, &slots)?;
        let mut expected = due.start;
        house.history.each_slot(
            meters(house).each_ref().map(Option::as_ref),
            period.days.clone(),
            |facts| {
                let index = match period.step {
                    StepView::Slot => {
                        usize::try_from(facts.slot.index() - slots.start.index()).unwrap_or(usize::MAX)
                    }
                    _ => period.step_of(facts.local_day),
                };
                let Some(bar) = walk.bars.get_mut(index) else { return };
                bar.flows.add(&Flows::of(facts, setting));
                bar.settled = facts.settled;
                let Some(grid) = facts.meters[0] else { return };
                bar.quality.count(grid.quality);
                note_gap(&mut walk.gaps, expected..facts.slot, Quality::Missing);
                if grid.quality != Quality::Measured {
                    note_gap(&mut walk.gaps, facts.slot..facts.slot.next(), grid.quality);
                }
                expected = expected.max(facts.slot.next());
            },
        )?;
        note_gap(&mut walk.gaps, expected..due.end, Quality::Missing);
        walk.count_what_is_absent(house, period, &due);
        Ok(walk)
    }

    /// Counts the slots of each bar that the books do not have: missing where they were due.
    fn count_what_is_absent(&mut self, house: &House, period: &Period, due: &Range<Slot>) {
        let whole = period.slots(house.zone());
        let ranges: Vec<Range<Slot>> = match period.step {
            StepView::Slot => Slot::range(whole).map(|slot| slot..slot.next()).collect(),
            _ => period.steps().map(|days| slots_of(&days, house.zone())).collect(),
        };
        for (bar, range) in self.bars.iter_mut().zip(ranges) {
            let (whole, known) = (length(&range), bar.quality.known());
            let due = length(&(range.start.max(due.start)..range.end.min(due.end)));
            bar.quality.missing += due.saturating_sub(known);
            bar.quality.outside = whole.saturating_sub(due.max(known));
        }
    }

    pub fn totals(&self) -> Flows {
        let mut totals = Flows::default();
        self.bars.iter().for_each(|bar| totals.add(&bar.flows));
        totals
    }

    pub fn quality(&self) -> QualityCounts {
        let mut all = QualityCounts::default();
        for QualityCounts { measured, recovered, estimated, partial, missing, outside } in
            self.bars.iter().map(|bar| bar.quality)
        {
            all.measured += measured;
            all.recovered += recovered;
            all.estimated += estimated;
            all.partial += partial;
            all.missing += missing;
            all.outside += outside;
        }
        all
    }

    /// Returns the longest gaps, and how many more there are.
    pub fn longest_gaps(&self) -> (Vec<GapView>, usize) {
        let mut gaps: Vec<&Gap> = self.gaps.iter().collect();
        gaps.sort_by_key(|gap| std::cmp::Reverse(length(&gap.slots)));
        let more = gaps.len().saturating_sub(GAPS_SHOWN);
        let view = |gap: &&Gap| GapView {
            from: gap.slots.start.start().into(),
            to: gap.slots.end.start().into(),
            slots: length(&gap.slots),
            quality: gap.quality.into(),
        };
        (gaps.iter().take(GAPS_SHOWN).map(view).collect(), more)
    }
}

/// Returns the home's meters in the order in which flows are read.
pub fn meters(house: &House) -> [Option<MeterId>; 3] {
    [Role::Grid, Role::Solar, Role::Battery].map(|role| house.meter_id(role))
}

/// Returns the slots that the books should have: from the first one known to the one that just ended.
pub fn due(house: &House, slots: &Range<Slot>) -> Result<Range<Slot>, HistoryError> {
    let first = match house.meter_id(Role::Grid) {
        Some(meter) => house.history.first_slot(&meter)?,
        None => None,
    };
    let ended = Slot::containing(house.now() - house.patience(ON_ITS_WAY));
    let start = first.map_or(ended, |first| first.slot).max(slots.start).min(slots.end);
    Ok(start..ended.clamp(start, slots.end))
}

fn note_gap(gaps: &mut Vec<Gap>, slots: Range<Slot>, quality: Quality) {
    if slots.start >= slots.end {
        return;
    }
    match gaps.last_mut() {
        Some(last) if last.quality == quality && last.slots.end == slots.start => last.slots.end = slots.end,
        _ => gaps.push(Gap { slots, quality }),
    }
}

fn length(slots: &Range<Slot>) -> u32 {
    u32::try_from(slots.end.index() - slots.start.index()).unwrap_or(0)
}

impl Setting {
    pub fn of(house: &House) -> Result<Self, HistoryError> {
        Ok(Self {
            sun: house.config().has(Role::Solar),
            battery: house.config().has(Role::Battery),
            joined: house.membership()?.map(|membership| Slot::containing(membership.joined_at)),
        })
    }
}

impl Flows {
    /// Tells the roles of one slot. The meters are grid, roof and battery.
    ///
    /// The roof serves the house, then the battery, then the grid; so what went out is sun first, and what
    /// the battery gave away on top of it is told by what went out beyond the sun.
    pub fn of(facts: &SlotFacts<3>, setting: Setting) -> Self {
        let [grid, solar, battery] = facts.meters;
        // A register that the meter does not have counts nothing, if it has the other one.
        let counted = |one: Option<Energy>, other: Option<Energy>| one.or(other.map(|_| Energy::ZERO));
        let import = grid.and_then(|grid| counted(grid.import, grid.export));
        let export = grid.and_then(|grid| counted(grid.export, grid.import));
        let sun = solar.and_then(|solar| solar.import);
        let from_battery = battery.and_then(|battery| counted(battery.import, battery.export));
        let to_battery = battery.and_then(|battery| counted(battery.export, battery.import));
        let none_or = |installed, figure| if installed { figure } else { Some(Energy::ZERO) };
        let kept = sun.zip(export).map(|(sun, export)| sun - sun.min(export));
        let self_use =
            kept.zip(none_or(setting.battery, to_battery)).map(|(kept, stored)| kept - kept.min(stored));
        let flows = Self { sun, self_use, to_battery, from_battery, ..Self::default() };
        Self {
            house: house_use(
                [import, none_or(setting.sun, sun), none_or(setting.battery, from_battery)],
                [export, none_or(setting.battery, to_battery)],
            ),
            ..flows.with_market(facts, setting, import, export)
        }
    }

    /// Tells neighbours from grid, where that is known.
    fn with_market(
        self,
        facts: &SlotFacts<3>,
        setting: Setting,
        import: Option<Energy>,
        export: Option<Energy>,
    ) -> Self {
        let whole = |energy: WattHours| Some(Energy::from_watt_hours(energy.get()));
        match facts.settled {
            Some(settled) if settled.measured => Self {
                to_neighbours: whole(settled.sold),
                to_grid: whole(settled.to_utility),
                from_neighbours: whole(settled.bought),
                from_grid: whole(settled.from_utility),
                ..self
            },
            None if setting.joined.is_some_and(|joined| joined <= facts.slot) => {
                Self { open_out: export, open_in: import, ..self }
            }
            // What was not measured, or is no market's, is between the house and its utility.
            Some(_) | None => Self { to_grid: export, from_grid: import, ..self },
        }
    }

    pub fn add(&mut self, other: &Self) {
        let add = |sum: &mut Option<Energy>, more: Option<Energy>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(Energy::ZERO) + more);
            }
        };
        add(&mut self.sun, other.sun);
        add(&mut self.house, other.house);
        add(&mut self.self_use, other.self_use);
        add(&mut self.to_battery, other.to_battery);
        add(&mut self.to_neighbours, other.to_neighbours);
        add(&mut self.to_grid, other.to_grid);
        add(&mut self.open_out, other.open_out);
        add(&mut self.from_battery, other.from_battery);
        add(&mut self.from_neighbours, other.from_neighbours);
        add(&mut self.from_grid, other.from_grid);
        add(&mut self.open_in, other.open_in);
    }

    pub fn figures(&self) -> EnergyFigures {
        let whole = |energy: Option<Energy>| energy.map(Whole::from);
        EnergyFigures {
            sun_milliwatt_hours: whole(self.sun),
            house_milliwatt_hours: whole(self.house),
            self_milliwatt_hours: whole(self.self_use),
            to_battery_milliwatt_hours: whole(self.to_battery),
            to_neighbours_milliwatt_hours: whole(self.to_neighbours),
            to_grid_milliwatt_hours: whole(self.to_grid),
            open_out_milliwatt_hours: whole(self.open_out),
            from_battery_milliwatt_hours: whole(self.from_battery),
            from_neighbours_milliwatt_hours: whole(self.from_neighbours),
            from_grid_milliwatt_hours: whole(self.from_grid),
            open_in_milliwatt_hours: whole(self.open_in),
        }
    }
}

/// Returns what the house used: what came in less what went out. Missing where a meter has not told, or
/// where they contradict each other.
fn house_use(into: [Option<Energy>; 3], out: [Option<Energy>; 2]) -> Option<Energy> {
    let sum = |energies: &[Option<Energy>]| energies.iter().copied().sum::<Option<Energy>>();
    Some(sum(&into)? - sum(&out)?).filter(|used| !used.is_negative())
}

impl QualityCounts {
    pub fn count(&mut self, quality: Quality) {
        match quality {
            Quality::Measured => self.measured += 1,
            Quality::Recovered => self.recovered += 1,
            Quality::Estimated => self.estimated += 1,
            Quality::Partial => self.partial += 1,
            Quality::Missing => self.missing += 1,
        }
    }

    /// Returns how many slots the books have.
    fn known(&self) -> u32 {
        self.measured + self.recovered + self.estimated + self.partial + self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::MeterFacts;
    use units::Price;

    const BOTH: Setting = Setting { sun: true, battery: true, joined: Some(Slot::from_index(0)) };

    fn meter(import: i64, export: i64) -> Option<MeterFacts> {
        Some(MeterFacts {
            import: Some(Energy::from_milliwatt_hours(import)),
            export: Some(Energy::from_milliwatt_hours(export)),
            quality: Quality::Measured,
        })
    }

    fn facts(meters: [Option<MeterFacts>; 3]) -> SlotFacts<3> {
        SlotFacts {
            slot: Slot::from_index(1_980_000),
            local_day: "2026-06-21".parse().unwrap(),
            meters,
            settled: None,
        }
    }

    fn settled(measured: bool) -> Option<SettledFacts> {
        Some(SettledFacts {
            measured,
            price: None,
            sold: WattHours::new(3),
            bought: WattHours::ZERO,
            from_utility: WattHours::ZERO,
            to_utility: WattHours::new(1),
            retail: Price::from_micros_per_kwh(320_000),
            feed_in: Price::from_micros_per_kwh(80_000),
        })
    }

    fn mwh(energy: Option<Energy>) -> Option<i64> {
        energy.map(Energy::milliwatt_hours)
    }

    #[test]
    fn the_sun_goes_to_house_battery_and_out_and_nothing_is_lost() {
        let flows = Flows::of(&facts([meter(0, 4_500), meter(10_000, 0), meter(0, 2_000)]), BOTH);
        assert_eq!((mwh(flows.self_use), mwh(flows.to_battery)), (Some(3_500), Some(2_000)));
        assert_eq!((mwh(flows.open_out), mwh(flows.house)), (Some(4_500), Some(3_500)));
    }

    #[test]
    fn what_a_battery_takes_from_the_grid_is_no_sun_and_what_it_gives_away_is_no_self_use() {
        let night = Flows::of(&facts([meter(3_000, 0), meter(0, 0), meter(0, 2_500)]), BOTH);
        assert_eq!((mwh(night.self_use), mwh(night.house)), (Some(0), Some(500)));
        let gives = Flows::of(&facts([meter(0, 3_000), meter(1_000, 0), meter(2_500, 0)]), BOTH);
        assert_eq!((mwh(gives.self_use), mwh(gives.house)), (Some(0), Some(500)));
    }

    #[test]
    fn what_is_settled_is_shown_as_it_was_paid_for() {
        let mut facts = facts([meter(0, 4_321), meter(5_000, 0), meter(0, 0)]);
        facts.settled = settled(true);
        let flows = Flows::of(&facts, BOTH);
        assert_eq!((mwh(flows.to_neighbours), mwh(flows.to_grid)), (Some(3_000), Some(1_000)));
        assert_eq!((flows.open_out, flows.open_in), (None, None));
    }

    #[test]
    fn what_was_settled_without_the_meter_or_before_joining_is_the_grids() {
        let mut slot = facts([meter(0, 4_321), meter(5_000, 0), meter(0, 0)]);
        slot.settled = settled(false);
        assert_eq!(mwh(Flows::of(&slot, BOTH).to_grid), Some(4_321));
        slot.settled = None;
        let later = Setting { joined: Some(slot.slot.next()), ..BOTH };
        for setting in [later, Setting { joined: None, ..BOTH }] {
            let flows = Flows::of(&slot, setting);
            assert_eq!((mwh(flows.to_grid), flows.open_out), (Some(4_321), None));
        }
    }

    #[test]
    fn missing_is_missing() {
        let silent = Flows::of(&facts([None, meter(5_000, 0), None]), BOTH);
        assert_eq!(
            (mwh(silent.sun), silent.self_use, silent.house, silent.to_grid),
            (Some(5_000), None, None, None)
        );
        let without = Setting { sun: false, battery: false, joined: None };
        let flows = Flows::of(&facts([meter(300, 0), None, None]), without);
        assert_eq!((mwh(flows.house), flows.sun, flows.self_use), (Some(300), None, None));
        let contradictory = Flows::of(&facts([meter(0, 2_000), meter(1_500, 0), meter(0, 0)]), BOTH);
        assert_eq!(contradictory.house, None);
        let mut sum = Flows::default();
        sum.add(&silent);
        assert_eq!(sum, silent, "nothing added to nothing is nothing");
    }
}
