//! What the household asks of its orders.

use std::ops::Range;

use units::{OrderId, Slot, Timestamp};

use super::rows::{find, mark, queue, start_cancelling, stored};
use super::{
    CancelStarted, GatesPassed, OrderChange, OrderSelection, OrderState, OutgoingOrder, StoredOrder,
};
use crate::error::HistoryError;
use crate::handle::History;
use crate::writer::Durability;

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
