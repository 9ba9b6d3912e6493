//! One slot opened: the registers at its borders, the readings between them, and what became of it.

use std::time::Duration;

use history::{CounterEvent, HistoryError, Register, Settlement, StoredSlot};
use metering::{Method, Sample};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{Energy, LocalDay, MeterId, Slot, Timestamp};

use super::flows::{self, Bar, Flows, Setting};
use super::{EnergyBar, Instant, QualityView, Whole};
use crate::config::Role;
use crate::house::House;
use crate::view::SideView;
use crate::view::frame::Refusal;

/// How far beyond a slot's border the readings are looked for between which its register was found.
const REACH: Duration = Duration::from_secs(120);

/// A quarter hour of one reading a second; a meter that tells more is shown from the start on.
const MOST_SAMPLES: usize = 902;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EnergySlotView {
    /// The local day it belongs to.
    pub day: String,
    pub bar: EnergyBar,
    /// The slots before and after, where they are known.
    pub previous: Option<Instant>,
    pub next: Option<Instant>,
    /// Grid, roof and battery, as far as they are read.
    pub meters: Vec<MeterSlotView>,
    pub settled: Option<SettledView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MeterRoleView {
    Grid,
    Solar,
    Battery,
}

/// What one meter says of the slot. Import is what comes from the grid, out of the sun, out of the battery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct MeterSlotView {
    pub role: MeterRoleView,
    pub id: String,
    pub quality: Option<QualityView>,
    /// Whether the energy is the difference of the meter's counter; else it was added up from power.
    pub from_counter: bool,
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    pub import_start_milliwatt_hours: Option<Whole>,
    pub import_end_milliwatt_hours: Option<Whole>,
    pub export_start_milliwatt_hours: Option<Whole>,
    pub export_end_milliwatt_hours: Option<Whole>,
    pub recorded_at: Option<Instant>,
    /// How often a better figure replaced what stood here.
    pub revisions: u32,
    /// The last reading before the slot, those in it, and the first after it.
    pub samples: Vec<SampleView>,
    /// How many more there are than are shown.
    pub more_samples: u32,
    /// What the counter did in the slot where it did not simply rise.
    pub events: Vec<CounterEventView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SampleView {
    pub at: Instant,
    pub power_milliwatts: Option<Whole>,
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct CounterEventView {
    pub at: Instant,
    /// `buy` is the import counter, `sell` the export counter.
    pub side: SideView,
    /// The word of its kind, such as `reset`, `wrap`, `gap`.
    pub kind: String,
    pub before_milliwatt_hours: Option<Whole>,
    pub after_milliwatt_hours: Option<Whole>,
}

/// What the exchange made of the slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SettledView {
    pub measured: bool,
    /// More than 1 where a late reading changed it.
    pub version: u32,
    pub import_wh: Whole,
    pub export_wh: Whole,
    pub sold_wh: Whole,
    pub bought_wh: Whole,
    pub to_grid_wh: Whole,
    pub from_grid_wh: Whole,
}

/// Reads a slot that the page asks for.
pub fn readable_slot(text: &str) -> Result<Slot, Refusal> {
    text.parse().map_err(|_| Refusal {
        code: "bad_date".to_owned(),
        message: format!("\"{text}\" is not the start of a quarter hour."),
        hint: "Write it as 2026-06-01T12:15:00Z.".to_owned(),
    })
}

pub fn energy_slot(house: &House, slot: Slot) -> Result<EnergySlotView, HistoryError> {
    let day = LocalDay::containing(slot.start(), house.zone()).key();
    let setting = Setting::of(house)?;
    let mut bar = Bar::default();
    // A day around is walked, so that a slot is found under whatever local date it was booked.
    house.history.each_slot(
        flows::meters(house).each_ref().map(Option::as_ref),
        day.previous()..day.next().next(),
        |facts| {
            if facts.slot == slot {
                bar.flows.add(&Flows::of(facts, setting));
                bar.settled = facts.settled;
                if let Some(grid) = facts.meters[0] {
                    bar.quality.count(grid.quality);
                }
            }
        },
    )?;
    if bar.quality == Default::default() {
        let due = flows::due(house, &(slot..slot.next()))?;
        let counted = if due.is_empty() { &mut bar.quality.outside } else { &mut bar.quality.missing };
        *counted = 1;
    }
    let known = house.history.days_known()?;
    let ends = |slot: Slot| LocalDay::containing(slot.start(), house.zone()).key();
    let within = |slot: Slot| known.is_some_and(|(first, last)| first <= ends(slot) && ends(slot) <= last);
    let roles = [Role::Grid, Role::Solar, Role::Battery];
    let meters = roles.into_iter().zip(flows::meters(house));
    Ok(EnergySlotView {
        day: day.to_string(),
        bar: super::slot_bar(house, slot, &bar),
        previous: Some(slot.previous()).filter(|slot| within(*slot)).map(|slot| slot.start().into()),
        next: Some(slot.next())
            .filter(|slot| within(*slot) && slot.start() <= house.now())
            .map(|slot| slot.start().into()),
        meters: meters
            .filter_map(|(role, id)| id.map(|id| meter_slot(house, role, &id, slot)))
            .collect::<Result<_, _>>()?,
        settled: house.history.settlements(slot..slot.next())?.first().map(settled),
    })
}

fn meter_slot(house: &House, role: Role, id: &MeterId, slot: Slot) -> Result<MeterSlotView, HistoryError> {
    let history = &house.history;
    let stored = history.slots(id, slot..slot.next())?.pop();
    let energy = |get: fn(&StoredSlot) -> Option<Energy>| stored.as_ref().and_then(get).map(Whole::from);
    let (samples, more_samples) = samples(house, id, slot)?;
    Ok(MeterSlotView {
        role: role.into(),
        id: id.to_string(),
        quality: stored.as_ref().map(|stored| stored.energy.quality.into()),
        from_counter: stored.as_ref().is_none_or(|stored| stored.energy.method == Method::Counter),
        import_milliwatt_hours: energy(|stored| stored.energy.import),
        export_milliwatt_hours: energy(|stored| stored.energy.export),
        import_start_milliwatt_hours: energy(|stored| stored.energy.borders.import_start),
        import_end_milliwatt_hours: energy(|stored| stored.energy.borders.import_end),
        export_start_milliwatt_hours: energy(|stored| stored.energy.borders.export_start),
        export_end_milliwatt_hours: energy(|stored| stored.energy.borders.export_end),
        recorded_at: stored.as_ref().map(|stored| stored.recorded_at.into()),
        revisions: u32::try_from(history.slot_revisions(id, slot)?.len()).unwrap_or(u32::MAX),
        samples: samples.iter().map(SampleView::from).collect(),
        more_samples,
        events: history
            .counter_events(id, slot.start()..slot.end())?
            .iter()
            .map(CounterEventView::from)
            .collect(),
    })
}

/// Returns the readings of a slot with the ones next to it, and how many are left out.
fn samples(house: &House, id: &MeterId, slot: Slot) -> Result<(Vec<Sample>, u32), HistoryError> {
    let mut samples = house.history.samples(id, slot.start() - REACH..slot.end() + REACH)?;
    let inside = |at: Timestamp| slot.contains(at);
    let first = samples.iter().position(|sample| sample.at >= slot.start()).unwrap_or(samples.len());
    samples.drain(..first.saturating_sub(1));
    let after = samples.iter().position(|sample| sample.at >= slot.end()).map_or(samples.len(), |at| at + 1);
    samples.truncate(after);
    if !samples.iter().any(|sample| inside(sample.at)) {
        return Ok((Vec::new(), 0));
    }
    let more = samples.len().saturating_sub(MOST_SAMPLES);
    samples.truncate(MOST_SAMPLES);
    Ok((samples, u32::try_from(more).unwrap_or(u32::MAX)))
}

fn settled(settled: &Settlement) -> SettledView {
    SettledView {
        measured: settled.measured,
        version: settled.version,
        import_wh: settled.import.into(),
        export_wh: settled.export.into(),
        sold_wh: settled.sold.into(),
        bought_wh: settled.bought.into(),
        to_grid_wh: settled.to_utility.into(),
        from_grid_wh: settled.from_utility.into(),
    }
}

impl From<Role> for MeterRoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Grid => Self::Grid,
            Role::Solar => Self::Solar,
            Role::Battery => Self::Battery,
        }
    }
}

impl From<&Sample> for SampleView {
    fn from(sample: &Sample) -> Self {
        Self {
            at: sample.at.into(),
            power_milliwatts: sample.power.map(Whole::from),
            import_milliwatt_hours: sample.import.map(Whole::from),
            export_milliwatt_hours: sample.export.map(Whole::from),
        }
    }
}

impl From<&CounterEvent> for CounterEventView {
    fn from(event: &CounterEvent) -> Self {
        Self {
            at: event.at.into(),
            side: match event.register {
                Register::Import => SideView::Buy,
                Register::Export => SideView::Sell,
            },
            kind: event.kind.clone(),
            before_milliwatt_hours: event.before.map(Whole::from),
            after_milliwatt_hours: event.after.map(Whole::from),
        }
    }
}
