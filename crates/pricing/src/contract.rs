//! A home's contract with its utility, in versions: each holds from a local day on, until the next does.

use units::{Currency, DayKey, LocalDay, Price, Slot, Timestamp, WallTime, WattHours, Zone};

use crate::correction::Correction;
use crate::formula::Spot;
use crate::kind::{PriceKind, Published};
use crate::quote::{NoPrice, Priced, Quote, SlotPrices};
use crate::read::{self, ContractFault};
use crate::spot::SpotCurve;
use crate::table::ContractTable;
use crate::tariff::{Billing, Chosen, Tariff};
use crate::write;

/// What the utility charges and pays from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    pub valid_from: DayKey,
    pub tariff: Tariff,
}

/// The versions of a home's contract, the earliest first, and what was billed otherwise later on. There is
/// at least one version; the last one has no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contracts {
    currency: Currency,
    zone: Zone,
    versions: Vec<Contract>,
    corrections: Vec<Correction>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContracts {
    #[error("there is no contract: say what your utility charges and pays, and from which day on")]
    Empty,
    #[error(
        "the contract from {later} comes after the one from {earlier}: \
         put them in the order of their days, one a day"
    )]
    NotRising { earlier: DayKey, later: DayKey },
    #[error("{place}: {fault}")]
    Unreadable {
        /// Such as `contract from 2026-01-01, zone 2 "Night", hours`.
        place: String,
        fault: ContractFault,
    },
    #[error(
        "a contract cannot change from {valid_from} on, since that day has begun or is over: \
         {earliest} is the earliest, so that what was delivered keeps its price. \
         If your utility billed the past anew, enter a correction"
    )]
    AltersThePast { valid_from: DayKey, earliest: DayKey },
    #[error(
        "the correction of {from} to {until} that is dated {dated} does not correct the past: \
         it ends after it begins, and is dated after it begins and not in the future"
    )]
    NoCorrection { from: DayKey, until: DayKey, dated: DayKey },
}

impl Contract {
    /// Makes a contract with one price for buying and one for selling at all hours.
    pub fn fixed(valid_from: DayKey, retail: Price, feed_in: Price) -> Self {
        Self { valid_from, tariff: Tariff::fixed(retail, feed_in) }
    }
}

impl Contracts {
    /// Takes the versions of a contract, which must start on rising days of the home's zone.
    pub fn new(currency: Currency, zone: Zone, versions: Vec<Contract>) -> Result<Self, InvalidContracts> {
        if versions.is_empty() {
            return Err(InvalidContracts::Empty);
        }
        for pair in versions.windows(2) {
            let (earlier, later) = (pair[0].valid_from, pair[1].valid_from);
            if earlier >= later {
                return Err(InvalidContracts::NotRising { earlier, later });
            }
        }
        Ok(Self { currency, zone, versions, corrections: Vec::new() })
    }

    /// Reads the versions and corrections as a configuration file holds them.
    pub fn from_tables(
        currency: Currency,
        zone: Zone,
        tables: &[ContractTable],
    ) -> Result<Self, InvalidContracts> {
        let (versions, corrections) = read::contracts(currency, tables)?;
        let mut contracts = Self::new(currency, zone, versions)?;
        for correction in corrections {
            contracts = contracts.with(correction)?;
        }
        Ok(contracts)
    }

    /// Returns the versions and corrections in the form of a configuration file.
    pub fn to_tables(&self) -> Vec<ContractTable> {
        let versions = self.versions.iter().map(|version| write::version(version, self.currency));
        let corrections = self.corrections.iter().map(|one| write::correction(one, self.currency));
        versions.chain(corrections).collect()
    }

    /// Returns the prices of a slot as far as the contract alone tells them: `None` before the first version,
    /// and where they depend on the power market or on what was imported so far.
    pub fn prices(&self, slot: Slot) -> Option<SlotPrices> {
        self.prices_of::<Published>(slot, None, None).ok()
    }

    /// Returns the prices of a slot without their parts.
    ///
    /// `imported` is what was imported since the running tier period began; only tiers need it.
    pub fn prices_with<K: PriceKind>(
        &self,
        slot: Slot,
        spot: &SpotCurve<K>,
        imported: Option<WattHours>,
    ) -> Result<SlotPrices, NoPrice> {
        self.prices_of(slot, Some(spot), imported)
    }

    /// Returns the prices of a slot with their parts, as they were agreed for its day. Corrections do not
    /// touch them: see [`Contracts::corrected`].
    pub fn quote<K: PriceKind>(
        &self,
        slot: Slot,
        spot: &SpotCurve<K>,
        imported: Option<WattHours>,
    ) -> Result<Quote<K>, NoPrice> {
        let (tariff, time) = self.tariff_at(slot)?;
        let priced = |chosen: Chosen<'_>| -> Result<Priced, NoPrice> {
            let spot = self.spot_of(tariff, chosen, slot, time, Some(spot))?;
            let parts = chosen.formula.parts(spot).ok_or(NoPrice::SpotUnknown)?;
            let price = parts.iter().map(|part| part.price).sum();
            Ok(Priced { price, parts, zone: chosen.zone.map(str::to_owned) })
        };
        let retail = priced(tariff.retail_at(time, imported)?)?;
        Ok(Quote::new(slot, retail, priced(tariff.feed_in_at(time))?))
    }

    /// Returns the version that holds on a day.
    pub fn on(&self, day: DayKey) -> Option<&Contract> {
        let later = self.versions.partition_point(|contract| contract.valid_from <= day);
        self.versions[..later].last()
    }

    /// Returns the contracts with a version more, or another one for its day.
    ///
    /// A change never alters the past: it holds from tomorrow on at the earliest, because what flowed
    /// earlier today flowed at the price of then. Versions that start later stay.
    pub fn changed(&self, contract: Contract, now: Timestamp) -> Result<Self, InvalidContracts> {
        let earliest = LocalDay::containing(now, self.zone).next().key();
        let valid_from = contract.valid_from;
        if valid_from < earliest {
            return Err(InvalidContracts::AltersThePast { valid_from, earliest });
        }
        let mut changed = self.clone();
        match changed.versions.binary_search_by_key(&valid_from, |version| version.valid_from) {
            Ok(place) => changed.versions[place] = contract,
            Err(place) => changed.versions.insert(place, contract),
        }
        Ok(changed)
    }

    /// Returns the contracts without the version that begins on a day. Only one that has not begun can go.
    pub fn without(&self, valid_from: DayKey, now: Timestamp) -> Result<Self, InvalidContracts> {
        let earliest = LocalDay::containing(now, self.zone).next().key();
        if valid_from < earliest {
            return Err(InvalidContracts::AltersThePast { valid_from, earliest });
        }
        let mut versions = self.versions.clone();
        versions.retain(|version| version.valid_from != valid_from);
        Ok(Self { corrections: self.corrections.clone(), ..Self::new(self.currency, self.zone, versions)? })
    }

    /// Returns the contracts with a correction more: the utility billed a past time anew. The versions stay.
    pub fn rebilled(&self, correction: Correction, now: Timestamp) -> Result<Self, InvalidContracts> {
        let today = LocalDay::containing(now, self.zone).key();
        if correction.dated > today {
            return Err(correction.invalid());
        }
        self.with(correction)
    }

    fn with(&self, correction: Correction) -> Result<Self, InvalidContracts> {
        if correction.from >= correction.until || correction.dated <= correction.from {
            return Err(correction.invalid());
        }
        let mut corrected = self.clone();
        corrected.corrections.push(correction);
        corrected.corrections.sort_by_key(|correction| correction.dated);
        Ok(corrected)
    }

    /// Returns the contracts as the utility's bills see them today: all corrections stand in the versions.
    pub fn corrected(&self) -> Self {
        self.known_after(self.corrections.len())
    }

    /// Returns the contracts as they were known at the end of a day.
    pub fn known_on(&self, day: DayKey) -> Self {
        self.known_after(self.corrections.partition_point(|correction| correction.dated <= day))
    }

    /// Returns the contracts with the first so many corrections in their versions.
    pub(crate) fn known_after(&self, corrections: usize) -> Self {
        let mut versions = self.versions.clone();
        for correction in &self.corrections[..corrections] {
            versions = correction.laid_over(versions);
        }
        Self { versions, corrections: Vec::new(), ..*self }
    }

    /// Returns the first day of the tier period that a slot lies in; `None` where its price has no tiers.
    pub fn tier_period_start(&self, slot: Slot) -> Option<DayKey> {
        let (tariff, time) = self.tariff_at(slot).ok()?;
        (!tariff.tiers.is_empty()).then(|| tariff.tier_period_start(time.day))
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    pub fn zone(&self) -> Zone {
        self.zone
    }

    pub fn versions(&self) -> &[Contract] {
        &self.versions
    }

    /// Returns the corrections, the earliest date first.
    pub fn corrections(&self) -> &[Correction] {
        &self.corrections
    }

    /// Says whether any version's prices depend on the power market.
    pub fn needs_spot(&self) -> bool {
        self.versions.iter().any(|version| version.tariff.needs_spot())
    }

    /// Returns the version of a slot's local day, and what the clock on the wall shows.
    pub(crate) fn tariff_at(&self, slot: Slot) -> Result<(&Tariff, WallTime), NoPrice> {
        let time = WallTime::at(slot, self.zone);
        Ok((&self.on(time.day).ok_or(NoPrice::NoContract)?.tariff, time))
    }

    /// Returns the price of a formula that counts in a slot.
    pub(crate) fn price_of<K: PriceKind>(
        &self,
        (tariff, time): (&Tariff, WallTime),
        chosen: Chosen<'_>,
        slot: Slot,
        spot: Option<&SpotCurve<K>>,
    ) -> Result<Price, NoPrice> {
        let spot = self.spot_of(tariff, chosen, slot, time, spot)?;
        chosen.formula.price(spot).ok_or(NoPrice::SpotUnknown)
    }

    fn prices_of<K: PriceKind>(
        &self,
        slot: Slot,
        spot: Option<&SpotCurve<K>>,
        imported: Option<WattHours>,
    ) -> Result<SlotPrices, NoPrice> {
        let (tariff, time) = self.tariff_at(slot)?;
        let price = |chosen| self.price_of((tariff, time), chosen, slot, spot);
        let retail = price(tariff.retail_at(time, imported)?)?;
        Ok(SlotPrices { retail, feed_in: price(tariff.feed_in_at(time))? })
    }

    /// Returns the spot price over what the contract bills at once; all of it must be known.
    fn spot_of<K: PriceKind>(
        &self,
        tariff: &Tariff,
        chosen: Chosen<'_>,
        slot: Slot,
        time: WallTime,
        curve: Option<&SpotCurve<K>>,
    ) -> Result<Option<Spot>, NoPrice> {
        if !chosen.formula.needs_spot() {
            return Ok(None);
        }
        let curve = curve.ok_or(NoPrice::SpotUnknown)?;
        if curve.currency() != self.currency {
            return Err(NoPrice::OtherCurrency);
        }
        let known = |slot| curve.get(slot).ok_or(NoPrice::SpotUnknown);
        let spot = match tariff.billing {
            Billing::QuarterHour => Spot::mean(&[known(slot)?]),
            Billing::Hour => {
                let first = slot.offset(-i64::from(time.minute % 60 / 15));
                let [a, b, c, d] = [0, 1, 2, 3].map(|quarter| known(first.offset(quarter)));
                Spot::mean(&[a?, b?, c?, d?])
            }
        };
        spot.map(Some).ok_or(NoPrice::SpotUnknown)
    }
}
