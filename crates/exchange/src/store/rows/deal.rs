//! Deals: as they were proposed, agreed to and ended, and what they came to in settled slots.

use std::ops::Range;

use exchange_api::{Day, Deal, DealFill, DealState, DealStatus};
use market::Side;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use settlement::SettledDeal;
use units::{DealId, MarketId, MemberId, Slot, Timestamp, WattHours};

use super::order::{Seal, seal};
use crate::service::logged::Sealed;
use crate::store::column::{Columns as _, Word, word};

#[derive(Clone, Debug)]
pub(crate) struct DealRow {
    pub deal: Deal,
    pub proposed_by: MemberId,
    pub proposed_at: Timestamp,
    pub agreed: Option<Agreed>,
    pub ended: Option<Ended>,
    /// Where it is in the log, once both sides have signed.
    pub place: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub at: Timestamp,
    /// The first slot whose gate was open.
    pub from: Slot,
}

#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub by: MemberId,
    /// The first slot whose gate was open.
    pub until: Slot,
}

impl DealRow {
    /// Returns the first slot that the deal does not serve any more, if it is known.
    fn until(&self) -> Option<Slot> {
        let ended = self.ended.as_ref().map(|ended| ended.until);
        [ended, self.deal.until].into_iter().flatten().min()
    }

    /// Returns the state at a moment whose first open slot is known.
    pub(crate) fn state(&self, first_open: Slot) -> DealState {
        let over = self.deal.until.is_some_and(|until| until <= first_open);
        match (&self.agreed, over || self.ended.is_some()) {
            (_, true) => DealState::Ended,
            (None, false) => DealState::Proposed,
            (Some(_), false) => DealState::Agreed,
        }
    }

    pub(crate) fn status(self, first_open: Slot) -> DealStatus {
        DealStatus {
            state: self.state(first_open),
            served_until: self.until(),
            served_from: self.agreed.as_ref().map(|agreed| agreed.from.max(self.deal.from)),
            agreed_at: self.agreed.map(|agreed| agreed.at),
            ended_by: self.ended.map(|ended| ended.by),
            proposed_by: self.proposed_by,
            proposed_at: self.proposed_at,
            deal: self.deal,
            index: self.place,
        }
    }
}

pub(crate) fn insert(db: &Connection, deal: &Deal, by: &MemberId, at: Timestamp) -> Result<()> {
    let days: Vec<String> = deal.days.iter().map(word).collect();
    db.execute(
        "insert into deal (id, seller, buyer, price_micros_per_kwh, cap_wh, cap_per_day_wh, days, hours, zone,
                           from_slot, until_slot, proposed_by, proposed_at_ms)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            deal.id.as_str(),
            deal.seller.as_str(),
            deal.buyer.as_str(),
            deal.price.micros_per_kwh(),
            deal.cap.get(),
            deal.cap_per_day.map(WattHours::get),
            days.join(","),
            deal.hours.map(|hours| hours.to_string()),
            deal.zone,
            deal.from.index(),
            deal.until.map(Slot::index),
            by.as_str(),
            at.millis()
        ],
    )?;
    Ok(())
}

pub(crate) fn sign(db: &Connection, id: &DealId, by: &MemberId, seal: &Seal, at: Timestamp) -> Result<()> {
    db.execute(
        "insert into deal_signature (deal, member, key, salt, signature, signed_at_ms)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
        params![id.as_str(), by.as_str(), seal.key.as_str(), seal.salt, seal.signature, at.millis()],
    )?;
    Ok(())
}

pub(crate) fn agree(db: &Connection, id: &DealId, agreed: &Agreed) -> Result<()> {
    db.execute(
        "update deal set agreed_at_ms = ?2, served_from_slot = ?3 where id = ?1 and agreed_at_ms is null",
        params![id.as_str(), agreed.at.millis(), agreed.from.index()],
    )?;
    Ok(())
}

pub(crate) fn end(db: &Connection, id: &DealId, ended: &Ended, at: Timestamp) -> Result<()> {
    db.execute(
        "update deal set ended_by = ?2, ended_at_ms = ?3, served_until_slot = ?4
         where id = ?1 and ended_at_ms is null",
        params![id.as_str(), ended.by.as_str(), at.millis(), ended.until.index()],
    )?;
    Ok(())
}

const COLUMNS: &str = "select deal.*, (select max(place) from log_entry
        where domain = 'wattle/deal/v1' and subject = deal.id) as place from deal";

/// Returns who signed a deal, in the order in which they did.
pub(crate) fn seals(db: &Connection, id: &DealId) -> Result<Vec<Sealed>> {
    let sql = "select key, salt, signature from deal_signature where deal = ?1
               order by member = (select proposed_by from deal where id = ?1) desc";
    db.prepare_cached(sql)?.query_map([id.as_str()], seal)?.collect()
}

/// Returns all deals that both sides have signed, in the order in which they did.
pub(crate) fn agreed(db: &Connection, market: &MarketId) -> Result<Vec<DealRow>> {
    db.prepare(&format!("{COLUMNS} where agreed_at_ms is not null order by agreed_at_ms, id"))?
        .query_map([], |row| read(row, market))?
        .collect()
}

pub(crate) fn find(db: &Connection, market: &MarketId, id: &DealId) -> Result<Option<DealRow>> {
    db.prepare_cached(&format!("{COLUMNS} where id = ?1"))?
        .query_row([id.as_str()], |row| read(row, market))
        .optional()
}

/// Returns whether an id belongs to a deal.
pub(crate) fn exists(db: &Connection, id: &str) -> Result<bool> {
    db.prepare_cached("select exists (select 1 from deal where id = ?1)")?.query_row([id], |row| row.get(0))
}

pub(crate) fn of_member(db: &Connection, market: &MarketId, member: &MemberId) -> Result<Vec<DealRow>> {
    db.prepare_cached(&format!("{COLUMNS} where seller = ?1 or buyer = ?1 order by proposed_at_ms, id"))?
        .query_map([member.as_str()], |row| read(row, market))?
        .collect()
}

/// Counts the deals that a member proposed and that may still be served.
pub(crate) fn count_open(db: &Connection, member: &MemberId, first_open: Slot) -> Result<u32> {
    let sql = "select count(*) from deal where proposed_by = ?1 and ended_at_ms is null
               and (until_slot is null or until_slot > ?2)";
    db.prepare_cached(sql)?.query_row(params![member.as_str(), first_open.index()], |row| row.get(0))
}

/// Returns the agreed deals whose time holds a slot, the earliest agreed first; days and hours are not looked at.
pub(crate) fn around(db: &Connection, market: &MarketId, slot: Slot) -> Result<Vec<DealRow>> {
    let sql = format!(
        "{COLUMNS} where served_from_slot <= ?1 and from_slot <= ?1 and (until_slot is null or until_slot > ?1)
         and (served_until_slot is null or served_until_slot > ?1) order by agreed_at_ms, id"
    );
    db.prepare_cached(&sql)?.query_map([slot.index()], |row| read(row, market))?.collect()
}

/// Returns what a deal came to in the settled ones of some slots.
pub(crate) fn settled_within(db: &Connection, id: &DealId, slots: Range<Slot>) -> Result<WattHours> {
    let sql =
        "select coalesce(sum(settled_wh), 0) from deal_slot where deal = ?1 and slot >= ?2 and slot < ?3";
    db.prepare_cached(sql)?
        .query_row(params![id.as_str(), slots.start.index(), slots.end.index()], |row| row.get(0))
        .map(WattHours::new)
}

pub(crate) fn insert_settled(
    db: &Connection,
    slot: Slot,
    entered: &settlement::Deal,
    settled: &SettledDeal,
) -> Result<()> {
    db.prepare_cached(
        "insert into deal_slot (slot, deal, cap_wh, settled_wh, grid_fee_nanos) values (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        slot.index(),
        entered.id.as_str(),
        entered.cap.get(),
        settled.settled.get(),
        settled.grid_fee.nanos()
    ])?;
    Ok(())
}

/// Returns the deals of a settled slot as they entered it, with what each came to, by id.
pub(crate) fn settled(db: &Connection, slot: Slot) -> Result<Vec<(settlement::Deal, SettledDeal)>> {
    let sql =
        "select deal.id, agreed_at_ms, seller, buyer, deal_slot.cap_wh, price_micros_per_kwh, settled_wh,
                      grid_fee_nanos
               from deal_slot join deal on deal.id = deal_slot.deal where slot = ?1 order by deal.id";
    db.prepare_cached(sql)?
        .query_map([slot.index()], |row| {
            let entered = settlement::Deal {
                id: row.text("id")?,
                agreed_at: row.time("agreed_at_ms")?,
                seller: row.text("seller")?,
                buyer: row.text("buyer")?,
                cap: row.energy("cap_wh")?,
                price: row.price("price_micros_per_kwh")?,
            };
            let settled = SettledDeal {
                id: entered.id.clone(),
                settled: row.energy("settled_wh")?,
                grid_fee: row.money("grid_fee_nanos")?,
            };
            Ok((entered, settled))
        })?
        .collect()
}

/// Returns what deals brought a member in a settled slot, by deal.
pub(crate) fn fills(db: &Connection, slot: Slot, member: &MemberId) -> Result<Vec<DealFill>> {
    let sql = "select deal.id, seller, buyer, price_micros_per_kwh, settled_wh, grid_fee_nanos
               from deal_slot join deal on deal.id = deal_slot.deal
               where slot = ?1 and settled_wh > 0 and (seller = ?2 or buyer = ?2) order by deal.id";
    db.prepare_cached(sql)?
        .query_map(params![slot.index(), member.as_str()], |row| {
            let seller: MemberId = row.text("seller")?;
            let (side, partner) = match seller == *member {
                true => (Side::Sell, row.text("buyer")?),
                false => (Side::Buy, seller),
            };
            Ok(DealFill {
                deal: row.text("id")?,
                side,
                partner,
                filled: row.energy("settled_wh")?,
                price: row.price("price_micros_per_kwh")?,
                grid_fee: row.money("grid_fee_nanos")?,
            })
        })?
        .collect()
}

fn read(row: &Row, market: &MarketId) -> Result<DealRow> {
    let slot = |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(name)?.map(Slot::from_index));
    let days: String = row.get("days")?;
    let day = |name: &str| name.parse::<Word<Day>>().map(|word| word.0);
    let days = days.split(',').map(day).collect::<std::result::Result<_, _>>().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    let agreed = match slot("served_from_slot")? {
        Some(from) => Some(Agreed { at: row.time("agreed_at_ms")?, from }),
        None => None,
    };
    let ended = match slot("served_until_slot")? {
        Some(until) => Some(Ended { by: row.text("ended_by")?, until }),
        None => None,
    };
    Ok(DealRow {
        deal: Deal {
            id: row.text("id")?,
            market: market.clone(),
            seller: row.text("seller")?,
            buyer: row.text("buyer")?,
            price: row.price("price_micros_per_kwh")?,
            cap: row.energy("cap_wh")?,
            cap_per_day: row.get::<_, Option<i64>>("cap_per_day_wh")?.map(WattHours::new),
            days,
            hours: row.optional_text("hours")?,
            zone: row.get("zone")?,
            from: row.slot("from_slot")?,
            until: slot("until_slot")?,
        },
        proposed_by: row.text("proposed_by")?,
        proposed_at: row.time("proposed_at_ms")?,
        agreed,
        ended,
        place: row.get::<_, Option<i64>>("place")?.map(i64::unsigned_abs),
    })
}
