//! What a kWh costs and brings in a slot: the contracts, with what their prices depend on.

use std::collections::BTreeMap;
use std::ops::Range;

use history::{History, HistoryError};
use pricing::{Contracts, Forecast, NoPrice, PriceKind, Published, Quote, SlotPrices, SpotCurve};
use units::{DayKey, Energy, LocalDay, MeterId, Price, Slot, WattHours};

use crate::config::{HomeConfig, Role};

/// A contract that bills by the hour looks at the quarter hours around a slot.
const AROUND: i64 = 4;

/// So many days back are averaged for a guess at prices that nobody has published yet.
const GUESS_DAYS: i64 = 7;
/// A guess needs the same time of so many of these days.
const GUESS_FROM: usize = 3;

/// The contracts beside the power market's prices and the energy imported in the running tier periods.
#[derive(Clone, Debug)]
pub struct PriceBook {
    contracts: Option<Contracts>,
    /// What the power market's prices are known for.
    slots: Range<Slot>,
    spot: SpotCurve<Published>,
    imported: Imported,
}

/// How much was imported before each slot since its tier period began.
#[derive(Clone, Debug, Default)]
struct Imported(BTreeMap<Slot, (DayKey, WattHours)>);

impl PriceBook {
    /// Reads from the history what the prices of a range depend on; nothing where they depend on nothing.
    pub fn read(config: &HomeConfig, history: &History, slots: Range<Slot>) -> Result<Self, HistoryError> {
        let contracts = config.contracts().expect("the configuration was checked");
        let mut spot = SpotCurve::new(config.currency);
        if contracts.as_ref().is_some_and(Contracts::needs_spot) {
            let around = slots.start.offset(-AROUND - GUESS_DAYS * 96)..slots.end.offset(AROUND);
            spot.extend(history.spot_prices(around)?.into_iter().map(|known| (known.slot, known.price)));
        }
        let grid = config.meter_of(Role::Grid).map(|meter| &meter.id);
        let imported = match (&contracts, grid) {
            (Some(contracts), Some(grid)) => Imported::read(contracts, history, grid, slots.clone())?,
            _ => Imported::default(),
        };
        Ok(Self { contracts, slots, spot, imported })
    }

    pub fn contracts(&self) -> Option<&Contracts> {
        self.contracts.as_ref()
    }

    /// Says whether it knows what the prices of a slot depend on, as far as anybody does.
    pub fn covers(&self, slot: Slot) -> bool {
        let independent =
            |contracts: &Contracts| !contracts.needs_spot() && contracts.tier_period_start(slot).is_none();
        self.slots.contains(&slot) || self.contracts.as_ref().is_none_or(independent)
    }

    /// Returns the prices of a slot as agreed and published, or why there are none. Never a guess.
    pub fn prices(&self, slot: Slot) -> Result<SlotPrices, NoPrice> {
        let contracts = self.contracts.as_ref().ok_or(NoPrice::NoContract)?;
        contracts.prices_with(slot, &self.spot, self.imported.before(contracts, slot))
    }

    /// Returns the prices of a slot with their parts.
    pub fn quote(&self, slot: Slot) -> Result<Quote<Published>, NoPrice> {
        self.quoted(slot, &self.spot)
    }

    /// Returns what the prices of slots may be that nobody has published yet: as they were at the same time of
    /// the last days. A kind of its own, for charts: nothing is decided or settled by it.
    pub fn guesses(&self, slots: Range<Slot>) -> Vec<Quote<Forecast>> {
        let mut foretold = SpotCurve::<Forecast>::new(self.spot.currency());
        let around = slots.start.offset(-AROUND)..slots.end.offset(AROUND);
        foretold.extend(Slot::range(around).filter_map(|slot| Some((slot, self.guessed_spot(slot)?))));
        let unknown = |slot: &Slot| matches!(self.prices(*slot), Err(NoPrice::SpotUnknown));
        Slot::range(slots).filter(unknown).filter_map(|slot| self.quoted(slot, &foretold).ok()).collect()
    }

    /// Returns until when the power market's prices are known.
    pub fn spot_until(&self) -> Option<Slot> {
        self.spot.end()
    }

    pub fn spot(&self, slot: Slot) -> Option<Price> {
        self.spot.get(slot)
    }

    fn quoted<K: PriceKind>(&self, slot: Slot, spot: &SpotCurve<K>) -> Result<Quote<K>, NoPrice> {
        let contracts = self.contracts.as_ref().ok_or(NoPrice::NoContract)?;
        contracts.quote(slot, spot, self.imported.before(contracts, slot))
    }

    fn guessed_spot(&self, slot: Slot) -> Option<Price> {
        if let Some(known) = self.spot.get(slot) {
            return Some(known);
        }
        let end = self.spot.end()?;
        // The last days that are known, at this time of the day.
        let ahead = (slot.index() - end.index()).div_euclid(96) + 1;
        let same_time = (0..GUESS_DAYS).filter_map(|day| self.spot.get(slot.offset(-(ahead + day) * 96)));
        let known: Vec<i64> = same_time.map(Price::micros_per_kwh).collect();
        (known.len() >= GUESS_FROM)
            .then(|| Price::from_micros_per_kwh(known.iter().sum::<i64>() / known.len() as i64))
    }
}

impl Imported {
    fn read(
        contracts: &Contracts,
        history: &History,
        grid: &MeterId,
        slots: Range<Slot>,
    ) -> Result<Self, HistoryError> {
        if contracts.versions().iter().all(|version| version.tariff.tiers.is_empty()) {
            return Ok(Self::default());
        }
        // A contract with tiers may begin within the range.
        let Some(first) = Slot::range(slots.clone()).find_map(|slot| contracts.tier_period_start(slot))
        else {
            return Ok(Self::default());
        };
        let first = LocalDay::new(first, contracts.zone()).slots().start;
        let (mut before, mut used, mut period) = (BTreeMap::new(), Energy::ZERO, None);
        for row in history.slots(grid, first..slots.end)? {
            let running = contracts.tier_period_start(row.slot);
            if period.replace(running) != Some(running) {
                used = Energy::ZERO;
            }
            used += row.energy.import.unwrap_or(Energy::ZERO);
            if let Some(start) = running {
                // Known from the end of the slot on.
                before.insert(row.slot.next(), (start, used.floor_watt_hours()));
            }
        }
        Ok(Self(before))
    }

    /// Returns what was imported before a slot in its tier period, as far as it was recorded.
    fn before(&self, contracts: &Contracts, slot: Slot) -> Option<WattHours> {
        let period = contracts.tier_period_start(slot)?;
        let newest = self.0.range(..=slot).next_back();
        Some(match newest {
            Some((_, (start, used))) if *start == period => *used,
            _ => WattHours::ZERO,
        })
    }
}
