//! Decides for the slots ahead and keeps the orders in step with the decisions.

use std::sync::Arc;
use std::time::Duration;

use exchange_api::{Commitment, Order, Signed, new_order_id, new_salt};
use history::{HistoryError, Membership, OrderSelection, OrderState, OutgoingOrder, StoredOrder};
use rules::{Decision, Side, Verdict};
use tokio_util::sync::CancellationToken;
use units::{LocalDay, Price, Slot, Timestamp, WattHours};

use super::situations::{Situations, is_open};
use crate::convert::{self, market_side};
use crate::house::{House, ViewName};

/// Orders stand for this many slots ahead: an hour without contact costs nothing.
const LOOKAHEAD: i64 = 4;

/// How long before its gate an order must be ready, so that it can still arrive.
const BEFORE_GATE: Duration = Duration::from_secs(20);

/// Decides at each slot, and whenever rules, meter, membership or the owner's hand give reason.
pub async fn run(house: Arc<House>, stop: CancellationToken) {
    loop {
        if let Err(error) = house.blocking(decide_ahead).await {
            tracing::error!(%error, "the next slots could not be decided");
        }
        let next = Slot::containing(house.now()).next().start();
        tokio::select! {
            () = house.wake.trader.notified() => {}
            goes_on = super::sleep_until(&house, next, &stop) => if !goes_on { break },
        }
        if stop.is_cancelled() {
            break;
        }
    }
}

/// Decides for both sides of the slots ahead whose gates are open.
pub fn decide_ahead(house: &House) -> Result<(), HistoryError> {
    let now = house.now();
    let Some(membership) = house.membership()? else { return Ok(()) };
    let Some(rules) = house.market_rules() else { return Ok(()) };
    let gate = Duration::from_secs(rules.gate_s.into());
    let running = Slot::containing(now);
    let range = running.next()..running.offset(1 + LOOKAHEAD);
    let slots: Vec<Slot> =
        Slot::range(range.clone()).filter(|slot| now + BEFORE_GATE < slot.start() - gate).collect();
    let book = house.rules();
    let orders = house.history.orders(range)?;
    let mut decisions = Vec::new();
    let mut plan = Plan::default();
    let mut exposure = Exposure::of(house, &membership)?;
    let mut situations = Situations::read(house, &orders)?;
    for slot in slots {
        for side in [Side::Sell, Side::Buy] {
            let situation = situations.of(slot, side)?;
            let decision = rules::decide(&book, &situation, side);
            decisions.push(convert::decision(&decision, now));
            keep_in_step(&decision, &orders, &mut exposure, &mut plan);
        }
    }
    house.history.record_decisions(&decisions)?;
    carry_out(house, &membership, plan, gate, now)?;
    house.changed(ViewName::Rules);
    house.changed(ViewName::Market);
    Ok(())
}

/// What is to be done at the exchange.
#[derive(Default)]
struct Plan {
    place: Vec<(Slot, Side, WattHours, Price)>,
    cancel: Vec<units::OrderId>,
}

/// Compares a decision with the orders that stand for its slot and side.
fn keep_in_step(decision: &Decision, orders: &[StoredOrder], exposure: &mut Exposure, plan: &mut Plan) {
    // What the owner placed by hand is the owner's to take back.
    let of_side = |stored: &&StoredOrder| {
        !stored.order.by_owner
            && stored.order.slot == decision.slot
            && stored.order.side == market_side(decision.side)
    };
    let standing = orders.iter().filter(of_side).filter(|stored| is_open(stored.state));
    let wanted = match (decision.verdict, decision.quantity, decision.limit) {
        (Verdict::Offer | Verdict::Bid, Some(quantity), Some(limit)) => Some((quantity, limit)),
        _ => None,
    };
    let mut kept = false;
    for stored in standing {
        // A quantity within the wish is left alone: replacing it would only cost the exchange work.
        let fits = wanted.is_some_and(|(quantity, limit)| {
            stored.order.limit == limit && stored.order.quantity <= quantity && !kept
        });
        if fits {
            kept = true;
        } else {
            exposure.release(stored);
            plan.cancel.push(stored.order.id.clone());
        }
    }
    let Some((quantity, limit)) = wanted.filter(|_| !kept) else { return };
    // What the exchange refused once it would refuse again; the owner is shown why.
    let refused = orders.iter().filter(of_side).any(|stored| {
        stored.state == OrderState::Refused
            && (stored.order.quantity, stored.order.limit) == (quantity, limit)
    });
    let quantity = exposure.bound(decision.slot, quantity, limit);
    if !refused && quantity > WattHours::ZERO {
        plan.place.push((decision.slot, decision.side, quantity, limit));
    }
}

fn carry_out(
    house: &House,
    membership: &Membership,
    plan: Plan,
    gate: Duration,
    now: Timestamp,
) -> Result<(), HistoryError> {
    if !plan.cancel.is_empty() {
        house.history.cancel_orders(OrderSelection::Ids(plan.cancel), now)?;
        house.wake.courier.notify_one();
    }
    let Some(key) = &house.key else { return Ok(()) };
    let mut outgoing = Vec::new();
    for (slot, side, quantity, limit) in plan.place {
        let order = Order {
            id: new_order_id(),
            market: membership.market.clone(),
            member: membership.member.clone(),
            slot,
            side: market_side(side),
            quantity,
            limit,
            commitment: Commitment::Metered,
        };
        let signed = new_salt().map(|salt| Signed::sign(order, key, salt));
        let Ok(Ok(Signed { body, key, salt, signature })) = signed else {
            tracing::error!(%slot, "an order could not be signed");
            continue;
        };
        outgoing.push(OutgoingOrder {
            id: body.id,
            market: body.market,
            member: body.member,
            slot,
            side: body.side,
            quantity,
            limit,
            key,
            salt,
            signature,
            gate: slot.start() - gate,
            queued_at: now,
            by_owner: false,
        });
    }
    if !outgoing.is_empty() {
        house.history.queue_orders(&outgoing)?;
        house.wake.courier.notify_one();
    }
    Ok(())
}

/// What the household may still promise in each of the market's days.
struct Exposure {
    limit: i128,
    zone: units::Zone,
    open: std::collections::HashMap<units::DayKey, i128>,
}

impl Exposure {
    fn of(house: &House, membership: &Membership) -> Result<Self, HistoryError> {
        let zone =
            house.market().and_then(|market| units::zone(&market.zone).ok()).unwrap_or_else(|| house.zone());
        let mut exposure = Self { limit: membership.exposure.nanos().into(), zone, open: Default::default() };
        let today = LocalDay::containing(house.now(), zone);
        for stored in house.history.orders(today.slots().start..today.next().slots().end)? {
            if is_open(stored.state) || matches!(stored.state, OrderState::Bound | OrderState::Cancelling) {
                *exposure.open.entry(exposure.day(stored.order.slot)).or_default() +=
                    amount(stored.order.quantity, stored.order.limit);
            }
        }
        Ok(exposure)
    }

    fn day(&self, slot: Slot) -> units::DayKey {
        LocalDay::containing(slot.start(), self.zone).key()
    }

    fn release(&mut self, stored: &StoredOrder) {
        let day = self.day(stored.order.slot);
        *self.open.entry(day).or_default() -= amount(stored.order.quantity, stored.order.limit);
    }

    /// Returns as much of a quantity as the limit of the day still bears, and takes it up.
    fn bound(&mut self, slot: Slot, quantity: WattHours, limit: Price) -> WattHours {
        let day = self.day(slot);
        let open = self.open.entry(day).or_default();
        let per_watt_hour = i128::from(limit.abs().micros_per_kwh());
        let left = (self.limit - *open).max(0);
        let most = if per_watt_hour == 0 { i128::from(quantity.get()) } else { left / per_watt_hour };
        let bound = WattHours::new(i64::try_from(most).unwrap_or(i64::MAX).min(quantity.get()));
        *open += amount(bound, limit);
        bound
    }
}

fn amount(quantity: WattHours, limit: Price) -> i128 {
    quantity.at_wide(limit.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposure_bounds_what_is_offered_in_a_day() {
        let zone = units::zone("Europe/Berlin").unwrap();
        let price = Price::from_micros_per_kwh(250_000);
        // 1 EUR at 0.25 EUR/kWh is 4 kWh.
        let mut exposure = Exposure { limit: 1_000_000_000, zone, open: Default::default() };
        let slot: Slot = "2026-06-01T12:00:00Z".parse().unwrap();
        assert_eq!(exposure.bound(slot, WattHours::new(2750), price), WattHours::new(2750));
        assert_eq!(exposure.bound(slot.next(), WattHours::new(2750), price), WattHours::new(1250));
        assert_eq!(exposure.bound(slot.offset(2), WattHours::new(2750), price), WattHours::ZERO);
        let tomorrow: Slot = "2026-06-02T12:00:00Z".parse().unwrap();
        assert_eq!(exposure.bound(tomorrow, WattHours::new(2750), price), WattHours::new(2750));
    }
}
