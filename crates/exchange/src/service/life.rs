//! The life of a slot, one step at a time.

use std::time::Duration;

use exchange_api::SlotState;
use rusqlite::Connection;
use units::{Slot, Timestamp};

use super::{Failure, governing, logged, settling};
use crate::config::MarketConfig;
use crate::store::rows::slot::{self, SlotRow};
use crate::store::rows::{member, reading};

/// Returns when a slot's gate closes.
pub(crate) fn gate(slot: Slot, gate_s: u32) -> Timestamp {
    slot.start() - Duration::from_secs(gate_s.into())
}

/// Returns the first slot whose gate is still open.
pub(crate) fn first_open_slot(now: Timestamp, gate_s: u32) -> Slot {
    Slot::containing(now + Duration::from_secs(gate_s.into())).next()
}

/// A step that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// New slots come within reach.
    Extend,
    Advance(Slot),
}

/// Returns the steps that are due, and when to look again at the latest.
pub(crate) fn due(
    db: &Connection,
    config: &MarketConfig,
    now: Timestamp,
) -> Result<(Vec<Step>, Timestamp), Failure> {
    let mut steps = Vec::new();
    let mut next = Slot::containing(now).end();
    if !missing(db, config, now)?.is_empty() {
        steps.push(Step::Extend);
    }
    for row in slot::unsettled(db)? {
        match when(db, config, &row)? {
            Some(time) if time <= now => steps.push(Step::Advance(row.slot)),
            Some(time) => next = next.min(time),
            None => {}
        }
        // Slots are sorted: one that is open and not due has only open ones after it.
        if row.state == SlotState::Open && gate(row.slot, config.gate_s) > now {
            break;
        }
    }
    if let Some(row) = slot::oldest_not_final(db)? {
        let time = final_at(row.slot, config.final_after_s);
        if time <= now { steps.push(Step::Advance(row.slot)) } else { next = next.min(time) }
    }
    Ok((steps, next))
}

/// Takes a step, if it is still due. Each is one transaction.
pub(crate) fn take(
    db: &Connection,
    config: &MarketConfig,
    step: Step,
    now: Timestamp,
) -> Result<(), Failure> {
    match step {
        Step::Extend => {
            for slot in missing(db, config, now)? {
                slot::insert(db, slot, now)?;
            }
            Ok(())
        }
        Step::Advance(slot) => match slot::find(db, slot)? {
            Some(row) => advance(db, config, row, now),
            None => Ok(()),
        },
    }
}

/// Returns the slots up to the horizon that have no row yet, from the first that has a member.
fn missing(db: &Connection, config: &MarketConfig, now: Timestamp) -> Result<Vec<Slot>, Failure> {
    let Some(first) = member::first_slot(db)? else { return Ok(Vec::new()) };
    let from = slot::newest(db)?.map_or(first, |newest| newest.next().max(first));
    let to = Slot::containing(now).offset(i64::from(config.horizon_slots) + 1);
    Ok(Slot::range(from..to).collect())
}

fn advance(db: &Connection, config: &MarketConfig, row: SlotRow, now: Timestamp) -> Result<(), Failure> {
    let is_due = match row.state {
        SlotState::Settled | SlotState::Adjusted => final_at(row.slot, config.final_after_s) <= now,
        _ => when(db, config, &row)?.is_some_and(|time| time <= now),
    };
    if !is_due {
        return Ok(());
    }
    let next = match row.state {
        SlotState::Open => SlotState::GateClosed,
        SlotState::GateClosed => SlotState::Delivered,
        SlotState::Delivered => SlotState::ReadingsClosed,
        SlotState::ReadingsClosed | SlotState::Cleared => return settling::settle(db, row.slot, now),
        SlotState::Settled | SlotState::Adjusted => SlotState::Final,
        SlotState::Final => return Ok(()),
    };
    tracing::debug!(slot = %row.slot, state = ?next, "slot moved on");
    slot::enter(db, row.slot, next, now)?;
    logged::step(db, &config.market, row.slot, next, now)
}

/// Returns when the next step of an unsettled slot is due; the past where it is due for its own sake.
fn when(db: &Connection, config: &MarketConfig, row: &SlotRow) -> Result<Option<Timestamp>, Failure> {
    let slot = row.slot;
    Ok(match row.state {
        SlotState::Open => Some(gate(slot, config.gate_s)),
        SlotState::GateClosed => Some(slot.end()),
        SlotState::Delivered if reading::complete(db, slot)? => Some(slot.end()),
        SlotState::Delivered => Some(slot.end() + Duration::from_secs(config.readings_close_s.into())),
        SlotState::ReadingsClosed | SlotState::Cleared => Some(slot.end()),
        SlotState::Settled | SlotState::Adjusted | SlotState::Final => None,
    })
}

pub(crate) fn final_at(slot: Slot, final_after_s: u32) -> Timestamp {
    slot.end() + Duration::from_secs(final_after_s.into())
}

/// Records a configuration that differs from the newest one, from the first open slot on.
pub(crate) fn record_config(
    db: &Connection,
    config: &MarketConfig,
    metering_key: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    use crate::store::rows::config as versions;
    // How fast a simulated street's clock runs is no rule of its market.
    let toml = MarketConfig { scale: None, ..config.clone() }.to_toml();
    let from = match versions::latest(db)? {
        Some(latest) if latest.toml == toml && latest.metering_key.as_deref() == Some(metering_key) => {
            return Ok(());
        }
        Some(latest) => first_open_slot(now, config.gate_s).max(latest.from),
        // Before everything, an imported past included.
        None => Slot::from_index(0),
    };
    for row in member::all(db)? {
        if !config.areas.iter().any(|area| area.id == row.area) {
            return super::refuse(
                exchange_api::ProblemCode::BadRequest,
                format!("market.toml has no area \"{}\", in which member \"{}\" lives.", row.area, row.id),
            );
        }
    }
    if let Ok((_, governing)) = governing(db, from)
        && governing.market != config.market
    {
        return super::refuse(
            exchange_api::ProblemCode::WrongMarket,
            format!("market.toml names \"{}\", the database is of \"{}\".", config.market, governing.market),
        );
    }
    let recorded = versions::insert(db, from, now, &toml, metering_key)?;
    logged::config_version(db, &recorded, config)?;
    tracing::info!(version = recorded.version, %from, "configuration recorded");
    Ok(())
}
