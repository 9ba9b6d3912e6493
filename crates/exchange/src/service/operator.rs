//! What the operator sees: the day's slots, the members' meters, what waits or failed, the areas' meters, the log.
//!
//! Read in one view of the database, by a number of statements that does not grow with members or slots.

mod area_meters;
mod health;
mod link;
mod troubles;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use exchange_api::{MarketRules, SlotState};
use rusqlite::Connection;
use serde::Serialize;
use units::{
    AreaId, Currency, DayKey, KeyId, LocalDay, MarketId, MemberId, Price, Slot, Timestamp, WattHours,
};

pub use area_meters::AreaMeter;
pub(crate) use area_meters::{Taken as AreaReading, take as take_area_reading};
pub use health::Health;
pub use link::Role;
pub(crate) use link::{insert as insert_link, is_known as is_link, new_code, redeem as redeem_link};
pub use troubles::Trouble;

use super::indicative::Guesses;
use super::life::{final_at, gate};
use super::{Failure, governing, log, report};
use crate::config::MarketConfig;
use crate::faults::Fault;
use crate::store::rows::operator::{self as rows, AuditRow, DeviceRow, HeldLineRow, HeldRow};
use crate::store::rows::{config as versions, log as log_rows, slot as slots};

/// How far back a measured reading is looked for. Whose meter told nothing in a week has told nothing.
const REACH_SLOTS: i64 = 7 * 96;
/// How long what was held stays on the page.
const HELD_FOR: Duration = Duration::from_secs(3 * 86_400);
/// How many held readings and lines are shown: the newest say what is wrong.
const HELD: usize = 200;
/// How many open invitations are shown.
const INVITATIONS: usize = 100;
/// For how many slots that wait is told whom they wait for. They wait an hour, so there are five.
const WAITING_SLOTS: usize = 8;

/// Everything on the operator's page.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorView {
    pub market: MarketId,
    pub name: String,
    pub currency: Currency,
    pub zone: String,
    pub market_time: Timestamp,
    pub real_time: Timestamp,
    /// How fast a simulated street's clock runs; missing where market time is real time.
    pub speed: Option<f64>,
    pub today: DayKey,
    /// The day whose slots these are.
    pub day: DayKey,
    pub areas: Vec<AreaView>,
    pub slots: Vec<SlotView>,
    pub members: Vec<MemberView>,
    pub area_meters: Vec<AreaMeter>,
    pub troubles: Vec<Trouble>,
    pub log: LogView,
    pub config: ConfigView,
}

#[derive(Clone, Debug, Serialize)]
pub struct AreaView {
    pub id: AreaId,
    pub parent: Option<AreaId>,
    pub fee_micros_per_kwh: Option<Price>,
    pub capacity_wh: Option<WattHours>,
    pub metering_point: Option<String>,
    pub members: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct SlotView {
    pub slot: Slot,
    pub state: SlotState,
    pub entered_at: Option<Timestamp>,
    /// When the next step is due at the latest; missing after the last one.
    pub next_at: Option<Timestamp>,
    pub traded_wh: Option<WattHours>,
    pub orders: u32,
    /// In the order of the areas.
    pub areas: Vec<SlotAreaView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SlotAreaView {
    pub area: AreaId,
    pub price_micros_per_kwh: Option<Price>,
    /// Not cleared yet: the price is a guess that binds nobody.
    pub is_guess: bool,
    pub sold_wh: Option<WattHours>,
    pub bought_wh: Option<WattHours>,
}

#[derive(Clone, Debug, Serialize)]
pub struct MemberView {
    pub member: MemberId,
    pub area: AreaId,
    pub metering_point: String,
    pub joined_at: Option<Timestamp>,
    pub terms_version: Option<String>,
    pub health: Health,
    pub last: Option<LastReading>,
    /// The newest slot the utility told of.
    pub utility_slot: Option<Slot>,
    /// Slots of the day that are over and in which it takes part, and how many of them its device measured.
    pub due_slots: u32,
    pub measured_slots: u32,
    pub devices: Vec<DeviceView>,
    /// The newest first.
    pub held: Vec<HeldView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LastReading {
    pub slot: Slot,
    /// What the registers showed at its end.
    pub import_wh: WattHours,
    pub export_wh: WattHours,
    pub received_at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    pub key: KeyId,
    pub name: String,
    pub enrolled_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
pub struct HeldView {
    pub slot: Slot,
    pub received_at: Timestamp,
    pub reason: String,
    pub detail: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct LogView {
    pub key: String,
    pub size: u64,
    pub root: String,
    /// Real time; missing until the log grows once under this version of the program.
    pub signed_at: Option<Timestamp>,
    pub last_audit: Option<AuditView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AuditView {
    pub at: Timestamp,
    pub slots: u64,
    pub entries: u64,
    pub root: String,
    pub fault: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ConfigView {
    /// The version that governs orders now.
    pub version: i64,
    pub from: Slot,
    pub terms_version: String,
    pub rules: MarketRules,
}

/// What the database alone cannot say.
pub(crate) struct Moment {
    pub market_now: Timestamp,
    pub real_now: Timestamp,
    /// The day that is asked for; today if missing.
    pub day: Option<DayKey>,
    pub log_key: String,
    pub guesses: Option<Guesses>,
    pub faults: Vec<Fault>,
}

/// What the parts of the page are made from.
struct Found {
    members: Vec<rows::MemberRow>,
    devices: HashMap<MemberId, Vec<DeviceRow>>,
    held: HashMap<MemberId, Vec<HeldRow>>,
    held_lines: Vec<HeldLineRow>,
    invitations: Vec<(MemberId, Timestamp)>,
    last_audit: Option<AuditRow>,
    unsettled: Vec<slots::SlotRow>,
}

/// Returns everything on the page, of the moment's day.
pub(crate) fn view(db: &Connection, config: &MarketConfig, moment: Moment) -> Result<OperatorView, Failure> {
    let zone = config.zone();
    let now = moment.market_now;
    let today = LocalDay::containing(now, zone);
    let day = moment.day.map_or(today, |key| LocalDay::new(key, zone));
    let found = Found {
        members: rows::members(db, Slot::containing(now).offset(-REACH_SLOTS), &day.slots())?,
        devices: by_member(rows::devices(db)?, |row| &row.member),
        held: by_member(rows::held(db, now - HELD_FOR, HELD)?, |row| &row.member),
        held_lines: rows::held_lines(db, now - HELD_FOR, HELD)?,
        invitations: rows::open_invitations(db, moment.real_now - HELD_FOR, INVITATIONS)?,
        last_audit: rows::last_audit(db)?,
        unsettled: slots::unsettled(db)?,
    };
    let sums = rows::area_sums(db, &day.slots())?;
    let members = members(config, &found, &day.slots(), now);
    let troubles = troubles::find(db, config, &found, &members, &moment)?;
    Ok(OperatorView {
        market: config.market.clone(),
        name: config.name.clone(),
        currency: config.currency,
        zone: config.zone.clone(),
        market_time: now,
        real_time: moment.real_now,
        speed: config.scale.map(|scale| scale.speed),
        today: today.key(),
        day: day.key(),
        areas: areas(config, &members),
        slots: day_of_slots(db, config, &day.slots(), &sums, moment.guesses.as_ref())?,
        area_meters: area_meters::compare(config, &rows::area_readings(db, &day.slots())?, &sums),
        log: log_view(db, moment.log_key, found.last_audit)?,
        config: config_view(db, config, now)?,
        members,
        troubles,
    })
}

fn by_member<T>(rows: Vec<T>, member: impl Fn(&T) -> &MemberId) -> HashMap<MemberId, Vec<T>> {
    let mut found: HashMap<MemberId, Vec<T>> = HashMap::new();
    for row in rows {
        match found.get_mut(member(&row)) {
            Some(of_member) => of_member.push(row),
            None => drop(found.insert(member(&row).clone(), vec![row])),
        }
    }
    found
}

fn areas(config: &MarketConfig, members: &[MemberView]) -> Vec<AreaView> {
    let mut counts: HashMap<&AreaId, u32> = HashMap::new();
    for member in members {
        *counts.entry(&member.area).or_default() += 1;
    }
    let area = |area: &crate::config::AreaConfig| AreaView {
        id: area.id.clone(),
        parent: area.parent.clone(),
        fee_micros_per_kwh: area.fee_micros_per_kwh,
        capacity_wh: area.capacity_wh,
        metering_point: area.metering_point.clone(),
        members: counts.get(&area.id).copied().unwrap_or(0),
    };
    config.areas.iter().map(area).collect()
}

/// Returns the slots of a day in the steps that they are in.
fn day_of_slots(
    db: &Connection,
    config: &MarketConfig,
    day: &Range<Slot>,
    sums: &[rows::AreaSums],
    guesses: Option<&Guesses>,
) -> Result<Vec<SlotView>, Failure> {
    let entered: BTreeMap<Slot, Timestamp> = rows::entered(db, day)?.into_iter().collect();
    let sums: HashMap<(Slot, &AreaId), &rows::AreaSums> =
        sums.iter().map(|sum| ((sum.slot, &sum.area), sum)).collect();
    let view = |slot: exchange_api::SlotSummary| {
        let guess = match slot.traded_wh {
            None => guesses.and_then(|guesses| guesses.of(slot.slot)),
            Some(_) => None,
        };
        let prices = guess.as_ref().map_or(&slot.areas, |guess| &guess.areas);
        let area = |area: &crate::config::AreaConfig| {
            let price = prices.iter().find(|it| it.id == area.id).and_then(|it| it.price);
            // An area in which nobody lives has no members' sums: nothing was sold there.
            let sum = sums.get(&(slot.slot, &area.id));
            let energy = |of: fn(&rows::AreaSums) -> WattHours| {
                slot.traded_wh.map(|_| sum.map_or(WattHours::ZERO, |sum| of(sum)))
            };
            SlotAreaView {
                area: area.id.clone(),
                price_micros_per_kwh: price,
                is_guess: guess.is_some(),
                sold_wh: energy(|sum| sum.sold),
                bought_wh: energy(|sum| sum.bought),
            }
        };
        SlotView {
            slot: slot.slot,
            state: slot.state,
            entered_at: entered.get(&slot.slot).copied(),
            next_at: next_at(slot.slot, slot.state, config),
            traded_wh: slot.traded_wh,
            orders: slot.orders,
            areas: config.areas.iter().map(area).collect(),
        }
    };
    Ok(report::slots(db, day.clone())?.slots.into_iter().map(view).collect())
}

/// Returns when a slot takes its next step at the latest.
pub(super) fn next_at(slot: Slot, state: SlotState, config: &MarketConfig) -> Option<Timestamp> {
    let close = || slot.end() + Duration::from_secs(config.readings_close_s.into());
    match state {
        SlotState::Open => Some(gate(slot, config.gate_s)),
        SlotState::GateClosed => Some(slot.end()),
        SlotState::Delivered | SlotState::ReadingsClosed | SlotState::Cleared => Some(close()),
        SlotState::Settled | SlotState::Adjusted => Some(final_at(slot, config.final_after_s)),
        SlotState::Final => None,
    }
}

fn members(config: &MarketConfig, found: &Found, day: &Range<Slot>, now: Timestamp) -> Vec<MemberView> {
    // What has begun is not over.
    let over = day.start..day.end.min(Slot::containing(now));
    found.members.iter().map(|row| member(config, found, row, &over, now)).collect()
}

fn member(
    config: &MarketConfig,
    found: &Found,
    row: &rows::MemberRow,
    over: &Range<Slot>,
    now: Timestamp,
) -> MemberView {
    let devices = found.devices.get(&row.id).map_or(&[][..], Vec::as_slice);
    let held = found.held.get(&row.id).map_or(&[][..], Vec::as_slice);
    let due = row.first_slot.map_or(0, |first| over.end.index() - over.start.max(first).index());
    MemberView {
        member: row.id.clone(),
        area: row.area.clone(),
        metering_point: row.metering_point.clone(),
        joined_at: row.joined_at,
        terms_version: row.terms_version.clone(),
        health: health::judge(config, row, devices, held, now),
        last: row.last_measured.as_ref().map(|last| LastReading {
            slot: last.slot,
            import_wh: last.import_end,
            export_wh: last.export_end,
            received_at: last.received_at,
        }),
        utility_slot: row.last_of_utility,
        due_slots: u32::try_from(due).unwrap_or(0),
        measured_slots: row.measured,
        devices: devices.iter().map(DeviceView::from).collect(),
        held: held.iter().map(HeldView::from).collect(),
    }
}

impl From<&DeviceRow> for DeviceView {
    fn from(row: &DeviceRow) -> Self {
        Self {
            key: row.key.clone(),
            name: row.name.clone(),
            enrolled_at: row.enrolled_at,
            revoked_at: row.revoked_at,
        }
    }
}

impl From<&HeldRow> for HeldView {
    fn from(row: &HeldRow) -> Self {
        Self {
            slot: row.slot,
            received_at: row.received_at,
            reason: row.reason.clone(),
            detail: row.detail.clone(),
        }
    }
}

fn log_view(db: &Connection, key: String, last_audit: Option<AuditRow>) -> Result<LogView, Failure> {
    let head = log::newest_head(db)?;
    let last_audit = last_audit.map(|audit| AuditView {
        at: audit.at,
        slots: audit.slots,
        entries: audit.entries,
        root: audit.root,
        fault: audit.fault,
    });
    Ok(LogView {
        key,
        size: head.claimed().size,
        root: head.claimed().root.to_text(),
        signed_at: log_rows::signed_at(db)?,
        last_audit,
    })
}

fn config_view(db: &Connection, config: &MarketConfig, now: Timestamp) -> Result<ConfigView, Failure> {
    let open = super::life::first_open_slot(now, config.gate_s);
    let (version, governing) = governing(db, open)?;
    Ok(ConfigView {
        version,
        from: versions::governing(db, open)?.from,
        terms_version: governing.terms.version.clone(),
        rules: governing.rules(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use units::ManualClock;

    use super::*;
    use crate::exchange::{Clocks, Exchange};

    /// A street of 300 with all slots of some days settled, each with two versions for every tenth member.
    const STREET: &str = "
        with recursive n(i) as (select 0 union all select i + 1 from n where i < 299)
        insert or ignore into member select printf('home-%03d', i), 'feeder-1', printf('m-%03d', i), 24000, 0, 0, 0, '1' from n;
        insert or ignore into device_key select 'key-' || id, id, 'k', 'box', 0, null from member;
        with recursive s(slot) as (select :from union all select slot + 1 from s where slot < :to - 1)
        insert into slot select slot, 'settled', 1, 1, 1000, 0 from s;
        insert into slot_step select slot, 'settled', 0 from slot where slot >= :from and slot < :to;
        insert into slot_area select slot, 0, 'feeder-1', 150000, 0 from slot where slot >= :from and slot < :to;
        insert into reading select member.id, slot.slot, 0, 1, 0, 0, 'key-' || member.id, '', '', 0, 0
            from member join slot on slot.slot >= :from and slot.slot < :to;
        with v(number) as (values (1), (2))
        insert into settled_member (slot, version, member, settled_at_ms, area, measured, import_wh, export_wh, sold_wh,
                bought_wh, from_utility_wh, to_utility_wh, retail_micros_per_kwh, feed_in_micros_per_kwh)
            select slot.slot, v.number, member.id, 0, 'feeder-1', 1, 1, 0, 0, 1, 0, 0, 1, 1
            from slot join member join v on v.number = 1 or member.rowid % 10 = 0
            where slot.slot >= :from and slot.slot < :to;";

    fn street(exchange: &Exchange, slots: Range<Slot>) {
        let sql = STREET
            .replace(":from", &slots.start.index().to_string())
            .replace(":to", &slots.end.index().to_string());
        exchange.store().write_now(move |db| Ok::<_, Failure>(db.execute_batch(&sql)?)).unwrap();
    }

    /// Returns the steps of SQLite's machine that a look costs, in thousands, with what was seen.
    fn cost(folder: &std::path::Path, exchange: &Exchange) -> (u64, OperatorView) {
        let mut db = Connection::open(folder.join("exchange.sqlite")).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&steps);
        let count = move || {
            counting.fetch_add(1, Ordering::Relaxed);
            false
        };
        db.progress_handler(1000, Some(count)).unwrap();
        let moment = Moment {
            market_now: exchange.now(),
            real_now: exchange.now(),
            day: None,
            log_key: String::new(),
            guesses: None,
            faults: Vec::new(),
        };
        let view = view(&db, exchange.config(), moment).unwrap();
        (steps.load(Ordering::Relaxed), view)
    }

    #[test]
    fn a_look_at_300_members_costs_the_day_and_not_the_past() {
        let folder = tempfile::tempdir().unwrap();
        let config = MarketConfig::new(MarketId::new("m").unwrap(), "M");
        Exchange::init(folder.path(), &config).unwrap();
        let now: Timestamp = "2026-06-10T22:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(now - Duration::from_secs(1)));
        let clocks = Clocks { market: clock.clone(), real: clock };
        let exchange = Exchange::open_with(folder.path(), clocks).unwrap();
        let end = Slot::containing(now);
        street(&exchange, end.offset(-96)..end);
        let (a_day, view) = cost(folder.path(), &exchange);
        assert_eq!((view.members.len(), view.slots.len()), (300, 96));
        assert!(view.members.iter().all(|it| it.health == Health::Fresh && it.measured_slots == 96));
        assert_eq!(view.slots[0].areas[0].bought_wh, Some(WattHours::new(300)));
        // Some 20 steps for each member and slot.
        assert!(a_day < 800, "{a_day} thousand steps");
        street(&exchange, end.offset(-4 * 96)..end.offset(-96));
        let (days, view) = cost(folder.path(), &exchange);
        assert_eq!(view.slots.len(), 96);
        assert!(days <= a_day + a_day / 20, "{days} thousand steps instead of {a_day}");
    }
}
