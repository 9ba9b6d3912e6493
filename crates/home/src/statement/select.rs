//! Which entries of the log a statement opens: those of its month's settled slots, what governed them, and
//! what corrections of earlier months cite.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use ::statement::{Body, Citation, Entry};
use history::{History, HistoryError, LogEntry, StatementRow};
use units::{DealId, OrderId, Slot};

use crate::convert;

/// What a statement of a month is made of.
#[derive(Debug, Default)]
pub struct Selection {
    /// In the log's order.
    pub entries: Vec<Entry>,
    pub corrections: Vec<Citation>,
    /// The month's settled slots.
    pub settled: usize,
    /// The place after the newest entry that settles a slot of the month.
    pub settled_until: u64,
}

/// A statement that was made before, and the slots of its month.
#[derive(Clone, Debug)]
pub struct Earlier {
    pub row: StatementRow,
    pub slots: Range<Slot>,
}

/// The versions of a slot's settlement by number, with their places in the log.
type Versions = BTreeMap<u32, u64>;

/// Selects the entries of a month. `earlier` are the newest statements of each earlier month, oldest first.
pub fn select(
    history: &History,
    log: i64,
    month: Range<Slot>,
    earlier: &[Earlier],
) -> Result<Selection, HistoryError> {
    let mut pool = Pool::read(&history.lasting_log_entries(log)?);
    pool.add(&history.log_entries(log, month.clone())?);
    let mut selection = Selection::default();
    let mut wanted = BTreeSet::new();
    let mut slots: Vec<Slot> = pool.settled_in(&month);
    (selection.settled, selection.settled_until) = (slots.len(), pool.settled_until(&slots));
    for slot in &slots {
        let versions = &pool.settlements[slot];
        wanted.extend(
            [versions.first_key_value(), versions.last_key_value()].into_iter().flatten().map(|it| *it.1),
        );
    }
    for citation in corrections(history, log, &month, earlier)? {
        pool.add(&history.log_entries(log, citation.slot..citation.slot.next())?);
        let versions = &pool.settlements[&citation.slot];
        let cited = [1, citation.original_version, citation.version];
        wanted.extend(cited.iter().filter_map(|version| versions.get(version)));
        slots.push(citation.slot);
        selection.corrections.push(citation);
    }
    pool.want_what_governs(&slots, &mut wanted);
    selection.entries = wanted.iter().filter_map(|index| pool.entries.get(index).cloned()).collect();
    Ok(selection)
}

/// Returns which slots of earlier statements were settled anew since the last of these was made.
fn corrections(
    history: &History,
    log: i64,
    month: &Range<Slot>,
    earlier: &[Earlier],
) -> Result<Vec<Citation>, HistoryError> {
    // What an earlier log held is closed: its entries have no place in this one.
    let same_log: Vec<&Earlier> = earlier.iter().filter(|earlier| earlier.row.log == log).collect();
    let Some(known_until) = same_log.iter().map(|earlier| earlier.row.log_size).max() else {
        return Ok(Vec::new());
    };
    let changed = Pool::read(&history.log_entries_since(log, known_until, month.start)?);
    let mut citations = Vec::new();
    for slot in changed.settlements.keys() {
        let Some(original) = same_log.iter().find(|earlier| earlier.slots.contains(slot)) else { continue };
        let versions = Pool::read(&history.log_entries(log, *slot..slot.next())?);
        let versions = &versions.settlements[slot];
        let before = versions.iter().filter(|(_, index)| **index < known_until).map(|(version, _)| *version);
        // A slot that no statement has is not corrected by one.
        let (Some(original_version), Some((version, _))) = (before.max(), versions.last_key_value()) else {
            continue;
        };
        citations.push(Citation {
            slot: *slot,
            original: original.row.number.clone(),
            original_version,
            version: *version,
        });
    }
    Ok(citations)
}

/// Entries by what they speak of.
#[derive(Debug, Default)]
struct Pool {
    entries: BTreeMap<u64, Entry>,
    settlements: BTreeMap<Slot, Versions>,
    settled_deals: HashMap<Slot, Vec<DealId>>,
    /// Of slots: orders, readings of both kinds, clearings. The newest of those that may be there once.
    orders: HashMap<Slot, Vec<(OrderId, u64)>>,
    readings: HashMap<Slot, u64>,
    utility_readings: HashMap<Slot, u64>,
    clearings: HashMap<Slot, u64>,
    cancels: HashMap<OrderId, u64>,
    deals: HashMap<DealId, u64>,
    members: BTreeMap<Slot, u64>,
    /// By place; a newer word takes the place of all that was said of later slots.
    contracts: BTreeMap<u64, Slot>,
    /// Configurations, keys of devices, keys of the log.
    always: Vec<u64>,
}

impl Pool {
    fn read(entries: &[LogEntry]) -> Self {
        let mut pool = Self::default();
        pool.add(entries);
        pool
    }

    fn add(&mut self, entries: &[LogEntry]) {
        for entry in entries.iter().filter_map(convert::statement_entry) {
            // What is not of a statement's domains has no place in one.
            let Some(Ok(body)) = entry.read() else { continue };
            self.put(entry.index, body);
            self.entries.insert(entry.index, entry);
        }
    }

    fn put(&mut self, index: u64, body: Body) {
        match body {
            Body::Config(_) | Body::Key(_) | Body::LogKey(_) => {
                if !self.always.contains(&index) {
                    self.always.push(index);
                }
            }
            Body::Member(body) => drop(self.members.insert(body.from, index)),
            Body::Contract(body) => drop(self.contracts.insert(index, body.from)),
            Body::ContractPrices(body) => drop(self.contracts.insert(index, body.from)),
            Body::Order(body) => {
                let orders = self.orders.entry(body.slot).or_default();
                if orders.iter().all(|(id, _)| *id != body.id) {
                    orders.push((body.id, index));
                }
            }
            Body::Cancel(body) => drop(self.cancels.entry(body.order).or_insert(index)),
            Body::Deal(body) => drop(self.deals.insert(body.id, index)),
            Body::Reading(body) => drop(self.readings.entry(body.slot).or_insert(index)),
            Body::UtilityReading(body) => drop(self.utility_readings.insert(body.slot, index)),
            Body::Clearing(body) => drop(self.clearings.entry(body.slot).or_insert(index)),
            Body::Settlement(body) => {
                let deals = body.deals.into_iter().map(|line| line.deal);
                self.settled_deals.entry(body.slot).or_default().extend(deals);
                self.settlements.entry(body.slot).or_default().insert(body.version, index);
            }
        }
    }

    /// Lists the slots of a range whose first settlement is known.
    fn settled_in(&self, range: &Range<Slot>) -> Vec<Slot> {
        let slots = self.settlements.range(range.clone());
        slots.filter(|(_, versions)| versions.contains_key(&1)).map(|(slot, _)| *slot).collect()
    }

    fn settled_until(&self, slots: &[Slot]) -> u64 {
        let places = slots.iter().flat_map(|slot| self.settlements[slot].values());
        places.max().map_or(0, |newest| newest + 1)
    }

    /// Returns the words about the contract that none later replaced as a whole, by their first slots.
    fn contracts_in_force(&self) -> BTreeMap<Slot, u64> {
        let mut in_force = BTreeMap::new();
        for (index, from) in &self.contracts {
            in_force.split_off(from);
            in_force.insert(*from, *index);
        }
        in_force
    }

    /// Adds what the settlements of slots rest on.
    fn want_what_governs(&self, slots: &[Slot], wanted: &mut BTreeSet<u64>) {
        wanted.extend(&self.always);
        if let (Some(first), Some(last)) = (slots.iter().min(), slots.iter().max()) {
            for by_start in [&self.members, &self.contracts_in_force()] {
                let before = by_start.range(..=*first).next_back();
                let within = by_start.range(*first..=*last);
                wanted.extend(before.into_iter().chain(within).map(|(_, index)| *index));
            }
        }
        let mut deals = HashSet::new();
        for slot in slots {
            let once = [&self.readings, &self.utility_readings, &self.clearings];
            wanted.extend(once.iter().filter_map(|by_slot| by_slot.get(slot)));
            for (order, index) in self.orders.get(slot).into_iter().flatten() {
                wanted.insert(*index);
                wanted.extend(self.cancels.get(order));
            }
            deals.extend(self.settled_deals.get(slot).into_iter().flatten());
        }
        wanted.extend(deals.into_iter().filter_map(|deal| self.deals.get(deal)));
    }
}
