//! Orders as rows: how they are written, moved on and read back.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{OrderId, Timestamp, WattHours};

use super::{
    CancelStarted, OrderChange, OrderSelection, OrderState, OutgoingOrder, ProblemNote, StoredOrder,
};
use crate::error::HistoryError;
use crate::row;

pub fn queue(connection: &Connection, order: &OutgoingOrder) -> Result<(), HistoryError> {
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
                state, changed_at_ms, by_owner)
             values (:id, :market, :member, :slot, :side, :quantity, :limit, :key, :salt, :signature,
                :gate, :queued, 'waiting', :queued, :by_owner)",
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
            ":by_owner": order.by_owner,
        })?;
    Ok(())
}

pub fn find(connection: &Connection, id: &OrderId) -> rusqlite::Result<Option<StoredOrder>> {
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

pub fn start_cancelling(
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

pub fn stored(row: &Row) -> rusqlite::Result<StoredOrder> {
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
            by_owner: row.get("by_owner")?,
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
