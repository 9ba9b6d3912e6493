//! Energy: a day, a week, a month, a year or all of it by role, down to the slot and its readings.
//!
//! Every figure of every level is the sum of the same slots, walked once: see [`flows`].

mod flows;
mod period;
mod slot;

use history::HistoryError;
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{DayKey, Slot, Timestamp, Zone};

use self::flows::Walk;
use self::period::Period;
use super::{Certainty, Instant, QualityView, Whole};
use crate::config::Role;
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

pub use self::period::{PeriodView, StepView};
pub use self::slot::{
    CounterEventView, EnergySlotView, MeterRoleView, MeterSlotView, SampleView, SettledView,
};

/// Which period, and a day in it, `2026-06-18`; today's where the day is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EnergyAsk {
    pub period: PeriodView,
    pub day: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EnergyView {
    pub period: PeriodView,
    /// What one bar is.
    pub step: StepView,
    /// The first local day of the period, and the first one after it.
    pub from: String,
    pub to: String,
    /// A day of the period before and of the one after, where there is something to see.
    pub previous: Option<String>,
    pub next: Option<String>,
    pub today: String,
    /// The first local day that anything is known of.
    pub first_day: Option<String>,
    pub bars: Vec<EnergyBar>,
    /// The sum of the bars.
    pub totals: EnergyFigures,
    pub quality: QualityCounts,
    /// Stretches that were not measured, the longest first, at most five.
    pub gaps: Vec<GapView>,
    pub more_gaps: Whole,
    pub has_sun: bool,
    pub has_battery: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EnergyBar {
    /// The slot's instant, or `2026-06-18`, `2026-06`, `2026`.
    pub key: String,
    /// When it begins and ends by the clock on the wall.
    pub starts: LocalTime,
    pub ends: LocalTime,
    pub figures: EnergyFigures,
    pub quality: QualityCounts,
    /// Of a slot alone.
    pub certainty: Option<Certainty>,
    pub price_micros_per_kwh: Option<Whole>,
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
}

/// An instant as RFC 3339 with the offset of the home's zone: it tells the two hours apart that a clock
/// shows twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct LocalTime(String);

/// Energy by role in milliwatt-hours. What no slot tells is missing, never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EnergyFigures {
    pub sun_milliwatt_hours: Option<Whole>,
    pub house_milliwatt_hours: Option<Whole>,
    /// Of the sun, used in the house at once.
    pub self_milliwatt_hours: Option<Whole>,
    pub to_battery_milliwatt_hours: Option<Whole>,
    pub to_neighbours_milliwatt_hours: Option<Whole>,
    pub to_grid_milliwatt_hours: Option<Whole>,
    /// Went out and is not settled yet: who gets it is not known.
    pub open_out_milliwatt_hours: Option<Whole>,
    pub from_battery_milliwatt_hours: Option<Whole>,
    pub from_neighbours_milliwatt_hours: Option<Whole>,
    pub from_grid_milliwatt_hours: Option<Whole>,
    /// Came in and is not settled yet.
    pub open_in_milliwatt_hours: Option<Whole>,
}

/// How many quarter hours are of which quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QualityCounts {
    pub measured: u32,
    pub recovered: u32,
    pub estimated: u32,
    pub partial: u32,
    /// Nothing is known, although the meter was set up.
    pub missing: u32,
    /// Still ahead, or before the first reading.
    pub outside: u32,
}

/// A stretch of one quality that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct GapView {
    pub from: Instant,
    pub to: Instant,
    pub slots: u32,
    pub quality: QualityView,
}

impl Home {
    /// Returns a period of the household's energy.
    pub fn energy(&self, ask: &EnergyAsk) -> Result<EnergyView, Refusal> {
        let house = self.house()?;
        let day = match &ask.day {
            Some(day) => period::readable_day(day)?,
            None => house.today().key(),
        };
        energy(house, ask.period, day).map_err(|error| history_refusal(&error))
    }

    /// Opens one slot: what it came from, down to the readings of the meters.
    pub fn energy_slot(&self, slot: &str) -> Result<EnergySlotView, Refusal> {
        let house = self.house()?;
        let slot = slot::readable_slot(slot)?;
        slot::energy_slot(house, slot).map_err(|error| history_refusal(&error))
    }
}

pub(crate) fn energy(house: &House, kind: PeriodView, day: DayKey) -> Result<EnergyView, HistoryError> {
    let known = house.history.days_known()?;
    let today = house.today().key();
    let period = Period::around(kind, day, known, today);
    let walk = Walk::through(house, &period)?;
    let first = known.map(|(first, _)| first);
    let last = known.map_or(today, |(_, last)| last.max(today));
    let bars: Vec<EnergyBar> = match period.step {
        StepView::Slot => Slot::range(period.slots(house.zone()))
            .zip(&walk.bars)
            .map(|(slot, bar)| slot_bar(house, slot, bar))
            .collect(),
        _ => period
            .steps()
            .zip(&walk.bars)
            .map(|(step, bar)| step_bar(house.zone(), period.step, step, bar))
            .collect(),
    };
    let (gaps, more_gaps) = walk.longest_gaps();
    Ok(EnergyView {
        period: period.kind,
        step: period.step,
        from: period.days.start.to_string(),
        to: period.days.end.to_string(),
        previous: period.previous(first).map(|day| day.to_string()),
        next: period.next(last).map(|day| day.to_string()),
        today: today.to_string(),
        first_day: first.map(|day| day.to_string()),
        totals: walk.totals().figures(),
        quality: walk.quality(),
        bars,
        gaps,
        more_gaps: Whole::new(more_gaps as i64),
        has_sun: house.config().has(Role::Solar),
        has_battery: house.config().has(Role::Battery),
    })
}

fn slot_bar(house: &House, slot: Slot, bar: &flows::Bar) -> EnergyBar {
    let settled = bar.settled;
    let contract = match settled {
        Some(settled) => Some((settled.retail, settled.feed_in)),
        None => house.prices(slot).map(|prices| (prices.retail, prices.feed_in)),
    };
    let zone = house.zone();
    EnergyBar {
        key: slot.to_string(),
        starts: LocalTime::of(slot.start(), zone),
        ends: LocalTime::of(slot.end(), zone),
        figures: bar.flows.figures(),
        quality: bar.quality,
        certainty: Some(super::certainty(house, slot, house.now(), settled.is_some())),
        price_micros_per_kwh: settled.and_then(|settled| settled.price).map(Whole::from),
        retail_micros_per_kwh: contract.map(|(retail, _)| retail.into()),
        feed_in_micros_per_kwh: contract.map(|(_, feed_in)| feed_in.into()),
    }
}

fn step_bar(zone: Zone, step: StepView, days: std::ops::Range<DayKey>, bar: &flows::Bar) -> EnergyBar {
    let start = |day| units::LocalDay::new(day, zone).start();
    EnergyBar {
        key: period::name(step, days.start),
        starts: LocalTime::of(start(days.start), zone),
        ends: LocalTime::of(start(days.end), zone),
        figures: bar.flows.figures(),
        quality: bar.quality,
        certainty: None,
        price_micros_per_kwh: None,
        retail_micros_per_kwh: None,
        feed_in_micros_per_kwh: None,
    }
}

impl LocalTime {
    fn of(time: Timestamp, zone: Zone) -> Self {
        Self(time.to_chrono().with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, false))
    }
}
