//! How the contracts with the utility are changed: a new version from a day ahead, or a dated correction of the
//! past. What was delivered keeps its price.

use std::time::{Duration, Instant};

use pricing::{ContractTable, Contracts, InvalidContracts};
use units::DayKey;

use crate::by_hand::Wish;
use crate::config::described;
use crate::error::{history_refusal, refusal};
use crate::house::{Home, House, ViewName};
use crate::view::contracts::{ContractForm, ContractsView};
use crate::view::frame::Refusal;

impl Home {
    /// Puts a contract in force from its day on, in place of one that was to begin on the same day; or notes a
    /// correction of the past.
    pub fn save_contract(&self, form: &ContractForm) -> Result<ContractsView, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        house.add_contract(&form.table()?)?;
        self.contracts()
    }

    /// Takes back a contract that has not begun.
    pub fn drop_contract(&self, valid_from: &str) -> Result<ContractsView, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        house.drop_contract(day(valid_from)?)?;
        self.contracts()
    }

    /// Adds contracts as files have them, here or through the process that trades.
    pub async fn add_contract(&self, table: ContractTable, patience: Duration) -> Result<(), Refusal> {
        let wish = Wish::AddContract { table: Box::new(table) };
        self.fulfil(wish, Instant::now() + patience).await
    }
}

impl House {
    pub fn add_contract(&self, table: &ContractTable) -> Result<(), Refusal> {
        let config = self.config();
        let read = Contracts::from_tables(config.currency, config.zone(), std::slice::from_ref(table));
        let present = config.contracts().expect("the configuration was checked");
        let changed = match present {
            Some(present) => added(&present, table, self.now()),
            // The first contract may have begun long ago: nothing was priced before.
            None => read,
        };
        let changed = changed.map_err(|error| unusable(&error))?;
        self.put_in_force(&changed)?;
        tracing::info!(valid_from = %table.valid_from, correction = table.correction.is_some(), "a contract was added");
        Ok(())
    }

    fn drop_contract(&self, valid_from: DayKey) -> Result<(), Refusal> {
        let present = self.config().contracts().expect("the configuration was checked");
        let known = present
            .filter(|present| present.versions().iter().any(|version| version.valid_from == valid_from));
        let Some(present) = known else {
            let message = format!("No contract begins on {valid_from}; nothing was changed.");
            return Err(refusal("unknown_contract", message, "Open the page again."));
        };
        let changed = present.without(valid_from, self.now()).map_err(|error| unusable(&error))?;
        self.put_in_force(&changed)?;
        tracing::info!(%valid_from, "a contract that had not begun was taken back");
        Ok(())
    }

    fn put_in_force(&self, contracts: &Contracts) -> Result<(), Refusal> {
        let tables = contracts.to_tables();
        self.change_config(|config| config.contracts = tables).map_err(|error| {
            refusal(
                "bad_configuration",
                described(&error),
                "Correct home.toml in the data folder; the contracts stay as they were.",
            )
        })?;
        self.renew_prices().map_err(|error| history_refusal(&error))?;
        self.prices_changed();
        Ok(())
    }

    /// Tells all who decide or show by prices that these are others now.
    pub fn prices_changed(&self) {
        self.wake.trader.notify_one();
        self.wake.courier.notify_one();
        for view in [ViewName::Contracts, ViewName::Rules, ViewName::Now, ViewName::Market, ViewName::Frame] {
            self.changed(view);
        }
    }
}

/// Returns contracts with one more, as a version or as a correction.
fn added(
    present: &Contracts,
    table: &ContractTable,
    now: units::Timestamp,
) -> Result<Contracts, InvalidContracts> {
    // A correction stands on a version before it; the table is read with the first of those that are there.
    let mut tables: Vec<ContractTable> = present.to_tables();
    tables.truncate(1);
    tables[0].valid_from = DayKey::new(chrono::NaiveDate::MIN);
    tables.push(table.clone());
    let read = Contracts::from_tables(present.currency(), present.zone(), &tables)?;
    match read.corrections() {
        [correction] => present.rebilled(correction.clone(), now),
        _ => present.changed(read.versions()[1].clone(), now),
    }
}

pub(crate) fn unusable(error: &InvalidContracts) -> Refusal {
    let code = match error {
        InvalidContracts::AltersThePast { .. } => "alters_the_past",
        InvalidContracts::NoCorrection { .. } => "no_correction",
        InvalidContracts::Empty
        | InvalidContracts::NotRising { .. }
        | InvalidContracts::Unreadable { .. } => "bad_contract",
    };
    refusal(code, described(error), "Correct it and try again; the contracts stay as they were.")
}

pub(crate) fn day(text: &str) -> Result<DayKey, Refusal> {
    text.parse().map_err(|_| refusal("bad_day", format!("\"{text}\" is no day."), "Write it as 2026-07-01."))
}
