//! Members and their contracts with their utilities.

use exchange_api::{Limits, UtilityContract};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use units::{AreaId, MemberId, Slot, Timestamp};

use crate::store::column::Columns as _;

#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    pub id: MemberId,
    pub area: AreaId,
    pub metering_point: String,
    pub limits: Limits,
    /// Missing until the household has joined.
    pub joined: Option<Joined>,
}

#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub first_slot: Slot,
    pub at: Timestamp,
    pub terms_version: String,
}

/// A member as a slot sees it.
pub(crate) struct SlotMember {
    pub id: MemberId,
    pub area: AreaId,
    pub contract: UtilityContract,
}

pub(crate) fn insert(db: &Connection, member: &MemberRow) -> Result<()> {
    db.execute(
        "insert into member (id, area, metering_point, fuse_w, exposure_nanos) values (?1, ?2, ?3, ?4, ?5)",
        params![
            member.id.as_str(),
            member.area.as_str(),
            member.metering_point,
            member.limits.fuse_w,
            member.limits.exposure.nanos()
        ],
    )?;
    Ok(())
}

const COLUMNS: &str = "select id, area, metering_point, fuse_w, exposure_nanos, first_slot, joined_at_ms,
                              terms_version from member";

pub(crate) fn find(db: &Connection, id: &MemberId) -> Result<Option<MemberRow>> {
    db.prepare_cached(&format!("{COLUMNS} where id = ?1"))?.query_row([id.as_str()], read).optional()
}

pub(crate) fn at_metering_point(db: &Connection, metering_point: &str) -> Result<Option<MemberRow>> {
    let sql = format!("{COLUMNS} where metering_point = ?1");
    db.prepare_cached(&sql)?.query_row([metering_point], read).optional()
}

pub(crate) fn all(db: &Connection) -> Result<Vec<MemberRow>> {
    db.prepare_cached(&format!("{COLUMNS} order by id"))?.query_map([], read)?.collect()
}

pub(crate) fn set_joined(db: &Connection, id: &MemberId, joined: &Joined) -> Result<()> {
    db.execute(
        "update member set first_slot = ?2, joined_at_ms = ?3, terms_version = ?4 where id = ?1",
        params![id.as_str(), joined.first_slot.index(), joined.at.millis(), joined.terms_version],
    )?;
    Ok(())
}

pub(crate) fn set_terms(db: &Connection, id: &MemberId, terms_version: &str) -> Result<()> {
    db.execute("update member set terms_version = ?2 where id = ?1", params![id.as_str(), terms_version])?;
    Ok(())
}

/// Returns the first slot that any member takes part in.
pub(crate) fn first_slot(db: &Connection) -> Result<Option<Slot>> {
    let first: Option<i64> =
        db.prepare_cached("select min(first_slot) from member")?.query_row([], |row| row.get(0))?;
    Ok(first.map(Slot::from_index))
}

/// Returns those who take part in a slot, by id, with the contract they have in it.
pub(crate) fn of_slot(db: &Connection, slot: Slot) -> Result<Vec<SlotMember>> {
    let sql = "select member.id, member.area, contract.retail_micros_per_kwh, contract.feed_in_micros_per_kwh
               from member join contract on contract.member = member.id
               where member.first_slot <= ?1
                 and contract.from_slot = (select max(from_slot) from contract as earlier
                                           where earlier.member = member.id and earlier.from_slot <= ?1)
               order by member.id";
    db.prepare_cached(sql)?
        .query_map([slot.index()], |row| {
            Ok(SlotMember { id: row.text("id")?, area: row.text("area")?, contract: contract(row)? })
        })?
        .collect()
}

pub(crate) fn set_contract(
    db: &Connection,
    member: &MemberId,
    from: Slot,
    contract: UtilityContract,
) -> Result<()> {
    db.execute(
        "insert into contract (member, from_slot, retail_micros_per_kwh, feed_in_micros_per_kwh)
         values (?1, ?2, ?3, ?4)
         on conflict (member, from_slot) do update set
             retail_micros_per_kwh = excluded.retail_micros_per_kwh,
             feed_in_micros_per_kwh = excluded.feed_in_micros_per_kwh",
        params![
            member.as_str(),
            from.index(),
            contract.retail_micros_per_kwh.micros_per_kwh(),
            contract.feed_in_micros_per_kwh.micros_per_kwh()
        ],
    )?;
    Ok(())
}

/// Drops contracts that were to begin at or after a slot: a newer word replaces them.
pub(crate) fn drop_contracts_from(db: &Connection, member: &MemberId, from: Slot) -> Result<()> {
    db.execute(
        "delete from contract where member = ?1 and from_slot >= ?2",
        params![member.as_str(), from.index()],
    )?;
    Ok(())
}

/// Returns a member's contracts with the slots from which they hold.
pub(crate) fn contracts(db: &Connection, member: &MemberId) -> Result<Vec<(Slot, UtilityContract)>> {
    let sql = "select from_slot, retail_micros_per_kwh, feed_in_micros_per_kwh from contract
               where member = ?1 order by from_slot";
    db.prepare_cached(sql)?
        .query_map([member.as_str()], |row| Ok((row.slot("from_slot")?, contract(row)?)))?
        .collect()
}

/// Returns the contract of a member in a slot.
pub(crate) fn contract_in(db: &Connection, member: &MemberId, slot: Slot) -> Result<Option<UtilityContract>> {
    let sql = "select retail_micros_per_kwh, feed_in_micros_per_kwh from contract
               where member = ?1 and from_slot <= ?2 order by from_slot desc limit 1";
    db.prepare_cached(sql)?.query_row(params![member.as_str(), slot.index()], contract).optional()
}

fn contract(row: &rusqlite::Row) -> Result<UtilityContract> {
    Ok(UtilityContract {
        retail_micros_per_kwh: row.price("retail_micros_per_kwh")?,
        feed_in_micros_per_kwh: row.price("feed_in_micros_per_kwh")?,
    })
}

fn read(row: &rusqlite::Row) -> Result<MemberRow> {
    let joined = match row.get::<_, Option<i64>>("first_slot")? {
        None => None,
        Some(first) => Some(Joined {
            first_slot: Slot::from_index(first),
            at: row.time("joined_at_ms")?,
            terms_version: row.get("terms_version")?,
        }),
    };
    Ok(MemberRow {
        id: row.text("id")?,
        area: row.text("area")?,
        metering_point: row.get("metering_point")?,
        limits: Limits { fuse_w: row.get("fuse_w")?, exposure: row.money("exposure_nanos")? },
        joined,
    })
}
