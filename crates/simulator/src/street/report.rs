//! What a slot came to, and whether everything adds up: the exchange's books against the houses' own.

use std::collections::BTreeMap;
use std::ops::Range;

use exchange::SlotReport;
use exchange_api::{AreaPrice, MemberSettlement};
use history::{History, OpenMode, ReadingState};
use home::config::{HISTORY_FILE, Role};
use metering::{Quality, SlotEnergy};
use serde::{Serialize, Serializer};
use units::{AreaId, MemberId, Money, Slot, WattHours};

use super::folders::meter_id;
use super::{Neighbour, Street, StreetError};

/// A settled slot as a line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SlotLine {
    pub event: &'static str,
    pub slot: Slot,
    pub areas: Vec<AreaPrice>,
    pub traded_wh: WattHours,
    pub orders: u32,
    pub houses: Vec<HouseLine>,
}

/// What a house did in a slot. Import and export are what its own meter measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HouseLine {
    pub id: MemberId,
    pub area: AreaId,
    pub import_wh: Option<WattHours>,
    pub export_wh: Option<WattHours>,
    pub sold_wh: WattHours,
    pub bought_wh: WattHours,
    pub quality: Quality,
    /// Above feed-in only.
    pub earned_nanos: Money,
    /// Below retail only.
    pub saved_nanos: Money,
}

/// The end of a run: everything in it must be 0 but slots, traded energy and the statements that hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub event: SummaryEvent,
    pub slots: u64,
    pub traded_wh: WattHours,
    pub energy_imbalance_wh: WattHours,
    #[serde(serialize_with = "as_text")]
    pub money_imbalance_nanos: i128,
    pub worse_off: u64,
    /// Those that a step-by-step verification confirms, of houses whose statements come to what the books say.
    pub statements_verified: u64,
    pub statements_failed: u64,
}

/// The word `summary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryEvent {
    #[default]
    Summary,
}

fn as_text<S: Serializer>(sum: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(sum)
}

impl Summary {
    /// Returns whether everything adds up and nobody is worse off.
    pub fn holds(&self) -> bool {
        self.energy_imbalance_wh.is_zero()
            && self.money_imbalance_nanos == 0
            && self.worse_off == 0
            && self.statements_failed == 0
    }

    fn add(&mut self, report: &SlotReport, measured: &BTreeMap<MemberId, (WattHours, WattHours)>) {
        self.slots += 1;
        self.traded_wh += report.traded;
        self.money_imbalance_nanos +=
            report.postings.iter().map(|posting| i128::from(posting.amount.nanos())).sum::<i128>();
        let (mut sold, mut bought) = (WattHours::ZERO, WattHours::ZERO);
        for (member, settled) in &report.members {
            // A slot that its house did not measure enters with nothing, and its energy is the utility's.
            let (import, export) = measured.get(member).copied().unwrap_or_default();
            self.energy_imbalance_wh += (export - settled.sold - settled.to_utility).abs();
            self.energy_imbalance_wh += (import - settled.bought - settled.from_utility).abs();
            (sold, bought) = (sold + settled.sold, bought + settled.bought);
            self.worse_off += u64::from(gain(settled).is_negative());
        }
        self.energy_imbalance_wh += (sold - bought).abs();
    }
}

/// Returns what the neighbours were worth to a member in a slot: all it received, less what the utility
/// alone would have come to.
fn gain(settled: &MemberSettlement) -> Money {
    let contract = &settled.contract;
    let received: Money = settled.postings.iter().map(|posting| posting.amount).sum();
    let alone = settled.export.at_wide(contract.feed_in_micros_per_kwh)
        - settled.import.at_wide(contract.retail_micros_per_kwh);
    let gain = i128::from(received.nanos()) - alone;
    Money::from_nanos(i64::try_from(gain).expect("a slot's money is small"))
}

impl Street {
    /// Returns what a slot came to; `None` while it is not settled.
    pub async fn slot_line(&self, slot: Slot) -> Result<Option<SlotLine>, StreetError> {
        let Some(report) = self.exchange.slot_report(slot).await? else { return Ok(None) };
        let mut houses = Vec::new();
        for (member, settled) in &report.members {
            let Some(neighbour) = self.neighbours.iter().find(|neighbour| neighbour.member == *member) else {
                continue;
            };
            let energy = neighbour.own_slot(slot)?;
            houses.push(house_line(member, settled, energy.as_ref()));
        }
        Ok(Some(SlotLine {
            event: "slot",
            slot,
            areas: report
                .areas
                .iter()
                .map(|area| AreaPrice { id: area.id.clone(), price: area.price })
                .collect(),
            traded_wh: report.traded,
            orders: report.orders,
            houses,
        }))
    }

    /// Adds up the slots `[from, to)` that are settled, each house's own readings against the exchange.
    pub async fn summary(&self, from: Slot, to: Slot) -> Result<Summary, StreetError> {
        let mut summary = Summary::default();
        for slot in Slot::range(from..to) {
            let Some(report) = self.exchange.slot_report(slot).await? else { continue };
            summary.add(&report, &self.reported(&report)?);
        }
        Ok(summary)
    }
}

impl Street {
    /// Returns what each house measured in a slot, import and export, as far as it could report it: what the
    /// exchange settled without and a sleeping household has not sent yet is the utility's until it is sent.
    fn reported(
        &self,
        report: &SlotReport,
    ) -> Result<BTreeMap<MemberId, (WattHours, WattHours)>, StreetError> {
        let mut reported = BTreeMap::new();
        for neighbour in &self.neighbours {
            let Some(energy) = neighbour.own_slot(report.slot)?.as_ref().and_then(SlotEnergy::market_wh)
            else {
                continue;
            };
            let entered = report.members.iter().any(|(id, it)| *id == neighbour.member && it.measured);
            if entered || !neighbour.holds_back(report.slot..report.slot.next())? {
                reported.insert(neighbour.member.clone(), energy);
            }
        }
        Ok(reported)
    }
}

impl Neighbour {
    /// Returns what the household remembers, also while it sleeps or another program runs it; `None` until it
    /// was opened for the first time.
    pub fn history(&self) -> Result<Option<History>, StreetError> {
        if let Some(history) = self.household.as_ref().and_then(|household| household.history()) {
            return Ok(Some(history));
        }
        let file = self.dir.join(HISTORY_FILE);
        if !file.exists() {
            return Ok(None);
        }
        let told = |cause| StreetError::History { house: self.house.plan.id.clone(), cause };
        History::open(&file, OpenMode::ReadOnly).map(Some).map_err(told)
    }

    /// Returns whether the reading of one of some slots still lies in the outbox, so that the exchange may not know it.
    pub(super) fn holds_back(&self, slots: Range<Slot>) -> Result<bool, StreetError> {
        let told = |cause| StreetError::History { house: self.house.plan.id.clone(), cause };
        let Some(history) = self.history()? else { return Ok(false) };
        let readings = history.readings(slots).map_err(told)?;
        let waits = |state| matches!(state, ReadingState::Waiting | ReadingState::Sent);
        Ok(readings.iter().any(|stored| waits(stored.state)))
    }

    /// Returns what the house's own books say of its grid meter in a slot.
    pub fn own_slot(&self, slot: Slot) -> Result<Option<SlotEnergy>, StreetError> {
        let told = |cause| StreetError::History { house: self.house.plan.id.clone(), cause };
        let Some(history) = self.history()? else { return Ok(None) };
        let found = history.slots(&meter_id(Role::Grid), slot..slot.next()).map_err(told)?;
        Ok(found.into_iter().next().map(|stored| stored.energy))
    }
}

fn house_line(member: &MemberId, settled: &MemberSettlement, energy: Option<&SlotEnergy>) -> HouseLine {
    let measured = energy.and_then(SlotEnergy::market_wh);
    let (gain, sells) = (gain(settled), !settled.sold.is_zero());
    HouseLine {
        id: member.clone(),
        area: settled.area.clone(),
        import_wh: measured.map(|(import, _)| import),
        export_wh: measured.map(|(_, export)| export),
        sold_wh: settled.sold,
        bought_wh: settled.bought,
        quality: energy.map_or(Quality::Missing, |energy| energy.quality),
        earned_nanos: if sells { gain } else { Money::ZERO },
        saved_nanos: if sells { Money::ZERO } else { gain },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_the_line_that_the_contract_names() {
        let summary = Summary { slots: 96, traded_wh: WattHours::new(12_345), ..Summary::default() };
        assert_eq!(
            serde_json::to_string(&summary).unwrap(),
            "{\"event\":\"summary\",\"slots\":96,\"traded_wh\":12345,\"energy_imbalance_wh\":0,\
             \"money_imbalance_nanos\":\"0\",\"worse_off\":0,\"statements_verified\":0,\"statements_failed\":0}"
        );
        assert!(summary.holds());
        assert!(!Summary { worse_off: 1, ..summary }.holds());
        assert!(!Summary { money_imbalance_nanos: -1, ..summary }.holds());
    }

    /// A buyer of 1 kWh at 0.31 EUR with retail at 0.32.
    fn buyer(grid_fee: i64) -> SlotReport {
        let posting = |what: &str, nanos| exchange_api::MemberPosting {
            reference: "order".to_owned(),
            what: what.to_owned(),
            amount: Money::from_nanos(nanos),
        };
        let price = units::Price::from_micros_per_kwh;
        let settled = MemberSettlement {
            cursor: 1,
            slot: Slot::from_index(1_980_000),
            version: 1,
            settled_at: units::Timestamp::default(),
            area: AreaId::new("feeder-1").unwrap(),
            price: Some(price(310_000)),
            measured: true,
            source: Some(exchange_api::ReadingSource::Member),
            import: WattHours::new(1000),
            export: WattHours::ZERO,
            sold: WattHours::ZERO,
            bought: WattHours::new(1000),
            from_utility: WattHours::ZERO,
            to_utility: WattHours::ZERO,
            contract: exchange_api::UtilityContract {
                retail_micros_per_kwh: price(320_000),
                feed_in_micros_per_kwh: price(81_000),
            },
            fills: Vec::new(),
            deals: Vec::new(),
            postings: vec![posting("energy", -310_000_000), posting("grid_fee", -grid_fee)],
        };
        SlotReport {
            slot: settled.slot,
            state: exchange_api::SlotState::Settled,
            version: 1,
            areas: Vec::new(),
            traded: WattHours::new(1000),
            orders: 1,
            members: vec![(MemberId::new("home-01").unwrap(), settled)],
            postings: Vec::new(),
        }
    }

    #[test]
    fn whoever_paid_the_grid_more_than_the_trade_saved_is_worse_off() {
        let worse_off = |grid_fee| {
            let mut summary = Summary::default();
            summary.add(&buyer(grid_fee), &BTreeMap::new());
            summary.worse_off
        };
        assert_eq!((worse_off(10_000_000), worse_off(10_000_001)), (0, 1));
    }
}
