//! A file of contracts, as `home.toml` has them.

use pricing::{ContractTable, Contracts, PriceForm};
use serde::Deserialize;
use units::{Currency, Zone};

use crate::config::described;

/// The tables of a file that was understood.
#[derive(Clone, Debug)]
pub struct ContractFile {
    pub tables: Vec<ContractTable>,
    pub contracts: Contracts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    contract: Vec<ContractTable>,
}

/// Reads `[[contract]]` tables; what cannot be understood is named by its place.
pub fn read_contracts(text: &str, currency: Currency, zone: Zone) -> Result<ContractFile, String> {
    let form: Form = toml::from_str(text).map_err(|fault| fault.to_string())?;
    // A file may bring nothing but a correction: it is read beside the contract that it corrects, whatever that says.
    let corrects_only = form.contract.iter().all(|table| table.correction.is_some());
    let mut read = form.contract.clone();
    if corrects_only && let Some(first) = form.contract.first() {
        read.insert(0, ContractTable { correction: None, ..first.clone() });
    }
    let contracts = Contracts::from_tables(currency, zone, &read).map_err(|fault| described(&fault))?;
    Ok(ContractFile { tables: form.contract, contracts })
}

/// Returns a word for how a contract prices energy: `fixed`, `time_of_use`, `dynamic` or `tiers`.
pub fn kind(table: &ContractTable) -> &'static str {
    let follows = |price: &PriceForm| match price {
        PriceForm::Text(_) => false,
        PriceForm::Formula(formula) => formula.spot.is_some(),
    };
    let zones = table.zones.iter().filter_map(|zone| zone.retail.as_ref());
    let tiers = table.tiers.iter().map(|tier| &tier.retail);
    match () {
        () if [&table.retail].into_iter().chain(zones).chain(tiers).any(follows) => "dynamic",
        () if !table.zones.is_empty() => "time_of_use",
        () if !table.tiers.is_empty() => "tiers",
        () => "fixed",
    }
}
