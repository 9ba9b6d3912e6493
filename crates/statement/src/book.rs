//! The entries of a statement by what they speak of.

use std::collections::{BTreeMap, HashMap, HashSet};

use units::{DealId, MarketId, MemberId, OrderId, Slot};

use crate::entry::{
    Body, ClearingBody, ConfigBody, DealBody, Entry, MemberBody, OrderBody, PriceStep, ReadingBody,
    SettlementBody, Source, UtilityReadingBody,
};
use crate::fault::{Fault, Step};
use crate::paper::Header;

/// A body and its entry's place in the log.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub index: u64,
    pub body: T,
}

/// All that a statement opens, read once.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub configs: BTreeMap<u32, At<ConfigBody>>,
    /// By the slot from which they hold.
    pub members: BTreeMap<Slot, At<MemberBody>>,
    /// What was said of the contract with the utility, by the slot from which it was said.
    pub contracts: BTreeMap<Slot, At<Vec<PriceStep>>>,
    /// Public keys of the member's devices.
    pub device_keys: Vec<String>,
    pub orders: HashMap<Slot, Vec<At<OrderBody>>>,
    pub cancelled: HashMap<OrderId, u64>,
    pub deals: HashMap<DealId, At<DealBody>>,
    pub readings: BTreeMap<Slot, At<ReadingBody>>,
    pub utility_readings: HashMap<Slot, At<UtilityReadingBody>>,
    pub clearings: HashMap<Slot, At<ClearingBody>>,
    /// By slot, then version.
    pub settlements: BTreeMap<Slot, BTreeMap<u32, At<SettlementBody>>>,
}

impl Book {
    /// Reads all entries. Each must be of the header's market and member, and be there once.
    pub(crate) fn of(header: &Header, entries: &[Entry]) -> Result<Self, Fault> {
        let mut book = Self::default();
        let mut order_ids = HashSet::new();
        for entry in entries {
            let fault =
                |detail: String| Fault::new(Step::Entries, format!("entry {}: {detail}", entry.index));
            let read =
                entry.read().ok_or_else(|| fault(format!("{} has no place in a statement", entry.domain)))?;
            let body = read.map_err(|cause| fault(format!("{} cannot be read: {cause}", entry.domain)))?;
            if !entry.is_plainly_written() {
                return Err(fault(format!("{} is not written in its one form", entry.domain)));
            }
            book.put(header, entry.index, body, &mut order_ids).map_err(|detail| fault(detail.to_owned()))?;
        }
        Ok(book)
    }

    fn put(
        &mut self,
        header: &Header,
        index: u64,
        body: Body,
        order_ids: &mut HashSet<OrderId>,
    ) -> Result<(), &'static str> {
        const TWICE: &str = "the statement holds such an entry already";
        let market = |market: &MarketId| {
            if *market == header.market { Ok(()) } else { Err("it is of another market") }
        };
        let member = |member: &MemberId| {
            if *member == header.member { Ok(()) } else { Err("it is of another member") }
        };
        let once = |fresh: bool| if fresh { Ok(()) } else { Err(TWICE) };
        match body {
            Body::Config(body) => {
                market(&body.market)?;
                once(self.configs.insert(body.version, At { index, body }).is_none())
            }
            Body::Member(body) => {
                market(&body.market).and(member(&body.member))?;
                once(self.members.insert(body.from, At { index, body }).is_none())
            }
            Body::Contract(body) => {
                market(&body.market).and(member(&body.member))?;
                let steps = vec![PriceStep { from: body.from, retail: body.retail, feed_in: body.feed_in }];
                once(self.contracts.insert(body.from, At { index, body: steps }).is_none())
            }
            Body::ContractPrices(body) => {
                market(&body.market).and(member(&body.member))?;
                let rising = body.steps.windows(2).all(|pair| pair[0].from < pair[1].from);
                if !rising || body.steps.first().is_none_or(|step| step.from != body.from) {
                    return Err("its steps are not in the order of their slots");
                }
                once(self.contracts.insert(body.from, At { index, body: body.steps }).is_none())
            }
            Body::Key(body) => {
                market(&body.market).and(member(&body.member))?;
                self.device_keys.push(body.public_key);
                Ok(())
            }
            Body::Order(body) => {
                market(&body.market).and(member(&body.member))?;
                once(order_ids.insert(body.id.clone()))?;
                self.orders.entry(body.slot).or_default().push(At { index, body });
                Ok(())
            }
            Body::Cancel(body) => {
                market(&body.market).and(member(&body.member))?;
                once(self.cancelled.insert(body.order, index).is_none())
            }
            Body::Deal(body) => {
                market(&body.market)?;
                if body.seller != header.member && body.buyer != header.member {
                    return Err("the deal is between others");
                }
                once(self.deals.insert(body.id.clone(), At { index, body }).is_none())
            }
            Body::Reading(body) => {
                market(&body.market).and(member(&body.member))?;
                once(self.readings.insert(body.slot, At { index, body }).is_none())
            }
            Body::UtilityReading(body) => {
                market(&body.market)?;
                once(self.utility_readings.insert(body.slot, At { index, body }).is_none())
            }
            Body::Clearing(body) => {
                market(&body.market)?;
                once(self.clearings.insert(body.slot, At { index, body }).is_none())
            }
            Body::Settlement(body) => {
                market(&body.market).and(member(&body.member))?;
                let versions = self.settlements.entry(body.slot).or_default();
                once(versions.insert(body.version, At { index, body }).is_none())
            }
            Body::LogKey(_) => Ok(()),
        }
    }

    /// Returns where the member belongs in a slot.
    pub(crate) fn member(&self, slot: Slot) -> Result<&MemberBody, Fault> {
        let member = self.members.range(..=slot).next_back().map(|(_, member)| &member.body);
        member.ok_or_else(|| {
            Fault::new(Step::Configuration, format!("{slot}: no entry says where the member belongs"))
        })
    }

    /// Returns the prices of the utility that hold in a slot: the newest word about it counts.
    pub(crate) fn contract(&self, slot: Slot) -> Result<&PriceStep, Fault> {
        let newest = self.contracts.range(..=slot).map(|(_, word)| word).max_by_key(|word| word.index);
        let step = newest.and_then(|word| word.body.iter().rfind(|step| step.from <= slot));
        step.ok_or_else(|| Fault::new(Step::Configuration, format!("{slot}: no entry has the contract")))
    }

    pub(crate) fn config(&self, slot: Slot, version: u32) -> Result<&ConfigBody, Fault> {
        let config = self.configs.get(&version).map(|config| &config.body);
        config.ok_or_else(|| {
            Fault::new(
                Step::Configuration,
                format!("{slot}: version {version} of the configuration is not opened"),
            )
        })
    }

    /// Returns import and export of a slot from a source, with the place of the reading.
    pub(crate) fn energy(&self, slot: Slot, source: Source) -> Result<Option<(u64, i64, i64)>, Fault> {
        let point = &self.member(slot)?.metering_point;
        let (index, point_read, registers) = match source {
            Source::Member => {
                let Some(At { index, body }) = self.readings.get(&slot) else { return Ok(None) };
                let Some(registers) = body.registers else { return Ok(None) };
                (*index, &body.metering_point, registers)
            }
            Source::Utility => {
                let Some(At { index, body }) = self.utility_readings.get(&slot) else { return Ok(None) };
                (*index, &body.metering_point, body.registers)
            }
        };
        let fault = |detail: &str| Fault::new(Step::Readings, format!("{slot}: {detail}"));
        if point_read != point {
            return Err(fault("the reading is of another metering point"));
        }
        let (import, export) = registers.energy().ok_or_else(|| fault("a register runs backwards"))?;
        Ok(Some((index, import, export)))
    }
}

impl crate::entry::Registers {
    /// Returns import and export, or `None` where a register runs backwards or is negative.
    pub(crate) fn energy(&self) -> Option<(i64, i64)> {
        let between = |start: units::WattHours, end: units::WattHours| {
            (start.get() >= 0).then(|| end.get().checked_sub(start.get()).filter(|energy| *energy >= 0))?
        };
        Some((
            between(self.import_start_wh, self.import_end_wh)?,
            between(self.export_start_wh, self.export_end_wh)?,
        ))
    }
}
