//! A home's contract with its utility, in versions: each holds from a local day on, until the next does.

use serde::{Deserialize, Serialize};
use units::{Currency, DayKey, LocalDay, Price, Slot, Timestamp, Zone};

use crate::price_text::{InvalidPrice, format_price, parse_price};

/// What the utility charges and pays from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    pub valid_from: DayKey,
    pub tariff: Tariff,
}

/// How a contract prices energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tariff {
    /// The same price at all hours.
    Fixed { retail: Price, feed_in: Price },
}

/// What a kWh costs from the utility, and brings from it, in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotPrices {
    #[serde(rename = "retail_micros_per_kwh")]
    pub retail: Price,
    #[serde(rename = "feed_in_micros_per_kwh")]
    pub feed_in: Price,
}

/// The versions of a home's contract, the earliest first. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contracts {
    currency: Currency,
    zone: Zone,
    versions: Vec<Contract>,
}

/// A version as a configuration file holds it: `valid_from = "2026-01-01"`, `retail = "0.300 EUR/kWh"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractTable {
    pub valid_from: DayKey,
    pub retail: String,
    pub feed_in: String,
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
    #[error("the {field} of the contract from {valid_from}")]
    Price {
        valid_from: DayKey,
        field: &'static str,
        #[source]
        cause: InvalidPrice,
    },
    #[error(
        "a contract cannot change from {valid_from} on, since that day has begun or is over: \
         {earliest} is the earliest, so that what was delivered keeps its price"
    )]
    AltersThePast { valid_from: DayKey, earliest: DayKey },
}

impl Contract {
    /// Makes a contract with one price for buying and one for selling at all hours.
    pub const fn fixed(valid_from: DayKey, retail: Price, feed_in: Price) -> Self {
        Self { valid_from, tariff: Tariff::Fixed { retail, feed_in } }
    }
}

impl Tariff {
    fn prices(self, _slot: Slot) -> SlotPrices {
        match self {
            Self::Fixed { retail, feed_in } => SlotPrices { retail, feed_in },
        }
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
        Ok(Self { currency, zone, versions })
    }

    /// Reads the versions as a configuration file holds them.
    pub fn from_tables(
        currency: Currency,
        zone: Zone,
        tables: &[ContractTable],
    ) -> Result<Self, InvalidContracts> {
        let read = |table: &ContractTable| {
            let valid_from = table.valid_from;
            let price = |field, text: &str| {
                let invalid = |cause| InvalidContracts::Price { valid_from, field, cause };
                parse_price(text, currency).map_err(invalid)
            };
            let (retail, feed_in) = (price("retail", &table.retail)?, price("feed_in", &table.feed_in)?);
            Ok(Contract::fixed(valid_from, retail, feed_in))
        };
        Self::new(currency, zone, tables.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Returns the versions in the form of a configuration file.
    pub fn to_tables(&self) -> Vec<ContractTable> {
        let table = |contract: &Contract| {
            let Tariff::Fixed { retail, feed_in } = contract.tariff;
            ContractTable {
                valid_from: contract.valid_from,
                retail: format_price(retail, self.currency),
                feed_in: format_price(feed_in, self.currency),
            }
        };
        self.versions.iter().map(table).collect()
    }

    /// Returns the prices of a slot: those of the version that holds on the local day in which the slot
    /// starts. `None` before the first version; an unknown price is never zero.
    pub fn prices(&self, slot: Slot) -> Option<SlotPrices> {
        let contract = self.on(LocalDay::containing(slot.start(), self.zone).key())?;
        Some(contract.tariff.prices(slot))
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
        let mut versions = self.versions.clone();
        match versions.binary_search_by_key(&valid_from, |version| version.valid_from) {
            Ok(place) => versions[place] = contract,
            Err(place) => versions.insert(place, contract),
        }
        Self::new(self.currency, self.zone, versions)
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
}
