//! What the operator's page looks up: each statement serves all members, areas or slots at once.

use std::ops::Range;

use exchange_api::Registers;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use units::{AreaId, KeyId, MemberId, Slot, Timestamp, WattHours};

use crate::store::column::Columns as _;

/// A member with what its meter told.
#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    pub id: MemberId,
    pub area: AreaId,
    pub metering_point: String,
    /// The first slot it takes part in; missing until the household has joined.
    pub first_slot: Option<Slot>,
    pub joined_at: Option<Timestamp>,
    pub terms_version: Option<String>,
    /// The newest slot its device told anything of, be it that nothing was measured.
    pub last_told: Option<Slot>,
    pub last_measured: Option<MeasuredRow>,
    /// The newest slot the utility told of.
    pub last_of_utility: Option<Slot>,
    /// How many slots of the day its device has measured.
    pub measured: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct MeasuredRow {
    pub slot: Slot,
    pub import_end: WattHours,
    pub export_end: WattHours,
    pub received_at: Timestamp,
}

/// Returns all members. A measured reading from before `since` is not looked for.
pub(crate) fn members(db: &Connection, since: Slot, day: &Range<Slot>) -> Result<Vec<MemberRow>> {
    let sql = "
        select found.*, last.import_end_wh, last.export_end_wh, last.received_at_ms from (
            select id, area, metering_point, first_slot, joined_at_ms, terms_version,
                (select slot from reading where member = id order by slot desc limit 1) as last_told,
                (select slot from reading where member = id and slot >= ?1 and import_start_wh is not null
                     order by slot desc limit 1) as last_measured,
                (select slot from utility_reading where member = id order by slot desc limit 1) as last_of_utility,
                (select count(*) from reading where member = id and slot >= ?2 and slot < ?3
                     and import_start_wh is not null) as measured
            from member) as found
        left join reading as last on last.member = found.id and last.slot = found.last_measured
        order by found.id";
    db.prepare_cached(sql)?
        .query_map(params![since.index(), day.start.index(), day.end.index()], read_member)?
        .collect()
}

fn read_member(row: &Row) -> Result<MemberRow> {
    let slot = |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(name)?.map(Slot::from_index));
    let last_measured = match slot("last_measured")? {
        None => None,
        Some(slot) => Some(MeasuredRow {
            slot,
            import_end: row.energy("import_end_wh")?,
            export_end: row.energy("export_end_wh")?,
            received_at: row.time("received_at_ms")?,
        }),
    };
    Ok(MemberRow {
        id: row.text("id")?,
        area: row.text("area")?,
        metering_point: row.get("metering_point")?,
        first_slot: slot("first_slot")?,
        joined_at: row.get::<_, Option<i64>>("joined_at_ms")?.map(Timestamp::from_millis),
        terms_version: row.get("terms_version")?,
        last_told: slot("last_told")?,
        last_measured,
        last_of_utility: slot("last_of_utility")?,
        measured: row.get("measured")?,
    })
}

#[derive(Clone, Debug)]
pub(crate) struct DeviceRow {
    pub member: MemberId,
    pub key: KeyId,
    pub name: String,
    pub enrolled_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// Returns the devices of all members.
pub(crate) fn devices(db: &Connection) -> Result<Vec<DeviceRow>> {
    let sql = "select member, id, name, enrolled_at_ms, revoked_at_ms from device_key
               order by member, enrolled_at_ms, id";
    let read = |row: &Row| {
        Ok(DeviceRow {
            member: row.text("member")?,
            key: row.text("id")?,
            name: row.get("name")?,
            enrolled_at: row.time("enrolled_at_ms")?,
            revoked_at: row.get::<_, Option<i64>>("revoked_at_ms")?.map(Timestamp::from_millis),
        })
    };
    db.prepare_cached(sql)?.query_map([], read)?.collect()
}

#[derive(Clone, Debug)]
pub(crate) struct HeldRow {
    pub member: MemberId,
    pub slot: Slot,
    pub received_at: Timestamp,
    pub reason: String,
    pub detail: String,
}

/// Returns the newest readings that were held since a time, the newest first.
pub(crate) fn held(db: &Connection, since: Timestamp, limit: usize) -> Result<Vec<HeldRow>> {
    let sql = "select member, slot, received_at_ms, reason, detail from
                   (select * from held_reading order by id desc limit ?2)
               where received_at_ms >= ?1 order by id desc";
    let read = |row: &Row| {
        Ok(HeldRow {
            member: row.text("member")?,
            slot: row.slot("slot")?,
            received_at: row.time("received_at_ms")?,
            reason: row.get("reason")?,
            detail: row.get("detail")?,
        })
    };
    db.prepare_cached(sql)?.query_map(params![since.millis(), limit as i64], read)?.collect()
}

#[derive(Clone, Debug)]
pub(crate) struct HeldLineRow {
    pub metering_point: String,
    pub line: u32,
    pub slot: Slot,
    pub reason: String,
    pub detail: String,
}

/// Returns the newest rows of the utility's files that were held since a time, the newest first.
pub(crate) fn held_lines(db: &Connection, since: Timestamp, limit: usize) -> Result<Vec<HeldLineRow>> {
    let sql = "select metering_point, line, slot, reason, detail from held_utility_row
               where received_at_ms >= ?1 order by received_at_ms desc, line limit ?2";
    let read = |row: &Row| {
        Ok(HeldLineRow {
            metering_point: row.get("metering_point")?,
            line: row.get("line")?,
            slot: row.slot("slot")?,
            reason: row.get("reason")?,
            detail: row.get("detail")?,
        })
    };
    db.prepare_cached(sql)?.query_map(params![since.millis(), limit as i64], read)?.collect()
}

/// Returns invitations that nobody has used, with their expiry in real time, the first to expire first.
pub(crate) fn open_invitations(
    db: &Connection,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<(MemberId, Timestamp)>> {
    let sql = "select member, expires_real_ms from invitation where used_by is null and expires_real_ms >= ?1
               order by expires_real_ms, member limit ?2";
    db.prepare_cached(sql)?
        .query_map(params![since.millis(), limit as i64], |row| {
            Ok((row.text("member")?, row.time("expires_real_ms")?))
        })?
        .collect()
}

/// Returns who takes part in a slot and has not reported, and of whom the utility has not told either.
pub(crate) fn missing(db: &Connection, slot: Slot) -> Result<Vec<MemberId>> {
    let sql = "select id from member where first_slot <= ?1
                 and not exists (select 1 from reading where member = member.id and slot = ?1)
                 and not exists (select 1 from utility_reading where member = member.id and slot = ?1)
               order by id";
    db.prepare_cached(sql)?.query_map([slot.index()], |row| row.text("id"))?.collect()
}

/// When each slot entered the state that it is in.
pub(crate) fn entered(db: &Connection, slots: &Range<Slot>) -> Result<Vec<(Slot, Timestamp)>> {
    let sql = "select slot.slot, slot_step.at_ms from slot
               join slot_step on slot_step.slot = slot.slot and slot_step.state = slot.state
               where slot.slot >= ?1 and slot.slot < ?2 order by slot.slot";
    db.prepare_cached(sql)?
        .query_map(range(slots), |row| Ok((row.slot("slot")?, row.time("at_ms")?)))?
        .collect()
}

/// What the members of an area came to in a slot.
#[derive(Clone, Debug)]
pub(crate) struct AreaSums {
    pub slot: Slot,
    pub area: AreaId,
    pub sold: WattHours,
    pub bought: WattHours,
    /// Members without a measured reading.
    pub unmeasured: u32,
    pub import: WattHours,
    pub export: WattHours,
}

/// Returns the sums of each area and settled slot, by each member's newest version.
pub(crate) fn area_sums(db: &Connection, slots: &Range<Slot>) -> Result<Vec<AreaSums>> {
    // One walk along the index of (slot, member, version): of a member's versions the last one stands.
    let sql =
        "select slot, member, area, measured, import_wh, export_wh, sold_wh, bought_wh from settled_member
               where slot >= ?1 and slot < ?2 order by slot, member, version";
    let mut sums: Vec<AreaSums> = Vec::new();
    // Where the slot's sums begin, whose row was the last, and what it adds unless a newer version follows.
    let (mut begin, mut last) = (0, (i64::MIN, String::new()));
    let mut pending: Option<(usize, Figures)> = None;
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query(range(slots))?;
    while let Some(row) = rows.next()? {
        // By position and without copies: names cost more than the rest where there are thousands of rows.
        let (slot, member, area): (i64, _, _) = (row.get(0)?, text(row, 1)?, text(row, 2)?);
        let is_newer_version = last.0 == slot && last.1 == member;
        if let Some((place, figures)) = pending.take().filter(|_| !is_newer_version) {
            sums[place].add(&figures);
        }
        if last.0 != slot {
            begin = sums.len();
        }
        last.0 = slot;
        last.1.clear();
        last.1.push_str(member);
        let place = match sums[begin..].iter().position(|sum| sum.area.as_str() == area) {
            Some(place) => begin + place,
            None => {
                sums.push(AreaSums::none(Slot::from_index(slot), row.text("area")?));
                sums.len() - 1
            }
        };
        pending = Some((place, Figures::read(row)?));
    }
    if let Some((place, figures)) = pending {
        sums[place].add(&figures);
    }
    Ok(sums)
}

fn text<'a>(row: &'a Row, index: usize) -> Result<&'a str> {
    Ok(row.get_ref(index)?.as_str()?)
}

/// What one member came to in a slot.
struct Figures {
    is_measured: bool,
    import: WattHours,
    export: WattHours,
    sold: WattHours,
    bought: WattHours,
}

impl Figures {
    fn read(row: &Row) -> Result<Self> {
        let energy = |index: usize| row.get(index).map(WattHours::new);
        Ok(Self {
            is_measured: row.get(3)?,
            import: energy(4)?,
            export: energy(5)?,
            sold: energy(6)?,
            bought: energy(7)?,
        })
    }
}

impl AreaSums {
    fn none(slot: Slot, area: AreaId) -> Self {
        let [sold, bought, import, export] = [WattHours::ZERO; 4];
        Self { slot, area, sold, bought, unmeasured: 0, import, export }
    }

    fn add(&mut self, member: &Figures) {
        self.sold += member.sold;
        self.bought += member.bought;
        self.import += member.import;
        self.export += member.export;
        self.unmeasured += u32::from(!member.is_measured);
    }
}

/// Returns what the meters of areas showed in each slot.
pub(crate) fn area_readings(db: &Connection, slots: &Range<Slot>) -> Result<Vec<(AreaId, Slot, Registers)>> {
    let sql =
        "select area, slot, import_start_wh, import_end_wh, export_start_wh, export_end_wh from area_reading
               where slot >= ?1 and slot < ?2 order by slot, area";
    db.prepare_cached(sql)?
        .query_map(range(slots), |row| Ok((row.text("area")?, row.slot("slot")?, registers(row)?)))?
        .collect()
}

/// Returns what the meter of an area showed in a slot.
pub(crate) fn area_reading(db: &Connection, area: &AreaId, slot: Slot) -> Result<Option<Registers>> {
    let sql = "select import_start_wh, import_end_wh, export_start_wh, export_end_wh from area_reading
               where area = ?1 and slot = ?2";
    db.prepare_cached(sql)?.query_row(params![area.as_str(), slot.index()], registers).optional()
}

pub(crate) fn put_area_reading(
    db: &Connection,
    area: &AreaId,
    slot: Slot,
    registers: &Registers,
    origin: &super::utility::Origin,
) -> Result<()> {
    db.prepare_cached("insert into area_reading values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
        params![
            area.as_str(),
            slot.index(),
            registers.import_start_wh.get(),
            registers.import_end_wh.get(),
            registers.export_start_wh.get(),
            registers.export_end_wh.get(),
            origin.file_sha256,
            origin.received_at.millis()
        ],
    )?;
    Ok(())
}

fn registers(row: &Row) -> Result<Registers> {
    Ok(Registers {
        import_start_wh: row.energy("import_start_wh")?,
        import_end_wh: row.energy("import_end_wh")?,
        export_start_wh: row.energy("export_start_wh")?,
        export_end_wh: row.energy("export_end_wh")?,
    })
}

/// What an audit found.
#[derive(Clone, Debug)]
pub(crate) struct AuditRow {
    pub at: Timestamp,
    pub slots: u64,
    pub entries: u64,
    pub root: String,
    /// The first thing that was wrong; missing where everything held.
    pub fault: Option<String>,
}

pub(crate) fn insert_audit(db: &Connection, audit: &AuditRow) -> Result<()> {
    db.execute(
        "insert into audit_run (at_real_ms, slots, entries, root, fault) values (?1, ?2, ?3, ?4, ?5)",
        params![audit.at.millis(), audit.slots as i64, audit.entries as i64, audit.root, audit.fault],
    )?;
    Ok(())
}

pub(crate) fn last_audit(db: &Connection) -> Result<Option<AuditRow>> {
    let read = |row: &Row| {
        Ok(AuditRow {
            at: row.time("at_real_ms")?,
            slots: row.get::<_, i64>("slots")?.unsigned_abs(),
            entries: row.get::<_, i64>("entries")?.unsigned_abs(),
            root: row.get("root")?,
            fault: row.get("fault")?,
        })
    };
    let sql = "select at_real_ms, slots, entries, root, fault from audit_run order by id desc limit 1";
    db.prepare_cached(sql)?.query_row([], read).optional()
}

/// Keeps a one-time link by the digest of its code, and forgets those that have expired.
pub(crate) fn insert_link(
    db: &Connection,
    code_sha256: &str,
    role: &str,
    expires: Timestamp,
    now: Timestamp,
) -> Result<()> {
    db.execute("delete from operator_link where expires_real_ms < ?1", [now.millis()])?;
    db.execute(
        "insert into operator_link (code_sha256, role, expires_real_ms) values (?1, ?2, ?3)",
        params![code_sha256, role, expires.millis()],
    )?;
    Ok(())
}

pub(crate) fn is_link(db: &Connection, code_sha256: &str) -> Result<bool> {
    db.prepare_cached("select exists (select 1 from operator_link where code_sha256 = ?1)")?
        .query_row([code_sha256], |row| row.get(0))
}

/// Uses a link up; returns its role and until when it held.
pub(crate) fn take_link(db: &Connection, code_sha256: &str) -> Result<Option<(String, Timestamp)>> {
    db.query_row(
        "delete from operator_link where code_sha256 = ?1 returning role, expires_real_ms",
        [code_sha256],
        |row| Ok((row.get("role")?, row.time("expires_real_ms")?)),
    )
    .optional()
}

fn range(slots: &Range<Slot>) -> [i64; 2] {
    [slots.start.index(), slots.end.index()]
}
