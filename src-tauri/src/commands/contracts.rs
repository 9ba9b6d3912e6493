//! Settings > Contracts, and where prices and weather come from.

use home::Home;
use home::view::contracts::{ContractForm, ContractPreview, ContractsView};
use home::view::frame::Refusal;
use home::view::sources::SourcesForm;
use tauri::State;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn contracts(household: State<'_, Household>) -> Result<ContractsView, Refusal> {
    super::ask(household, Home::contracts).await
}

/// Puts a contract in force from its day on, or notes a correction of the past.
#[tauri::command]
#[specta::specta]
pub async fn save_contract(
    household: State<'_, Household>,
    contract: ContractForm,
) -> Result<ContractsView, Refusal> {
    super::ask(household, move |home| home.save_contract(&contract)).await
}

/// Takes back a contract that has not begun.
#[tauri::command]
#[specta::specta]
pub async fn drop_contract(
    household: State<'_, Household>,
    valid_from: String,
) -> Result<ContractsView, Refusal> {
    super::ask(household, move |home| home.drop_contract(&valid_from)).await
}

/// What a day on record would have cost with a contract.
#[tauri::command]
#[specta::specta]
pub async fn preview_contract(
    household: State<'_, Household>,
    contract: ContractForm,
    day: String,
) -> Result<ContractPreview, Refusal> {
    super::ask(household, move |home| home.preview_contract(&contract, &day)).await
}

#[tauri::command]
#[specta::specta]
pub async fn sources(household: State<'_, Household>) -> Result<SourcesForm, Refusal> {
    super::ask(household, Home::sources).await
}

/// Chooses where prices and weather come from; nobody is asked before.
#[tauri::command]
#[specta::specta]
pub async fn save_sources(
    household: State<'_, Household>,
    sources: SourcesForm,
) -> Result<SourcesForm, Refusal> {
    super::ask(household, move |home| home.save_sources(&sources)).await
}
