//! What slots came to: a row for each member, and the postings.

use std::ops::Range;

use exchange_api::{MemberPosting, MemberSettlement, OrderFill, ReadingSource, SlotState, UtilityContract};
use market::Side;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use settlement::{Account, Posting, What};
use units::{AreaId, MemberId, Money, Price, Slot, Timestamp, WattHours};

use crate::service::allocation::AllocationRow;
use crate::store::column::{Columns as _, Word, word};

/// A member's energy in a settled slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettledMember {
    pub slot: Slot,
    pub version: u32,
    pub member: MemberId,
    pub settled_at: Timestamp,
    pub area: AreaId,
    /// Whose figures entered; missing where none did.
    pub source: Option<ReadingSource>,
    pub import: WattHours,
    pub export: WattHours,
    pub sold: WattHours,
    pub bought: WattHours,
    pub from_utility: WattHours,
    pub to_utility: WattHours,
    pub contract: UtilityContract,
}

/// One member's part of one version of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SettledAt {
    pub member: MemberId,
    pub slot: Slot,
    pub version: u32,
}

/// Returns the cursor of the new row.
pub(crate) fn insert_member(db: &Connection, row: &SettledMember) -> Result<i64> {
    db.prepare_cached(
        "insert into settled_member (slot, version, member, settled_at_ms, area, measured, import_wh, export_wh,
             sold_wh, bought_wh, from_utility_wh, to_utility_wh, retail_micros_per_kwh, feed_in_micros_per_kwh, source)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        row.slot.index(),
        row.version,
        row.member.as_str(),
        row.settled_at.millis(),
        row.area.as_str(),
        row.source.is_some(),
        row.import.get(),
        row.export.get(),
        row.sold.get(),
        row.bought.get(),
        row.from_utility.get(),
        row.to_utility.get(),
        row.contract.retail_micros_per_kwh.micros_per_kwh(),
        row.contract.feed_in_micros_per_kwh.micros_per_kwh(),
        row.source.as_ref().map(word)
    ])?;
    Ok(db.last_insert_rowid())
}

pub(crate) fn insert_postings(db: &Connection, slot: Slot, version: u32, postings: &[Posting]) -> Result<()> {
    let mut insert = db.prepare_cached(
        "insert into posting (slot, version, account, reference, what, nanos) values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for posting in postings {
        insert.execute(params![
            slot.index(),
            version,
            posting.account.to_string(),
            posting.reference.as_str(),
            word(&posting.what),
            posting.amount.nanos()
        ])?;
    }
    Ok(())
}

/// Returns the newest cursor of all.
pub(crate) fn newest_cursor(db: &Connection) -> Result<i64> {
    db.prepare_cached("select coalesce(max(cursor), 0) from settled_member")?.query_row([], |row| row.get(0))
}

const COLUMNS: &str = "select settled_member.*,
        (select price_micros_per_kwh from slot_area
         where slot_area.slot = settled_member.slot and slot_area.area = settled_member.area)
        as price_micros_per_kwh
    from settled_member";

/// Returns a member's settlements after a cursor, without fills, deals and postings.
pub(crate) fn after(
    db: &Connection,
    member: &MemberId,
    cursor: i64,
    limit: usize,
) -> Result<Vec<MemberSettlement>> {
    let sql = format!("{COLUMNS} where member = ?1 and cursor > ?2 order by cursor limit ?3");
    db.prepare_cached(&sql)?
        .query_map(params![member.as_str(), cursor, limit as i64], |row| Ok(read(row)?.1))?
        .collect()
}

/// Returns the newest settlement of each member of a slot, by member, without fills and postings.
pub(crate) fn of_slot(db: &Connection, slot: Slot) -> Result<Vec<(MemberId, MemberSettlement)>> {
    let sql = format!(
        "{COLUMNS} where slot = ?1 and version = (select max(version) from settled_member as newer
             where newer.slot = settled_member.slot and newer.member = settled_member.member)
         order by member"
    );
    db.prepare_cached(&sql)?.query_map([slot.index()], read)?.collect()
}

/// Returns the newest settlement of each metering point in each of some slots.
pub(crate) fn allocation(db: &Connection, slots: Range<Slot>) -> Result<Vec<AllocationRow>> {
    db.prepare_cached(
        "select metering_point, settled_member.*, state from settled_member
         join member on member.id = settled_member.member join slot on slot.slot = settled_member.slot
         where settled_member.slot >= ?1 and settled_member.slot < ?2
           and settled_member.version = (select max(version) from settled_member as newer
               where newer.slot = settled_member.slot and newer.member = settled_member.member)
         order by metering_point, settled_member.slot",
    )?
    .query_map([slots.start.index(), slots.end.index()], |row| {
        Ok(AllocationRow {
            metering_point: row.get("metering_point")?,
            slot: row.slot("slot")?,
            version: row.get("version")?,
            is_final: row.text::<Word<SlotState>>("state")?.0 == SlotState::Final,
            source: row.optional_text::<Word<ReadingSource>>("source")?.map(|word| word.0),
            import: row.energy("import_wh")?,
            export: row.energy("export_wh")?,
            sold: row.energy("sold_wh")?,
            bought: row.energy("bought_wh")?,
            residual_import: row.energy("from_utility_wh")?,
            residual_export: row.energy("to_utility_wh")?,
        })
    })?
    .collect()
}

/// Returns the first settlement of each member of a slot: what entered the clearing.
pub(crate) fn of_slot_first(db: &Connection, slot: Slot) -> Result<Vec<(MemberId, MemberSettlement)>> {
    let sql = format!("{COLUMNS} where slot = ?1 and version = 1 order by member");
    db.prepare_cached(&sql)?.query_map([slot.index()], read)?.collect()
}

/// Returns a settlement as it stood in a version, without fills and postings.
pub(crate) fn find(db: &Connection, at: &SettledAt) -> Result<Option<MemberSettlement>> {
    let sql = format!("{COLUMNS} where slot = ?1 and member = ?2 and version = ?3");
    db.prepare_cached(&sql)?
        .query_row(params![at.slot.index(), at.member.as_str(), at.version], |row| Ok(read(row)?.1))
        .optional()
}

/// Returns the newest settlement of a member in a slot, without fills and postings.
pub(crate) fn newest(db: &Connection, slot: Slot, member: &MemberId) -> Result<Option<MemberSettlement>> {
    let sql = format!("{COLUMNS} where slot = ?1 and member = ?2 order by version desc limit 1");
    db.prepare_cached(&sql)?
        .query_row(params![slot.index(), member.as_str()], |row| Ok(read(row)?.1))
        .optional()
}

/// Returns what a slot's versions up to one come to on an account.
pub(crate) fn postings_on(
    db: &Connection,
    slot: Slot,
    version: u32,
    account: &Account,
) -> Result<Vec<MemberPosting>> {
    db.prepare_cached(
        "select reference, what, sum(nanos) as nanos from posting
         where slot = ?1 and version <= ?2 and account = ?3
         group by reference, what having sum(nanos) <> 0 order by reference, what",
    )?
    .query_map(params![slot.index(), version, account.to_string()], |row| {
        Ok(MemberPosting {
            reference: row.get("reference")?,
            what: row.get("what")?,
            amount: row.money("nanos")?,
        })
    })?
    .collect()
}

/// Returns what all versions of a slot come to, by account, reference and kind.
pub(crate) fn postings(db: &Connection, slot: Slot) -> Result<Vec<Posting>> {
    db.prepare_cached(
        "select account, reference, what, sum(nanos) as nanos from posting where slot = ?1
         group by account, reference, what having sum(nanos) <> 0 order by account, reference, what",
    )?
    .query_map([slot.index()], read_posting)?
    .collect()
}

/// Returns the postings of one version of a slot.
pub(crate) fn postings_of_version(db: &Connection, slot: Slot, version: u32) -> Result<Vec<Posting>> {
    db.prepare_cached("select account, reference, what, nanos from posting where slot = ?1 and version = ?2")?
        .query_map(params![slot.index(), version], read_posting)?
        .collect()
}

fn read_posting(row: &Row) -> Result<Posting> {
    Ok(Posting {
        account: row.text("account")?,
        reference: row.get::<_, String>("reference")?.into(),
        what: row.text::<Word<What>>("what")?.0,
        amount: row.money("nanos")?,
    })
}

/// Returns the slots of which some version does not sum to zero.
pub(crate) fn unbalanced(db: &Connection) -> Result<Vec<Slot>> {
    db.prepare_cached(
        "select distinct slot from (select slot from posting group by slot, version having sum(nanos) <> 0)
         order by slot",
    )?
    .query_map([], |row| row.slot("slot"))?
    .collect()
}

/// Counts all postings and adds them up, beyond 64 bits if need be.
pub(crate) fn count_and_sum(db: &Connection) -> Result<(u64, i128)> {
    let (mut count, mut sum) = (0, 0);
    let mut query = db.prepare_cached("select nanos from posting")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        count += 1;
        sum += i128::from(row.get::<_, i64>(0)?);
    }
    Ok((count, sum))
}

/// Returns the fills of a member's orders in a slot.
pub(crate) fn fills(db: &Connection, slot: Slot, member: &MemberId) -> Result<Vec<OrderFill>> {
    db.prepare_cached(
        "select id, side, filled_wh from \"order\" where slot = ?1 and member = ?2 and filled_wh > 0 order by id",
    )?
    .query_map(params![slot.index(), member.as_str()], |row| {
        Ok(OrderFill {
            order: row.text("id")?,
            side: row.text::<Word<Side>>("side")?.0,
            filled: row.energy("filled_wh")?,
        })
    })?
    .collect()
}

/// Returns the balance of every account.
pub(crate) fn balances(db: &Connection) -> Result<Vec<(Account, Money)>> {
    db.prepare_cached("select account, sum(nanos) as nanos from posting group by account order by account")?
        .query_map([], |row| Ok((row.text("account")?, row.money("nanos")?)))?
        .collect()
}

fn read(row: &Row) -> Result<(MemberId, MemberSettlement)> {
    let settlement = MemberSettlement {
        cursor: row.get("cursor")?,
        slot: row.slot("slot")?,
        version: row.get("version")?,
        settled_at: row.time("settled_at_ms")?,
        area: row.text("area")?,
        price: row.get::<_, Option<i64>>("price_micros_per_kwh")?.map(Price::from_micros_per_kwh),
        measured: row.get("measured")?,
        source: row.optional_text::<Word<ReadingSource>>("source")?.map(|word| word.0),
        import: row.energy("import_wh")?,
        export: row.energy("export_wh")?,
        sold: row.energy("sold_wh")?,
        bought: row.energy("bought_wh")?,
        from_utility: row.energy("from_utility_wh")?,
        to_utility: row.energy("to_utility_wh")?,
        contract: UtilityContract {
            retail_micros_per_kwh: row.price("retail_micros_per_kwh")?,
            feed_in_micros_per_kwh: row.price("feed_in_micros_per_kwh")?,
        },
        fills: Vec::new(),
        deals: Vec::new(),
        postings: Vec::new(),
    };
    Ok((row.text("member")?, settlement))
}
