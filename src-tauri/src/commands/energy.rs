//! Energy.

use home::export;
use home::view::energy::{EnergyAsk, EnergySlotView, EnergyView};
use home::view::frame::Refusal;
use tauri::{AppHandle, Manager, State};

use crate::household::Household;

/// Returns a period.
#[tauri::command]
#[specta::specta]
pub async fn energy(household: State<'_, Household>, ask: EnergyAsk) -> Result<EnergyView, Refusal> {
    super::ask(household, move |home| home.energy(&ask)).await
}

/// Opens one slot, `2026-06-01T12:15:00Z`.
#[tauri::command]
#[specta::specta]
pub async fn energy_slot(household: State<'_, Household>, slot: String) -> Result<EnergySlotView, Refusal> {
    super::ask(household, move |home| home.energy_slot(&slot)).await
}

/// Writes a table that the page made into the owner's folder for downloads, and returns where.
#[tauri::command]
#[specta::specta]
pub async fn save_csv(
    app: AppHandle,
    household: State<'_, Household>,
    name: String,
    text: String,
) -> Result<String, Refusal> {
    let folder = app.path().download_dir().or_else(|_| app.path().home_dir()).ok();
    super::ask(household, move |_| export::save_csv(folder.as_deref(), &name, &text)).await
}
