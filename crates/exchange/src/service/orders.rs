//! Placing, cancelling and listing orders.

use std::ops::Range;

use exchange_api::{
    CancelOrders, CancelRequest, Order, OrderOutcome, OrderState, OrderStatus, Problem, ProblemCode,
    Signable as _, SignedOrder, SlotState,
};
use market::Side;
use rusqlite::Connection;
use statement::{CancelBody, Domain as _};
use units::{LocalDay, MemberId, OrderId, Slot, Timestamp, WattHours};

use super::life::{first_open_slot, gate};
use super::{Failure, enrol, logged};
use crate::config::MarketConfig;
use crate::store::rows::member::MemberRow;
use crate::store::rows::order::{self, OrderRow, Seal};
use crate::store::rows::{deal, key, log, member, slot};

/// A ladder of prices in a slot takes a handful; more is a mistake or an attack.
const MAX_LIVE_IN_SLOT: usize = 32;

/// Orders with the outcome of checking their signatures, which takes longer than a transaction should.
pub(crate) type Checked = Vec<(SignedOrder, Result<(), Problem>)>;

/// Places orders, each judged alone, in their order.
pub(crate) fn place(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    orders: &Checked,
    now: Timestamp,
) -> Result<Vec<OrderOutcome>, Failure> {
    let member = member::find(db, caller)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let mut outcomes = Vec::with_capacity(orders.len());
    for (signed, signature) in orders {
        let id = signed.body.id.clone();
        let outcome = match signature {
            Err(problem) => Err(Failure::Refused(problem.clone())),
            Ok(()) => place_one(db, config, &member, signed, now),
        };
        outcomes.push(match outcome {
            Ok(outcome) => outcome,
            Err(Failure::Refused(problem)) => OrderOutcome::Refused { id, problem },
            Err(fault) => return Err(fault),
        });
    }
    Ok(outcomes)
}

fn place_one(
    db: &Connection,
    config: &MarketConfig,
    member: &MemberRow,
    signed: &SignedOrder,
    now: Timestamp,
) -> Result<OrderOutcome, Failure> {
    let new = &signed.body;
    judge_owner(config, member, new)?;
    if let Some(known) = order::find(db, &new.id)? {
        return again(db, &known, new, config);
    }
    if deal::exists(db, new.id.as_str())? {
        return Err(Problem::new(ProblemCode::IdTaken, "A deal has this id. Give the order a new id.").into());
    }
    let signer = key::find(db, &signed.key)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    if signer.revoked_at.is_some() {
        return Err(
            Problem::new(ProblemCode::RevokedKey, "The key that signed the order was revoked.").into()
        );
    }
    judge_terms(config, member)?;
    judge_content(config, member, new)?;
    judge_slot(config, new.slot, now)?;
    if slot::find(db, new.slot)?.is_some_and(|row| row.state != SlotState::Open) {
        return Err(gate_closed(config, new.slot).into());
    }
    let day = LocalDay::containing(new.slot.start(), config.zone());
    let of_day = order::of_member(db, &member.id, day.slots())?;
    judge_day(member, new, &of_day)?;
    let seal = Seal { key: &signed.key, salt: &signed.salt, signature: &signed.signature };
    order::insert(db, new, Some(&seal), now, None)?;
    let index = Some(logged::order(db, new, &signed.into())?);
    Ok(OrderOutcome::Accepted { id: new.id.clone(), accepted_at: now, index })
}

/// Answers an order whose id is known: the same content is the same order.
fn again(
    db: &Connection,
    known: &OrderRow,
    new: &Order,
    config: &MarketConfig,
) -> Result<OrderOutcome, Failure> {
    if known.to_order(&config.market) != *new {
        let detail = "An order with this id and other content exists. Give the new order a new id.";
        return Err(Problem::new(ProblemCode::IdTaken, detail).into());
    }
    if known.cancelled {
        return cancelled(db, new.id.clone());
    }
    let index = log::place_of(db, Order::DOMAIN, new.id.as_str())?;
    Ok(OrderOutcome::Accepted { id: new.id.clone(), accepted_at: known.accepted_at, index })
}

fn cancelled(db: &Connection, id: OrderId) -> Result<OrderOutcome, Failure> {
    let index = log::place_of(db, CancelBody::DOMAIN, id.as_str())?;
    Ok(OrderOutcome::Cancelled { id, index })
}

fn judge_owner(config: &MarketConfig, member: &MemberRow, order: &Order) -> Result<(), Problem> {
    if order.market != config.market {
        let detail =
            format!("This is the market \"{}\", the order is for \"{}\".", config.market, order.market);
        return Err(Problem::new(ProblemCode::WrongMarket, detail));
    }
    if order.member != member.id {
        let detail =
            format!("The order is of member \"{}\", the request of \"{}\".", order.member, member.id);
        return Err(Problem::new(ProblemCode::NotYours, detail));
    }
    if !enrol::is_order_id(order.id.as_str()) {
        let detail = "The id of an order is a UUID of version 7 in lower case.";
        return Err(Problem::new(ProblemCode::BadRequest, detail));
    }
    Ok(())
}

pub(crate) fn judge_terms(config: &MarketConfig, member: &MemberRow) -> Result<(), Problem> {
    let agreed = member.joined.as_ref().map(|joined| joined.terms_version.as_str());
    if agreed == Some(config.terms.version.as_str()) {
        return Ok(());
    }
    let detail = format!(
        "The market's terms are now version \"{}\". Nothing is traded before they are agreed to.",
        config.terms.version
    );
    Err(Problem::new(ProblemCode::TermsNotAgreed, detail))
}

fn judge_content(config: &MarketConfig, member: &MemberRow, order: &Order) -> Result<(), Problem> {
    if order.quantity <= WattHours::ZERO {
        let detail = format!("The order is over {}; at least 1 Wh can be traded.", order.quantity);
        return Err(Problem::new(ProblemCode::NoQuantity, detail));
    }
    let most = most_in_slot(member.limits.fuse_w);
    if order.quantity > most {
        let detail = format!(
            "The order is over {}; a fuse of {} W lets {most} through in a quarter hour.",
            order.quantity, member.limits.fuse_w
        );
        return Err(Problem::new(ProblemCode::BeyondFuse, detail));
    }
    let (floor, cap) = (config.floor_micros_per_kwh, config.cap_micros_per_kwh);
    if order.limit < floor || order.limit > cap {
        let currency = config.currency;
        let detail = format!(
            "The limit is {} {currency}/kWh; the market trades from {floor} to {cap} {currency}/kWh.",
            order.limit
        );
        return Err(Problem::new(ProblemCode::OutsideCapAndFloor, detail));
    }
    Ok(())
}

fn judge_slot(config: &MarketConfig, slot: Slot, now: Timestamp) -> Result<(), Problem> {
    if slot.start() <= now {
        let detail = format!("Slot {slot} began before {now}, which is market time now.");
        return Err(Problem::new(ProblemCode::PastSlot, detail));
    }
    if gate(slot, config.gate_s) <= now {
        return Err(gate_closed(config, slot));
    }
    let last = Slot::containing(now).offset(config.horizon_slots.into());
    if slot > last {
        let detail = format!("Orders are taken up to slot {last} now; {slot} is later.");
        return Err(Problem::new(ProblemCode::TooFarAhead, detail));
    }
    Ok(())
}

fn gate_closed(config: &MarketConfig, slot: Slot) -> Problem {
    let detail = format!("The gate of slot {slot} closed at {}.", gate(slot, config.gate_s));
    Problem::new(ProblemCode::GateClosed, detail)
}

/// Judges an order against the others of its local day.
fn judge_day(member: &MemberRow, new: &Order, of_day: &[OrderRow]) -> Result<(), Problem> {
    let live = || of_day.iter().filter(|order| !order.cancelled);
    if live().filter(|order| order.slot == new.slot).count() >= MAX_LIVE_IN_SLOT {
        let detail =
            format!("There are {MAX_LIVE_IN_SLOT} orders in slot {} already. Cancel some.", new.slot);
        return Err(Problem::new(ProblemCode::TooManyRequests, detail));
    }
    let open: i128 = live()
        .map(|order| {
            could_cost(order.side, order.limit.micros_per_kwh(), order.filled.unwrap_or(order.quantity))
        })
        .sum();
    let new_cost = could_cost(new.side, new.limit.micros_per_kwh(), new.quantity);
    let limit = i128::from(member.limits.exposure.nanos());
    if open + new_cost > limit {
        let money = |nanos: i128| format!("{}.{:02}", nanos / 1_000_000_000, nanos / 10_000_000 % 100);
        let detail = format!(
            "The day's orders could cost {} and this one {} more; the limit is {}.",
            money(open),
            money(new_cost),
            money(limit)
        );
        return Err(Problem::new(ProblemCode::BeyondExposure, detail));
    }
    Ok(())
}

/// Returns what an order could cost its member in nanos: a purchase, or a sale at a negative price.
fn could_cost(side: Side, limit_micros: i64, quantity: WattHours) -> i128 {
    let paid = match side {
        Side::Buy => limit_micros.max(0),
        Side::Sell => (-limit_micros).max(0),
    };
    i128::from(paid) * i128::from(quantity.get())
}

/// Returns what a fuse lets through in a slot.
pub(crate) fn most_in_slot(fuse_w: u32) -> WattHours {
    WattHours::new(i64::from(fuse_w) * units::SLOT_SECONDS / 3600)
}

pub(crate) fn cancel(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    request: &CancelRequest,
    now: Timestamp,
) -> Result<Vec<OrderOutcome>, Failure> {
    let ids = match &request.orders {
        CancelOrders::Ids(ids) => ids.clone(),
        CancelOrders::All => open_ids(db, config, caller, now)?,
    };
    ids.into_iter().map(|id| cancel_one(db, config, caller, request, id, now)).collect()
}

fn open_ids(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    now: Timestamp,
) -> Result<Vec<OrderId>, Failure> {
    let from = first_open_slot(now, config.gate_s);
    // One slot more than orders are taken for, should the clock have been set back.
    let to = Slot::containing(now).offset(i64::from(config.horizon_slots) + 2);
    let orders = order::of_member(db, caller, from..to)?;
    Ok(orders.into_iter().filter(|order| !order.cancelled).map(|order| order.id).collect())
}

fn cancel_one(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    request: &CancelRequest,
    id: OrderId,
    now: Timestamp,
) -> Result<OrderOutcome, Failure> {
    let Some(known) = order::find(db, &id)?.filter(|order| order.member == *caller) else {
        let problem = Problem::new(ProblemCode::NotFound, "None of your orders has this id.");
        return Ok(OrderOutcome::Refused { id, problem });
    };
    if known.cancelled {
        return cancelled(db, id);
    }
    let closed = slot::find(db, known.slot)?.is_some_and(|row| row.state != SlotState::Open);
    if closed || gate(known.slot, config.gate_s) <= now {
        return Ok(OrderOutcome::Bound { id });
    }
    order::cancel(db, &id, now)?;
    let index = Some(logged::cancel(db, &config.market, caller, &id, request.salt_of(&id))?);
    Ok(OrderOutcome::Cancelled { id, index })
}

pub(crate) fn list(
    db: &Connection,
    config: &MarketConfig,
    caller: &MemberId,
    slots: Range<Slot>,
) -> Result<Vec<OrderStatus>, Failure> {
    let states = slot::list(db, slots.clone())?;
    let state_of = |wanted: Slot| {
        let place = states.binary_search_by_key(&wanted, |row| row.slot).ok()?;
        Some(states[place].state)
    };
    let orders = order::of_member(db, caller, slots)?;
    Ok(orders
        .into_iter()
        .map(|row| OrderStatus {
            order: row.to_order(&config.market),
            accepted_at: row.accepted_at,
            state: state(&row, state_of(row.slot)),
            filled_wh: row.filled.unwrap_or_default(),
        })
        .collect())
}

fn state(order: &OrderRow, slot: Option<SlotState>) -> OrderState {
    match (order.cancelled, order.filled, slot) {
        (true, _, _) => OrderState::Cancelled,
        (false, Some(_), _) => OrderState::Cleared,
        (false, None, None | Some(SlotState::Open)) => OrderState::Open,
        (false, None, Some(_)) => OrderState::Bound,
    }
}
