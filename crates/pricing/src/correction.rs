//! A utility bills the past anew: a dated correction, never a change of what was agreed then.

use units::{DayKey, WattHours};

use crate::bill::{Bill, Metered, TooLarge, bill};
use crate::contract::{Contract, Contracts, InvalidContracts};
use crate::kind::Settled;
use crate::spot::SpotCurve;
use crate::tariff::Tariff;

/// Other prices for a time that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The first day that is billed anew.
    pub from: DayKey,
    /// The day after the last.
    pub until: DayKey,
    /// When it became known.
    pub dated: DayKey,
    /// Why, as the utility says it.
    pub reason: String,
    pub tariff: Tariff,
}

/// What a correction does to a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebill {
    pub dated: DayKey,
    pub before: Bill,
    pub after: Bill,
}

/// Bills the same meter readings with and without a correction, which counts from 0 in the order of dates.
/// Earlier corrections are in both. `None`: there is no such correction.
///
/// `imported` is what was imported in the running tier period before the first reading.
pub fn rebill(
    contracts: &Contracts,
    correction: usize,
    metered: &[Metered],
    spot: &SpotCurve<Settled>,
    imported: WattHours,
) -> Option<Result<Rebill, TooLarge>> {
    let dated = contracts.corrections().get(correction)?.dated;
    let billed = |contracts: Contracts| bill(&contracts, metered, spot, imported);
    let both = billed(contracts.known_after(correction))
        .and_then(|before| Ok((before, billed(contracts.known_after(correction + 1))?)));
    Some(both.map(|(before, after)| Rebill { dated, before, after }))
}

impl Correction {
    pub(crate) fn invalid(&self) -> InvalidContracts {
        InvalidContracts::NoCorrection { from: self.from, until: self.until, dated: self.dated }
    }

    /// Returns versions in which this one holds from its first to its last day, and all else as before.
    pub(crate) fn laid_over(&self, versions: Vec<Contract>) -> Vec<Contract> {
        let resumes = versions.iter().rev().find(|version| version.valid_from <= self.until);
        let resumes = resumes.map(|version| Contract { valid_from: self.until, ..version.clone() });
        let corrected = Contract { valid_from: self.from, tariff: self.tariff.clone() };
        let (from, until) = (self.from, self.until);
        let before = versions.iter().filter(|version| version.valid_from < from).cloned();
        let after = versions.iter().filter(|version| version.valid_from > until).cloned();
        before.chain([corrected]).chain(resumes).chain(after).collect()
    }
}
