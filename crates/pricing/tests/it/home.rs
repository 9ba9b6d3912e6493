//! A home in Berlin whose contracts are written as an owner would.

use pricing::{ContractTable, Contracts, InvalidContracts, Published, SpotCurve};
use units::{Currency, DayKey, Price, Slot, zone};

#[derive(serde::Deserialize, serde::Serialize, PartialEq, Debug)]
pub struct File {
    pub contract: Vec<ContractTable>,
}

pub fn day(text: &str) -> DayKey {
    text.parse().unwrap()
}

pub fn slot(text: &str) -> Slot {
    text.parse().unwrap()
}

pub fn price(micros: i64) -> Price {
    Price::from_micros_per_kwh(micros)
}

pub fn read(text: &str) -> Result<Contracts, InvalidContracts> {
    let file: File = toml::from_str(text).unwrap();
    Contracts::from_tables(Currency::EUR, zone("Europe/Berlin").unwrap(), &file.contract)
}

/// Spot prices in EUR/MWh from a slot on.
pub fn spot(from: &str, per_mwh: &[i64]) -> SpotCurve<Published> {
    let mut curve = SpotCurve::new(Currency::EUR);
    let from = slot(from);
    curve.extend((0..).zip(per_mwh).map(|(offset, spot)| (from.offset(offset), price(spot * 1000))));
    curve
}
