//! The household's own past, laid out for rules to be tried on.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use history::{History, HistoryError};
use pricing::SlotPrices;
use rules::{Equipment, Outlook, Past, PastHome, PastSlot};
use units::{DayKey, LocalDay, Percent, Price, Slot};

use crate::config::{HomeConfig, Role};
use crate::house::stored_market;
use crate::outlook::{Counted, battery_levels, foretold_surplus};
use crate::price_book::PriceBook;

/// A battery's level is followed so many days before the past begins.
const FOLLOWED_DAYS: u64 = 7;

/// Reads local days, half-open: what the grid meter counted, what the contract said and what cleared in the
/// household's area. A settled slot speaks for itself, with the prices that it was settled at; one that is not
/// settled takes part as far as it is known.
pub fn past(config: &HomeConfig, history: &History, days: Range<DayKey>) -> Result<Past, HistoryError> {
    let zone = config.zone();
    let first = |day| LocalDay::new(day, zone).slots().start;
    let range = first(days.start)..first(days.end);
    let market = stored_market(history)?;
    let home = PastHome {
        zone,
        fuse: config.fuse(),
        equipment: equipment(config),
        operator_fee: market.map_or(Price::default(), |market| market.rules.operator_fee_micros_per_kwh),
    };
    let mut slots = measured(config, history, range.clone())?;
    cleared(history, range.clone(), &mut slots)?;
    for settled in history.settlements(range)? {
        let contract = SlotPrices { retail: settled.retail, feed_in: settled.feed_in };
        let past = slots.entry(settled.slot).or_insert_with(|| unknown(settled.slot));
        past.contract = Some(contract);
        past.area_price = settled.price;
        past.energy = settled.measured.then_some((settled.import, settled.export));
    }
    Ok(Past::new(home, slots.into_values().collect()))
}

/// Returns what the household has on its side of the meter.
pub(crate) fn equipment(config: &HomeConfig) -> Equipment {
    Equipment {
        can_sell: config.has(Role::Solar) || config.has(Role::Battery),
        can_buy: config.has(Role::Grid),
    }
}

fn measured(
    config: &HomeConfig,
    history: &History,
    range: Range<Slot>,
) -> Result<HashMap<Slot, PastSlot>, HistoryError> {
    let Some(meter) = config.meter_of(Role::Grid) else {
        return Ok(HashMap::new());
    };
    let book = PriceBook::read(config, history, range.clone())?;
    let zone = config.zone();
    let ahead = foretold_surplus(history, zone, config.has(Role::Solar), range.clone())?;
    let levels = past_levels(config, history, range.clone())?;
    let rows = history.slots(&meter.id, range)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let contract = book.prices(row.slot).ok();
            let energy = row.energy.market_wh();
            let outlook = Outlook {
                surplus_ahead: ahead.get(&row.slot).copied(),
                battery: levels.get(&row.slot).copied(),
                // A past is decided once a slot.
                stands: false,
            };
            (row.slot, PastSlot { energy, contract, outlook, ..unknown(row.slot) })
        })
        .collect())
}

/// Returns how full the battery was at the beginning of each slot, where that is known.
fn past_levels(
    config: &HomeConfig,
    history: &History,
    range: Range<Slot>,
) -> Result<BTreeMap<Slot, Percent>, HistoryError> {
    if config.battery.is_none() {
        return Ok(BTreeMap::new());
    }
    let day = |slot: Slot| LocalDay::containing(slot.start(), config.zone()).key();
    let before = DayKey::new(day(range.start).date() - chrono::Days::new(FOLLOWED_DAYS));
    let counted = Counted::read(config, history, before..day(range.end).next())?;
    Ok(battery_levels(config, &counted))
}

fn cleared(
    history: &History,
    range: Range<Slot>,
    slots: &mut HashMap<Slot, PastSlot>,
) -> Result<(), HistoryError> {
    let Some(membership) = history.membership()? else { return Ok(()) };
    for cleared in history.area_prices(range)? {
        if cleared.area == membership.area
            && let Some(past) = slots.get_mut(&cleared.slot)
        {
            past.area_price = cleared.price;
        }
    }
    Ok(())
}

fn unknown(slot: Slot) -> PastSlot {
    PastSlot { slot, energy: None, contract: None, area_price: None, outlook: Outlook::default() }
}
