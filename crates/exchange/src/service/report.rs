//! What the exchange tells of slots and settlements, and how it audits itself.

use std::ops::Range;

use exchange_api::{MemberSettlement, SettlementPage, SlotList, SlotState, SlotSummary};
use market::AreaOutcome;
use rusqlite::Connection;
use serde::{Serialize, Serializer};
use settlement::{Account, Posting};
use units::{MarketId, MemberId, Money, Slot, WattHours};

use super::book::{self, Stored};
use super::log_audit::{self, Keys, LogAudit};
use super::{Failure, settling};
use crate::store::rows::slot::SlotRow;
use crate::store::rows::{deal, order, settlement as settled, slot};

/// Everything that a settled slot came to, for the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotReport {
    pub slot: Slot,
    pub state: SlotState,
    /// 1 when settled, one more with each adjustment.
    pub version: u32,
    pub areas: Vec<AreaOutcome>,
    pub traded: WattHours,
    /// Orders that were live at the gate.
    pub orders: u32,
    /// By member.
    pub members: Vec<(MemberId, MemberSettlement)>,
    /// All accounts, adjustments included.
    pub postings: Vec<Posting>,
}

/// Whether the books hold together. All is well if [`Audit::holds`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Settled slots that were looked at.
    pub slots: u64,
    pub postings: u64,
    /// The sum of all postings.
    #[serde(serialize_with = "as_text")]
    pub postings_sum_nanos: i128,
    /// Slots of which some version does not sum to zero.
    pub unbalanced_slots: Vec<Slot>,
    /// Energy that came from nowhere or went nowhere, over all members and slots.
    #[serde(rename = "energy_imbalance_wh")]
    pub energy_imbalance: WattHours,
    /// Slots whose stored outcome is not what settling their stored input gives.
    pub deviating_slots: Vec<Slot>,
    pub balances: Vec<Balance>,
    /// The log, computed again.
    pub log: LogAudit,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    pub account: Account,
    #[serde(rename = "nanos")]
    pub amount: Money,
}

impl Audit {
    pub fn holds(&self) -> bool {
        self.postings_sum_nanos == 0
            && self.unbalanced_slots.is_empty()
            && self.energy_imbalance.is_zero()
            && self.deviating_slots.is_empty()
            && self.log.faults.is_empty()
    }

    /// Returns the first thing that does not hold, in a sentence.
    pub(crate) fn first_fault(&self) -> Option<String> {
        if self.postings_sum_nanos != 0 {
            return Some(format!("All postings sum to {} nanos and not to zero.", self.postings_sum_nanos));
        }
        if let Some(slot) = self.unbalanced_slots.first() {
            return Some(format!("Slot {slot} does not sum to zero."));
        }
        if !self.energy_imbalance.is_zero() {
            return Some(format!("{} are unaccounted for.", self.energy_imbalance));
        }
        if let Some(slot) = self.deviating_slots.first() {
            return Some(format!("Slot {slot} differs from what settling it again gives."));
        }
        self.log.faults.first().map(|fault| format!("In the log: {fault}."))
    }
}

fn as_text<S: Serializer>(sum: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(sum)
}

pub(crate) fn slots(db: &Connection, slots: Range<Slot>) -> Result<SlotList, Failure> {
    let mut outcomes = slot::areas(db, slots.clone())?.into_iter().peekable();
    let mut counts = order::live_counts(db, slots.clone())?.into_iter().peekable();
    let mut summaries = Vec::new();
    for row in slot::list(db, slots)? {
        let mut areas = Vec::new();
        while let Some((_, area)) = outcomes.next_if(|(slot, _)| *slot == row.slot) {
            areas.push(area);
        }
        // An order may be there a moment before its slot's row.
        while counts.next_if(|(slot, _)| *slot < row.slot).is_some() {}
        let orders = counts.next_if(|(slot, _)| *slot == row.slot).map_or(0, |(_, orders)| orders);
        summaries.push(SlotSummary {
            slot: row.slot,
            state: row.state,
            areas: slot::prices(&areas),
            traded_wh: row.traded,
            orders,
            indicative: None,
        });
    }
    Ok(SlotList { slots: summaries })
}

/// Returns a member's settlements after a cursor, as each version stood.
pub(crate) fn settlements(
    db: &Connection,
    member: &MemberId,
    after: i64,
    limit: usize,
) -> Result<SettlementPage, Failure> {
    let mut settlements = settled::after(db, member, after, limit)?;
    for settlement in &mut settlements {
        complete(db, member, settlement)?;
    }
    let next = settlements.last().map_or(after, |last| last.cursor);
    Ok(SettlementPage { settlements, next })
}

fn complete(db: &Connection, member: &MemberId, settlement: &mut MemberSettlement) -> Result<(), Failure> {
    let account = Account::Member(member.clone());
    settlement.postings = settled::postings_on(db, settlement.slot, settlement.version, &account)?;
    settlement.fills = settled::fills(db, settlement.slot, member)?;
    settlement.deals = deal::fills(db, settlement.slot, member)?;
    Ok(())
}

/// Returns a settled slot as a whole; `None` where it is not settled.
pub(crate) fn slot_report(db: &Connection, wanted: Slot) -> Result<Option<SlotReport>, Failure> {
    let range = wanted..wanted.next();
    let Some(SlotRow { state, version, traded: Some(traded), .. }) = slot::find(db, wanted)? else {
        return Ok(None);
    };
    let mut members = settled::of_slot(db, wanted)?;
    for (member, settlement) in &mut members {
        complete(db, member, settlement)?;
    }
    Ok(Some(SlotReport {
        slot: wanted,
        state,
        version,
        areas: slot::areas(db, range.clone())?.into_iter().map(|(_, area)| area).collect(),
        traded,
        orders: order::live_counts(db, range)?.first().map_or(0, |(_, orders)| *orders),
        members,
        postings: settled::postings(db, wanted)?,
    }))
}

/// Adds up all books, settles every slot again from its stored input, and computes the log again, to compare.
pub(crate) fn audit(db: &Connection, market: &MarketId, keys: &Keys) -> Result<Audit, Failure> {
    let everything = Slot::from_index(0)..Slot::from_index(i64::MAX);
    let mut slots = 0;
    let mut deviating_slots = Vec::new();
    let mut energy_imbalance = WattHours::ZERO;
    for row in slot::list(db, everything)?.into_iter().filter(|row| row.traded.is_some()) {
        slots += 1;
        energy_imbalance += imbalance(db, row.slot)?;
        if !settles_again(db, &row)? {
            deviating_slots.push(row.slot);
        }
    }
    let unbalanced_slots = settled::unbalanced(db)?;
    let (postings, postings_sum_nanos) = settled::count_and_sum(db)?;
    let balances = settled::balances(db)?;
    let balances = balances.into_iter().map(|(account, amount)| Balance { account, amount }).collect();
    Ok(Audit {
        slots,
        postings,
        postings_sum_nanos,
        unbalanced_slots,
        energy_imbalance,
        deviating_slots,
        balances,
        log: log_audit::audit(db, market, keys)?,
    })
}

/// Returns how much of a slot's energy is unaccounted for.
fn imbalance(db: &Connection, slot: Slot) -> Result<WattHours, Failure> {
    let mut off = WattHours::ZERO;
    let (mut sold, mut bought) = (WattHours::ZERO, WattHours::ZERO);
    for (_, member) in settled::of_slot(db, slot)? {
        let (from, to) = settling::rest((member.import, member.export), member.sold, member.bought);
        off += (member.to_utility - to).abs() + (member.from_utility - from).abs();
        sold += member.sold;
        bought += member.bought;
    }
    Ok(off + (sold - bought).abs())
}

/// Settles a slot again from what is stored of its input, and compares prices, deals, fills and postings.
fn settles_again(db: &Connection, row: &SlotRow) -> Result<bool, Failure> {
    let Stored { input, orders: stored_orders, served, .. } = book::stored(db, row.slot)?;
    let Ok(again) = settlement::settle(&input) else { return Ok(false) };
    let range = row.slot..row.slot.next();
    let areas: Vec<AreaOutcome> = slot::areas(db, range)?.into_iter().map(|(_, area)| area).collect();
    let filled: Vec<_> = stored_orders
        .iter()
        .filter_map(|order| order.filled.filter(|filled| !filled.is_zero()).map(|filled| (&order.id, filled)))
        .collect();
    let fills: Vec<_> = again.clearing.fills.iter().map(|fill| (&fill.order, fill.filled)).collect();
    let sorted = |mut postings: Vec<Posting>| {
        postings.sort_by_cached_key(|it| (it.account.to_string(), it.reference.clone(), it.what as u8));
        postings
    };
    let postings = sorted(settled::postings_of_version(db, row.slot, 1)?);
    Ok(areas == again.clearing.areas
        && filled == fills
        && served == again.deals
        && postings == sorted(again.postings))
}
