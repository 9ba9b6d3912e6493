//! Orders this household signed, and how far each got. Those still waiting are the outbox.
//!
//! An order is queued before it is sent, so that nothing that was sent is ever unknown here; it carries
//! its id, so that sending it twice is sending it once.

use std::ops::Range;

use market::Side;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{KeyId, MarketId, MemberId, OrderId, Price, Slot, Timestamp, WattHours};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row::{self, worded};
use crate::writer::Durability;

/// A signed order as it goes to the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingOrder {
    pub id: OrderId,
    pub market: MarketId,
    pub member: MemberId,
    pub slot: Slot,
    pub side: Side,
    pub quantity: WattHours,
    pub limit: Price,
    pub key: KeyId,
    pub salt: String,
    pub signature: String,
    /// When its gate closes: from then on it can neither be placed nor cancelled.
    pub gate: Timestamp,
    pub queued_at: Timestamp,
}

worded!(
    /// How far an order got.
    OrderState {
        /// Not sent yet.
        Waiting = "waiting",
        /// Sent; no answer yet. It may have arrived.
        Sent = "sent",
        /// The exchange has it; it can still be cancelled.
        Accepted = "accepted",
        Refused = "refused",
        /// Its gate closed before it could be sent.
        Missed = "missed",
        /// Shall be cancelled; the exchange has not confirmed it.
        Cancelling = "cancelling",
        Cancelled = "cancelled",
        /// Its gate has closed: it stands.
        Bound = "bound",
        /// Its slot is cleared; `filled` is what it got.
        Cleared = "cleared",
    }
);

/// Why the exchange said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemNote {
    pub code: String,
    pub detail: String,
}

/// An order with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrder {
    pub order: OutgoingOrder,
    pub state: OrderState,
    pub problem: Option<ProblemNote>,
    pub filled: WattHours,
    pub sent_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub changed_at: Timestamp,
}

/// What has become known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderChange {
    Sent,
    Accepted { accepted_at: Timestamp },
    Refused(ProblemNote),
    Missed,
    Cancelled,
    Bound,
    Cleared { filled: WattHours },
}

/// Which open orders shall be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSelection {
    All,
    Ids(Vec<OrderId>),
}

/// What wanting to cancel came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelStarted {
    /// Never sent, so nothing more is to do.
    pub cancelled: Vec<OrderId>,
    /// Sent or accepted: the exchange must be told.
    pub cancelling: Vec<OrderId>,
    /// Too late: the gate has closed.
    pub bound: Vec<OrderId>,
}

/// What closing gates did to orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatesPassed {
    pub missed: Vec<OrderId>,
    pub bound: Vec<OrderId>,
}

impl OrderState {
    /// Tells whether an order can come from this state to another by what is told of it.
    ///
    /// Answers may overtake each other: an acceptance that comes after the owner wanted to cancel must
    /// not bring the order back to life here.
    const fn can_become(self, next: Self) -> bool {
        use OrderState::{Accepted, Bound, Cancelled, Cancelling, Cleared, Missed, Refused, Sent, Waiting};
        match self {
            Waiting => !matches!(next, Waiting),
            Sent => !matches!(next, Waiting | Sent),
            Accepted => matches!(next, Cancelling | Cancelled | Bound | Cleared),
            Cancelling => matches!(next, Cancelled | Refused | Bound | Cleared),
            Bound => matches!(next, Cleared),
            // An adjustment may change what an order got, never that its slot is cleared.
            Cleared => matches!(next, Cleared),
            // The exchange cleared what this household thought it never sent: after a restored
            // snapshot, or a power cut between sending and noting it.
            Missed | Cancelled => matches!(next, Cleared),
            Refused => false,
        }
    }
}

impl OrderChange {
    const fn state(&self) -> OrderState {
        match self {
            Self::Sent => OrderState::Sent,
            Self::Accepted { .. } => OrderState::Accepted,
            Self::Refused(_) => OrderState::Refused,
            Self::Missed => OrderState::Missed,
            Self::Cancelled => OrderState::Cancelled,
            Self::Bound => OrderState::Bound,
            Self::Cleared { .. } => OrderState::Cleared,
        }
    }
}

impl History {
    /// Queues a signed order, durably; see [`Self::queue_orders`].
    pub fn queue_order(&self, order: &OutgoingOrder) -> Result<(), HistoryError> {
        self.queue_orders(std::slice::from_ref(order))
    }

    /// Queues signed orders in one durable commit. The same order twice is one order; the same id with
    /// other content is an error, and then none is queued.
    pub fn queue_orders(&self, orders: &[OutgoingOrder]) -> Result<(), HistoryError> {
        let orders = orders.to_vec();
        self.write("queueing orders in", Durability::OnDisk, move |connection| {
            orders.iter().try_for_each(|order| queue(connection, order))
        })
    }

    /// Returns the orders to be sent, those sent without an answer among them, oldest first: their gates
    /// are open.
    pub fn waiting_orders(&self, now: Timestamp) -> Result<Vec<StoredOrder>, HistoryError> {
        self.select_orders(
            "select * from orders where state in ('waiting', 'sent') and gate_at_ms > ?1
             order by queued_at_ms, id",
            [now.millis()],
        )
    }

    /// Returns the orders whose cancellation the exchange has not confirmed, whatever their gates.
    pub fn cancelling_orders(&self) -> Result<Vec<StoredOrder>, HistoryError> {
        self.select_orders("select * from orders where state = 'cancelling' order by slot_index, id", [])
    }

    /// Returns the orders that were sent, got no answer, and whose gates have closed: the exchange must
    /// be asked what it has.
    pub fn orders_in_doubt(&self, now: Timestamp) -> Result<Vec<StoredOrder>, HistoryError> {
        self.select_orders(
            "select * from orders where state = 'sent' and gate_at_ms <= ?1 order by slot_index, id",
            [now.millis()],
        )
    }

    /// Returns the orders that are neither bound nor at an end, by slot.
    pub fn open_orders(&self) -> Result<Vec<StoredOrder>, HistoryError> {
        self.select_orders(
            "select * from orders where state in ('waiting', 'sent', 'accepted', 'cancelling')
             order by slot_index, side, id",
            [],
        )
    }

    /// Returns the orders for a range of slots, half-open, by slot.
    pub fn orders(&self, range: Range<Slot>) -> Result<Vec<StoredOrder>, HistoryError> {
        self.select_orders(
            "select * from orders where slot_index >= ?1 and slot_index < ?2
             order by slot_index, side, queued_at_ms, id",
            [range.start.index(), range.end.index()],
        )
    }

    pub fn order(&self, id: &OrderId) -> Result<Option<StoredOrder>, HistoryError> {
        self.read("reading an order from", |connection| Ok(find(connection, id)?))
    }

    /// Notes what has become known of an order, durably; see [`Self::mark_orders`].
    pub fn mark_order(
        &self,
        id: &OrderId,
        change: OrderChange,
        now: Timestamp,
    ) -> Result<OrderState, HistoryError> {
        let states = self.mark_orders(vec![(id.clone(), change)], now)?;
        Ok(states[0])
    }

    /// Notes what has become known of orders in one durable commit; returns the state each is in then.
    ///
    /// What contradicts a later state (an acceptance after the wish to cancel) changes nothing.
    pub fn mark_orders(
        &self,
        changes: Vec<(OrderId, OrderChange)>,
        now: Timestamp,
    ) -> Result<Vec<OrderState>, HistoryError> {
        self.write("marking orders in", Durability::OnDisk, move |connection| {
            changes.iter().map(|(id, change)| mark(connection, id, change, now)).collect()
        })
    }

    /// Notes that open orders shall be cancelled, durably. Works without the exchange: what was never
    /// sent is cancelled at once, and the answer says what the exchange must be told.
    pub fn cancel_orders(
        &self,
        selection: OrderSelection,
        now: Timestamp,
    ) -> Result<CancelStarted, HistoryError> {
        self.write("cancelling orders in", Durability::OnDisk, move |connection| {
            start_cancelling(connection, &selection, now)
        })
    }

    /// Notes that gates have closed: what still waits is missed, what was accepted is bound.
    ///
    /// What was sent without an answer stays, see [`Self::orders_in_doubt`].
    pub fn pass_gates(&self, now: Timestamp) -> Result<GatesPassed, HistoryError> {
        let due = self.select_orders(
            "select * from orders where state in ('waiting', 'accepted') and gate_at_ms <= ?1
             order by slot_index, id",
            [now.millis()],
        )?;
        // Asked often, seldom due: then nothing is written and nothing synced.
        if due.is_empty() {
            return Ok(GatesPassed::default());
        }
        self.write("passing gates in", Durability::OnDisk, move |connection| {
            let mut passed = GatesPassed::default();
            for order in due {
                let id = order.order.id;
                let change = match order.state {
                    OrderState::Waiting => OrderChange::Missed,
                    _ => OrderChange::Bound,
                };
                // Another thread may have marked it since it was read: its word stands.
                match mark(connection, &id, &change, now)? {
                    OrderState::Missed => passed.missed.push(id),
                    OrderState::Bound => passed.bound.push(id),
                    _ => {}
                }
            }
            Ok(passed)
        })
    }

    fn select_orders<const N: usize>(
        &self,
        sql: &str,
        values: [i64; N],
    ) -> Result<Vec<StoredOrder>, HistoryError> {
        self.read("reading orders from", |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map(rusqlite::params_from_iter(values), stored)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn queue(connection: &Connection, order: &OutgoingOrder) -> Result<(), HistoryError> {
    if let Some(present) = find(connection, &order.id)? {
        let same = OutgoingOrder { queued_at: order.queued_at, ..present.order } == *order;
        let contradiction = || HistoryError::Contradiction {
            subject: format!("order {}", order.id),
            detail: "an order id belongs to one order for ever".to_owned(),
        };
        return if same { Ok(()) } else { Err(contradiction()) };
    }
    connection
        .prepare_cached(
            "insert into orders (id, market, member, slot_index, side, quantity_wh,
                limit_price_micros_per_kwh, signing_key, salt, signature, gate_at_ms, queued_at_ms,
                state, changed_at_ms)
             values (:id, :market, :member, :slot, :side, :quantity, :limit, :key, :salt, :signature,
                :gate, :queued, 'waiting', :queued)",
        )?
        .execute(named_params! {
            ":id": order.id.as_str(),
            ":market": order.market.as_str(),
            ":member": order.member.as_str(),
            ":slot": order.slot.index(),
            ":side": row::side_word(order.side),
            ":quantity": order.quantity.get(),
            ":limit": order.limit.micros_per_kwh(),
            ":key": order.key.as_str(),
            ":salt": order.salt,
            ":signature": order.signature,
            ":gate": order.gate.millis(),
            ":queued": order.queued_at.millis(),
        })?;
    Ok(())
}

fn find(connection: &Connection, id: &OrderId) -> rusqlite::Result<Option<StoredOrder>> {
    let mut query = connection.prepare_cached("select * from orders where id = ?1")?;
    query.query_row([id.as_str()], stored).optional()
}

/// Moves an order on, where what is told of it does not contradict a later state.
pub fn mark(
    connection: &Connection,
    id: &OrderId,
    change: &OrderChange,
    now: Timestamp,
) -> Result<OrderState, HistoryError> {
    let present = find(connection, id)?.ok_or_else(|| HistoryError::UnknownOrder(id.clone()))?;
    if !present.state.can_become(change.state()) {
        return Ok(present.state);
    }
    let (mut problem, mut filled, mut sent_at, mut accepted_at) = (None, None, None, None);
    match change {
        OrderChange::Sent => sent_at = Some(now),
        OrderChange::Accepted { accepted_at: at } => accepted_at = Some(*at),
        OrderChange::Refused(note) => problem = Some(note),
        OrderChange::Cleared { filled: wh } => filled = Some(*wh),
        OrderChange::Missed | OrderChange::Cancelled | OrderChange::Bound => {}
    }
    connection
        .prepare_cached(
            "update orders set state = :state, changed_at_ms = :now,
                problem_code = coalesce(:code, problem_code),
                problem_detail = coalesce(:detail, problem_detail),
                filled_wh = coalesce(:filled, filled_wh),
                sent_at_ms = coalesce(:sent_at, sent_at_ms),
                accepted_at_ms = coalesce(:accepted_at, accepted_at_ms)
             where id = :id",
        )?
        .execute(named_params! {
            ":id": id.as_str(),
            ":state": change.state().word(),
            ":now": now.millis(),
            ":code": problem.map(|note| &note.code),
            ":detail": problem.map(|note| &note.detail),
            ":filled": filled.map(WattHours::get),
            ":sent_at": sent_at.map(Timestamp::millis),
            ":accepted_at": accepted_at.map(Timestamp::millis),
        })?;
    Ok(change.state())
}

fn start_cancelling(
    connection: &Connection,
    selection: &OrderSelection,
    now: Timestamp,
) -> Result<CancelStarted, HistoryError> {
    let open = connection
        .prepare_cached(
            "select * from orders where state in ('waiting', 'sent', 'accepted') order by slot_index, id",
        )?
        .query_map([], stored)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut started = CancelStarted::default();
    for stored in open {
        let id = stored.order.id;
        if matches!(selection, OrderSelection::Ids(ids) if !ids.contains(&id)) {
            continue;
        }
        if stored.state == OrderState::Waiting {
            mark(connection, &id, &OrderChange::Cancelled, now)?;
            started.cancelled.push(id);
        } else if stored.order.gate <= now {
            started.bound.push(id);
        } else {
            connection
                .prepare_cached("update orders set state = 'cancelling', changed_at_ms = ?2 where id = ?1")?
                .execute((id.as_str(), now.millis()))?;
            started.cancelling.push(id);
        }
    }
    Ok(started)
}

fn stored(row: &Row) -> rusqlite::Result<StoredOrder> {
    Ok(StoredOrder {
        order: OutgoingOrder {
            id: row::parsed(row, "id")?,
            market: row::parsed(row, "market")?,
            member: row::parsed(row, "member")?,
            slot: row::slot(row)?,
            side: row::side(row)?,
            quantity: row::watt_hours(row, "quantity_wh")?,
            limit: row::price(row, "limit_price_micros_per_kwh")?,
            key: row::parsed(row, "signing_key")?,
            salt: row.get("salt")?,
            signature: row.get("signature")?,
            gate: row::time(row, "gate_at_ms")?,
            queued_at: row::time(row, "queued_at_ms")?,
        },
        state: row::word(row, "state", OrderState::from_word)?,
        problem: problem(row)?,
        filled: row::watt_hours(row, "filled_wh")?,
        sent_at: row::optional_time(row, "sent_at_ms")?,
        accepted_at: row::optional_time(row, "accepted_at_ms")?,
        changed_at: row::time(row, "changed_at_ms")?,
    })
}

pub fn problem(row: &Row) -> rusqlite::Result<Option<ProblemNote>> {
    let code: Option<String> = row.get("problem_code")?;
    let detail: Option<String> = row.get("problem_detail")?;
    Ok(code.map(|code| ProblemNote { code, detail: detail.unwrap_or_default() }))
}
