//! Now: what the roof does, what it earns, and whether anything needs a hand.

use serde::{Deserialize, Serialize};
use specta::Type;

use std::collections::HashMap;

use history::{HistoryError, Settlement, StoredSlot};
use metering::Flows;
use units::{Energy, Power, Slot, Timestamp};

use super::{Amount, Certainty, Instant, OrderView, QualityView, Whole};
use crate::config::Role;
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::{MeterStateView, Refusal};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct NowView {
    pub at: Instant,
    pub flows: FlowsView,
    pub prices: PricesView,
    pub expected: ExpectedView,
    pub quarter: QuarterView,
    pub today: TodayView,
    /// Whether the house has a roof and a battery that are read.
    pub has_sun: bool,
    pub has_battery: bool,
}

/// Power by role in milliwatts. Import and discharge are positive; sun and house are never negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct FlowsView {
    /// When the figures were read; missing before the first sample.
    pub read_at: Option<Instant>,
    pub sun_milliwatts: Option<Whole>,
    pub house_milliwatts: Option<Whole>,
    pub battery_milliwatts: Option<Whole>,
    pub grid_milliwatts: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PricesView {
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
    /// The price at which the area cleared last, and in which slot: what "about" rests on.
    pub last_cleared_micros_per_kwh: Option<Whole>,
    pub last_cleared_slot: Option<Instant>,
}

/// A guess at who gets it, until the slot is cleared: the share that the last settled slot gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExpectedView {
    pub to_neighbours_milliwatts: Option<Whole>,
    pub from_neighbours_milliwatts: Option<Whole>,
}

/// The quarter hour that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QuarterView {
    pub slot: Instant,
    pub ends: Instant,
    /// Energy at the grid point so far.
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    /// The orders that stand for it.
    pub orders: Vec<OrderView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TodayView {
    /// One for each slot of the local day: 92, 96 or 100.
    pub bars: Vec<SlotBar>,
    /// Above feed-in, from settled slots only.
    pub earned: Amount,
    /// Below retail, from settled slots only.
    pub saved: Amount,
    pub sold_wh: Whole,
    pub bought_wh: Whole,
    pub settled_slots: Whole,
    /// Measured, not yet settled.
    pub provisional_slots: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SlotBar {
    pub slot: Instant,
    pub certainty: Certainty,
    pub quality: Option<QualityView>,
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    pub sun_milliwatt_hours: Option<Whole>,
    pub sold_wh: Option<Whole>,
    pub bought_wh: Option<Whole>,
    pub price_micros_per_kwh: Option<Whole>,
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
}

impl Home {
    /// Returns what the house does at this moment.
    pub fn now(&self) -> Result<NowView, Refusal> {
        let house = self.house()?;
        now(house).map_err(|error| history_refusal(&error))
    }
}

fn now(house: &House) -> Result<NowView, HistoryError> {
    let at = house.now();
    let last = last_cleared(house)?;
    let flows = flows(house, at);
    Ok(NowView {
        at: at.into(),
        expected: expected(flows.grid_milliwatts, last.as_ref()),
        flows,
        prices: prices(house, at, last.as_ref()),
        quarter: quarter(house, at)?,
        today: today(house, at)?,
        has_sun: house.config().has(Role::Solar),
        has_battery: house.config().has(Role::Battery),
    })
}

fn flows(house: &House, at: Timestamp) -> FlowsView {
    // The age in the status line tells how old they are; a silent meter tells nothing.
    let silent = house.meter_state_view(at) == MeterStateView::Silent;
    let live = house.live();
    let power = |role| live.last(role).filter(|_| !silent).and_then(|sample| sample.power);
    let source = |role| match house.config().has(role) {
        true => metering::Source::from(power(role)),
        false => metering::Source::NotInstalled,
    };
    let flows = Flows::of(metering::Sources {
        grid: source(Role::Grid),
        solar: source(Role::Solar),
        battery: source(Role::Battery),
    });
    let whole = |power: Option<Power>| power.map(Whole::from);
    FlowsView {
        read_at: live.last(Role::Grid).map(|sample| sample.at.into()),
        // Below zero the roof's electronics use a little: that is no production.
        sun_milliwatts: whole(power(Role::Solar).map(Power::imported)),
        house_milliwatts: whole(flows.house.filter(|_| !flows.contradictory)),
        battery_milliwatts: whole(power(Role::Battery)),
        grid_milliwatts: whole(power(Role::Grid)),
    }
}

/// Returns the newest settled slot in which the area had a price.
fn last_cleared(house: &House) -> Result<Option<Settlement>, HistoryError> {
    let running = Slot::containing(house.now());
    let recent = house.history.settlements(running.offset(-16)..running.next())?;
    Ok(recent.into_iter().rev().find(|settled| settled.price.is_some()))
}

fn prices(house: &House, at: Timestamp, last: Option<&Settlement>) -> PricesView {
    let contract = house.prices(Slot::containing(at));
    PricesView {
        retail_micros_per_kwh: contract.map(|prices| prices.retail.into()),
        feed_in_micros_per_kwh: contract.map(|prices| prices.feed_in.into()),
        last_cleared_micros_per_kwh: last.and_then(|settled| settled.price).map(Whole::from),
        last_cleared_slot: last.map(|settled| settled.slot.start().into()),
    }
}

/// Guesses from the newest cleared slot which share of what flows now is traded.
fn expected(grid: Option<Whole>, last: Option<&Settlement>) -> ExpectedView {
    let share = |power: i64, traded: i64, all: i64| {
        (all > 0).then(|| {
            Whole::new(i64::try_from(i128::from(power) * i128::from(traded) / i128::from(all)).unwrap_or(0))
        })
    };
    let (Some(grid), Some(last)) = (grid.map(Whole::get), last) else {
        return ExpectedView { to_neighbours_milliwatts: None, from_neighbours_milliwatts: None };
    };
    let to = if grid < 0 { share(-grid, last.sold.get(), last.export.get()) } else { None };
    let from = if grid > 0 { share(grid, last.bought.get(), last.import.get()) } else { None };
    ExpectedView { to_neighbours_milliwatts: to, from_neighbours_milliwatts: from }
}

fn quarter(house: &House, at: Timestamp) -> Result<QuarterView, HistoryError> {
    let slot = Slot::containing(at);
    let orders = house.history.orders(slot..slot.next())?;
    let live = house.live();
    let meter = live.meters.get(&Role::Grid);
    let start = meter.and_then(|meter| meter.quarter).filter(|quarter| quarter.slot == slot);
    let last = meter.and_then(|meter| meter.last.as_ref());
    let so_far = |from: Option<Energy>, to: Option<Energy>| Some(Whole::from(to?.checked_sub(from?)?));
    Ok(QuarterView {
        slot: slot.start().into(),
        ends: slot.end().into(),
        import_milliwatt_hours: start.zip(last).and_then(|(start, last)| so_far(start.import, last.import)),
        export_milliwatt_hours: start.zip(last).and_then(|(start, last)| so_far(start.export, last.export)),
        orders: orders.iter().filter(|stored| super::stands(stored.state)).map(OrderView::from).collect(),
    })
}

fn today(house: &House, at: Timestamp) -> Result<TodayView, HistoryError> {
    let day = house.today();
    let slots = day.slots();
    let of_meter = |role| -> Result<HashMap<Slot, StoredSlot>, HistoryError> {
        let Some(meter) = house.meter_id(role) else { return Ok(HashMap::new()) };
        let rows = house.history.slots(&meter, slots.clone())?;
        Ok(rows.into_iter().map(|row| (row.slot, row)).collect())
    };
    let (grid, solar) = (of_meter(Role::Grid)?, of_meter(Role::Solar)?);
    let settled = house.history.settlements(slots.clone())?;
    let settled: HashMap<Slot, &Settlement> = settled.iter().map(|settled| (settled.slot, settled)).collect();
    let bars: Vec<SlotBar> = Slot::range(slots)
        .map(|slot| bar(house, slot, at, grid.get(&slot), solar.get(&slot), settled.get(&slot).copied()))
        .collect();
    let totals = house.history.totals(day.key()..day.key().next())?;
    let provisional = bars.iter().filter(|bar| bar.certainty == Certainty::Provisional).count();
    Ok(TodayView {
        bars,
        earned: totals.earned().into(),
        saved: totals.saved().into(),
        sold_wh: totals.sold.into(),
        bought_wh: totals.bought.into(),
        settled_slots: Whole::new(totals.slots.into()),
        provisional_slots: Whole::new(provisional as i64),
    })
}

fn bar(
    house: &House,
    slot: Slot,
    at: Timestamp,
    grid: Option<&StoredSlot>,
    solar: Option<&StoredSlot>,
    settled: Option<&Settlement>,
) -> SlotBar {
    let contract = match settled {
        Some(settled) => Some((settled.retail, settled.feed_in)),
        None => house.prices(slot).map(|prices| (prices.retail, prices.feed_in)),
    };
    SlotBar {
        slot: slot.start().into(),
        certainty: super::certainty(house, slot, at, settled.is_some()),
        quality: grid.map(|row| QualityView::from(row.energy.quality)),
        import_milliwatt_hours: grid.and_then(|row| row.energy.import).map(Whole::from),
        export_milliwatt_hours: grid.and_then(|row| row.energy.export).map(Whole::from),
        sun_milliwatt_hours: solar.and_then(|row| row.energy.import).map(Whole::from),
        sold_wh: settled.map(|settled| settled.sold.into()),
        bought_wh: settled.map(|settled| settled.bought.into()),
        price_micros_per_kwh: settled.and_then(|settled| settled.price).map(Whole::from),
        retail_micros_per_kwh: contract.map(|(retail, _)| retail.into()),
        feed_in_micros_per_kwh: contract.map(|(_, feed_in)| feed_in.into()),
    }
}
