//! What waits or failed, and why: facts with their numbers, which the page puts into words.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use exchange_api::SlotState;
use rusqlite::Connection;
use serde::Serialize;
use units::{MemberId, Slot, Timestamp};

use super::health::Health;
use super::{Failure, Found, MemberView, Moment, WAITING_SLOTS, next_at};
use crate::config::MarketConfig;
use crate::store::rows::operator as rows;
use crate::store::rows::slot::SlotRow;

/// How many members of a kind of trouble are named; the rest is counted.
const NAMED: usize = 5;
/// How long a step may be overdue in real time: the exchange looks at least each half minute.
const OVERDUE: Duration = Duration::from_secs(120);
/// How old the last audit may be before the page reminds of it.
const AUDIT_EACH: Duration = Duration::from_secs(35 * 86_400);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work; the operator must act.
    Failed,
    /// A household needs a hand, or will.
    Needs,
    /// Takes its time, or is good to know.
    Waits,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    pub severity: Severity,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A step of a slot's life fails each time it is tried; without a slot, no step could be looked for.
    StepFailed { slot: Option<Slot>, since: Timestamp, error: String },
    /// A step is overdue although none failed: the life of slots does not run.
    LifeStands { slot: Slot, since: Timestamp },
    /// An audit found that the books or the log do not hold.
    AuditFailed { at: Timestamp, fault: String },
    /// The last audit was long ago; missing where there was none.
    AuditOld { at: Option<Timestamp> },
    /// Readings of members are held.
    Held { member: MemberId, slot: Slot, reason: String, detail: String, count: u32 },
    /// A line of the utility's file is held.
    LineHeld { metering_point: String, line: u32, slot: Slot, reason: String, detail: String, count: u32 },
    /// Members whose meters need a look.
    Meters { health: Health, members: Vec<MemberId>, count: u32 },
    /// So many slots from one on are over and wait for readings of these; the first until then at the latest.
    SlotsWait { slot: Slot, slots: u32, until: Timestamp, members: Vec<MemberId>, count: u32 },
    /// Members who must agree to the newest terms before they trade on.
    Terms { version: String, members: Vec<MemberId>, count: u32 },
    /// An invitation that nobody has used, or not in time.
    Invitation { member: MemberId, expires: Timestamp, is_expired: bool },
}

/// Finds all troubles, the gravest first.
pub(super) fn find(
    db: &Connection,
    config: &MarketConfig,
    found: &Found,
    members: &[MemberView],
    moment: &Moment,
) -> Result<Vec<Trouble>, Failure> {
    let mut troubles = Vec::new();
    let mut add = |severity, what| troubles.push(Trouble { severity, what });
    for what in failed_steps(config, found, moment) {
        add(Severity::Failed, what);
    }
    match &found.last_audit {
        Some(audit) if audit.fault.is_some() => {
            let fault = audit.fault.clone().unwrap_or_default();
            add(Severity::Failed, What::AuditFailed { at: audit.at, fault });
        }
        Some(audit) if moment.real_now.since(audit.at) > AUDIT_EACH => {
            add(Severity::Waits, What::AuditOld { at: Some(audit.at) });
        }
        None => add(Severity::Waits, What::AuditOld { at: None }),
        Some(_) => {}
    }
    for what in held(found, members).into_iter().chain(held_lines(found)).chain(meters(members)) {
        add(Severity::Needs, what);
    }
    if let Some(what) = waiting_slots(db, config, found)? {
        add(Severity::Waits, what);
    }
    if let Some(what) = terms(config, members) {
        add(Severity::Waits, what);
    }
    for (member, expires) in &found.invitations {
        let is_expired = *expires < moment.real_now;
        add(Severity::Waits, What::Invitation { member: member.clone(), expires: *expires, is_expired });
    }
    troubles.sort_by_key(|trouble| trouble.severity);
    Ok(troubles)
}

fn failed_steps(config: &MarketConfig, found: &Found, moment: &Moment) -> Vec<What> {
    let failed = moment.faults.iter().map(|fault| What::StepFailed {
        slot: fault.slot,
        since: fault.since,
        error: fault.error.clone(),
    });
    let mut failed: Vec<What> = failed.collect();
    if failed.is_empty() {
        let speed = config.scale.map_or(1.0, |scale| scale.speed.max(1.0));
        let overdue = found.unsettled.iter().find_map(|row| {
            let due = next_at(row.slot, row.state, config)?;
            (moment.market_now > due + OVERDUE.mul_f64(speed)).then_some((row.slot, due))
        });
        failed.extend(overdue.map(|(slot, since)| What::LifeStands { slot, since }));
    }
    failed
}

/// One trouble a member: the newest of its held readings, if its meter still is where it was.
fn held(found: &Found, members: &[MemberView]) -> Vec<What> {
    let is_held = |member: &&MemberView| member.health == Health::Held;
    let tell = |member: &MemberView| {
        let held = found.held.get(&member.member)?;
        let newest = held.first()?;
        Some(What::Held {
            member: member.member.clone(),
            slot: newest.slot,
            reason: newest.reason.clone(),
            detail: newest.detail.clone(),
            count: held.len() as u32,
        })
    };
    members.iter().filter(is_held).filter_map(tell).collect()
}

/// One trouble a metering point and reason: a file has many lines of the same kind.
fn held_lines(found: &Found) -> Vec<What> {
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut told: Vec<What> = Vec::new();
    for row in &found.held_lines {
        let place = *places.entry((&row.metering_point, &row.reason)).or_insert(told.len());
        match told.get_mut(place) {
            Some(What::LineHeld { count, .. }) => *count += 1,
            _ => told.push(What::LineHeld {
                metering_point: row.metering_point.clone(),
                line: row.line,
                slot: row.slot,
                reason: row.reason.clone(),
                detail: row.detail.clone(),
                count: 1,
            }),
        }
    }
    told
}

fn meters(members: &[MemberView]) -> Vec<What> {
    let kind = |health| {
        let ill = members.iter().filter(move |member| member.health == health).map(|it| &it.member);
        named(ill).map(|(members, count)| What::Meters { health, members, count })
    };
    [Health::Silent, Health::Unmeasured, Health::NoDevice].into_iter().filter_map(kind).collect()
}

/// Whom the slots wait for that are over, all in one: it is the same few members in each.
fn waiting_slots(db: &Connection, config: &MarketConfig, found: &Found) -> Result<Option<What>, Failure> {
    let is_over = |row: &&SlotRow| row.state == SlotState::Delivered;
    let mut waiting = Vec::new();
    let mut missing = BTreeSet::new();
    for row in found.unsettled.iter().filter(is_over).take(WAITING_SLOTS) {
        let of_slot = rows::missing(db, row.slot)?;
        if !of_slot.is_empty() {
            waiting.push(row);
            missing.extend(of_slot);
        }
    }
    let Some(first) = waiting.first() else { return Ok(None) };
    let until = next_at(first.slot, first.state, config);
    Ok(named(missing.iter()).zip(until).map(|((members, count), until)| What::SlotsWait {
        slot: first.slot,
        slots: waiting.len() as u32,
        until,
        members,
        count,
    }))
}

fn terms(config: &MarketConfig, members: &[MemberView]) -> Option<What> {
    let version = &config.terms.version;
    let old = members.iter().filter(|it| it.terms_version.as_ref().is_some_and(|agreed| agreed != version));
    let (members, count) = named(old.map(|it| &it.member))?;
    Some(What::Terms { version: version.clone(), members, count })
}

/// Returns the first few and how many there are; `None` where there are none.
fn named<'a>(members: impl Iterator<Item = &'a MemberId>) -> Option<(Vec<MemberId>, u32)> {
    let all: Vec<&MemberId> = members.collect();
    let count = all.len() as u32;
    (count > 0).then(|| (all.into_iter().take(NAMED).cloned().collect(), count))
}
