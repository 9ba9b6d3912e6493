//! Orders: as they were accepted, cancelled and filled.

use std::ops::Range;

use exchange_api::{Commitment, Order};
use market::Side;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use units::{KeyId, MarketId, MemberId, OrderId, Price, Slot, Timestamp, WattHours};

use crate::service::logged::Sealed;
use crate::store::column::{Columns as _, Word, word};

#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    pub id: OrderId,
    pub member: MemberId,
    pub slot: Slot,
    pub side: Side,
    pub quantity: WattHours,
    pub limit: Price,
    pub accepted_at: Timestamp,
    pub cancelled: bool,
    /// Missing until the slot is cleared.
    pub filled: Option<WattHours>,
}

impl OrderRow {
    /// Returns the order as its member wrote it.
    pub(crate) fn to_order(&self, market: &MarketId) -> Order {
        Order {
            id: self.id.clone(),
            market: market.clone(),
            member: self.member.clone(),
            slot: self.slot,
            side: self.side,
            quantity: self.quantity,
            limit: self.limit,
            commitment: Commitment::Metered,
        }
    }
}

/// By whom and how an order was signed.
pub(crate) struct Seal<'a> {
    pub key: &'a KeyId,
    pub salt: &'a str,
    pub signature: &'a str,
}

/// Stores an order; one of an imported past has no seal.
pub(crate) fn insert(
    db: &Connection,
    order: &Order,
    seal: Option<&Seal>,
    accepted_at: Timestamp,
    filled: Option<WattHours>,
) -> Result<()> {
    db.prepare_cached(
        "insert into \"order\" (id, member, slot, side, quantity_wh, limit_micros_per_kwh, key, salt,
                                signature, accepted_at_ms, filled_wh)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        order.id.as_str(),
        order.member.as_str(),
        order.slot.index(),
        word(&order.side),
        order.quantity.get(),
        order.limit.micros_per_kwh(),
        seal.map(|seal| seal.key.as_str()),
        seal.map(|seal| seal.salt),
        seal.map(|seal| seal.signature),
        accepted_at.millis(),
        filled.map(WattHours::get)
    ])?;
    Ok(())
}

const COLUMNS: &str = "select id, member, slot, side, quantity_wh, limit_micros_per_kwh, accepted_at_ms,
                              cancelled_at_ms is not null as cancelled, filled_wh from \"order\"";

const SEALED: &str = "select id, member, slot, side, quantity_wh, limit_micros_per_kwh, accepted_at_ms,
                             cancelled_at_ms is not null as cancelled, filled_wh, key, salt, signature
                      from \"order\"";

pub(crate) fn find(db: &Connection, id: &OrderId) -> Result<Option<OrderRow>> {
    db.prepare_cached(&format!("{COLUMNS} where id = ?1"))?.query_row([id.as_str()], read).optional()
}

/// Returns whether an id belongs to an order.
pub(crate) fn exists(db: &Connection, id: &str) -> Result<bool> {
    db.prepare_cached("select exists (select 1 from \"order\" where id = ?1)")?
        .query_row([id], |row| row.get(0))
}

pub(crate) fn of_member(db: &Connection, member: &MemberId, slots: Range<Slot>) -> Result<Vec<OrderRow>> {
    let sql = format!("{COLUMNS} where member = ?1 and slot >= ?2 and slot < ?3 order by slot, id");
    db.prepare_cached(&sql)?
        .query_map(params![member.as_str(), slots.start.index(), slots.end.index()], read)?
        .collect()
}

/// Returns the orders of a slot that were not cancelled, by id.
pub(crate) fn live(db: &Connection, slot: Slot) -> Result<Vec<OrderRow>> {
    let sql = format!("{COLUMNS} where slot = ?1 and cancelled_at_ms is null order by id");
    db.prepare_cached(&sql)?.query_map([slot.index()], read)?.collect()
}

/// Returns the signed orders of a slot in the order in which they came, cancelled ones too.
pub(crate) fn sealed(db: &Connection, slot: Slot) -> Result<Vec<(OrderRow, Sealed)>> {
    let sql = format!("{SEALED} where slot = ?1 and key is not null order by accepted_at_ms, id");
    db.prepare_cached(&sql)?.query_map([slot.index()], |row| Ok((read(row)?, seal(row)?)))?.collect()
}

/// As [`find`], with who signed; `None` also for one that nobody did.
pub(crate) fn find_sealed(db: &Connection, id: &OrderId) -> Result<Option<(OrderRow, Sealed)>> {
    let sql = format!("{SEALED} where id = ?1 and key is not null");
    db.prepare_cached(&sql)?.query_row([id.as_str()], |row| Ok((read(row)?, seal(row)?))).optional()
}

pub(crate) fn seal(row: &Row) -> Result<Sealed> {
    Ok(Sealed { key: row.text("key")?, salt: row.get("salt")?, signature: row.get("signature")? })
}

/// Counts the orders of each slot `[from, to)` that were not cancelled.
pub(crate) fn live_counts(db: &Connection, slots: Range<Slot>) -> Result<Vec<(Slot, u32)>> {
    let sql = "select slot, count(*) as orders from \"order\"
               where slot >= ?1 and slot < ?2 and cancelled_at_ms is null group by slot order by slot";
    db.prepare_cached(sql)?
        .query_map([slots.start.index(), slots.end.index()], |row| {
            Ok((row.slot("slot")?, row.get("orders")?))
        })?
        .collect()
}

pub(crate) fn cancel(db: &Connection, id: &OrderId, at: Timestamp) -> Result<()> {
    db.prepare_cached("update \"order\" set cancelled_at_ms = ?2 where id = ?1 and cancelled_at_ms is null")?
        .execute(params![id.as_str(), at.millis()])?;
    Ok(())
}

/// Returns the ids of a key's live orders from a slot on.
pub(crate) fn live_of_key(db: &Connection, key: &KeyId, from: Slot) -> Result<Vec<OrderId>> {
    let sql =
        "select id from \"order\" where key = ?1 and slot >= ?2 and cancelled_at_ms is null order by id";
    db.prepare_cached(sql)?.query_map(params![key.as_str(), from.index()], |row| row.text("id"))?.collect()
}

/// Records what the clearing gave to every live order of a slot; `filled` lists those with something.
pub(crate) fn set_filled(db: &Connection, slot: Slot, filled: &[(&OrderId, WattHours)]) -> Result<()> {
    db.prepare_cached("update \"order\" set filled_wh = 0 where slot = ?1 and cancelled_at_ms is null")?
        .execute([slot.index()])?;
    let mut update = db.prepare_cached("update \"order\" set filled_wh = ?2 where id = ?1")?;
    for (id, energy) in filled {
        update.execute(params![id.as_str(), energy.get()])?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<OrderRow> {
    Ok(OrderRow {
        id: row.text("id")?,
        member: row.text("member")?,
        slot: row.slot("slot")?,
        side: row.text::<Word<Side>>("side")?.0,
        quantity: row.energy("quantity_wh")?,
        limit: row.price("limit_micros_per_kwh")?,
        accepted_at: row.time("accepted_at_ms")?,
        cancelled: row.get("cancelled")?,
        filled: row.get::<_, Option<i64>>("filled_wh")?.map(WattHours::new),
    })
}
