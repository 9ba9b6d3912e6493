//! Meters: what they say, and adding, replacing, turning and removing them.

use home::Home;
use home::view::frame::Refusal;
use home::view::meters::MetersView;
use home::view::meters::journal::{JournalAsk, JournalView};
use home::view::meters::registers::RegistersView;
use home::view::meters::setup::{AddMeterAsk, InvertMeterAsk, ReplaceMeterAsk, SearchAsk, SetupView, Told};
use tauri::State;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn meters(household: State<'_, Household>) -> Result<MetersView, Refusal> {
    super::ask(household, Home::meters).await
}

/// Returns what a meter sent last, word by word.
#[tauri::command]
#[specta::specta]
pub async fn meter_registers(
    household: State<'_, Household>,
    meter: String,
) -> Result<RegistersView, Refusal> {
    super::ask(household, move |home| home.meter_registers(&meter)).await
}

/// Returns what a meter's counters did, and what was made of it.
#[tauri::command]
#[specta::specta]
pub async fn meter_journal(household: State<'_, Household>, meter: String) -> Result<JournalView, Refusal> {
    super::ask(household, move |home| home.meter_journal(&meter)).await
}

/// Judges an event otherwise, or undoes what was entered.
#[tauri::command]
#[specta::specta]
pub async fn reverse_entry(household: State<'_, Household>, ask: JournalAsk) -> Result<JournalView, Refusal> {
    household.home().await.reverse_entry(&ask).await
}

/// Returns ports and networks, and how far search and check have come. Old when `meters` is.
#[tauri::command]
#[specta::specta]
pub async fn meter_setup(household: State<'_, Household>) -> Result<SetupView, Refusal> {
    super::ask(household, Home::meter_setup).await
}

/// Begins to look for meters; finds come one by one.
#[tauri::command]
#[specta::specta]
pub async fn start_search(household: State<'_, Household>, ask: SearchAsk) -> Result<SetupView, Refusal> {
    household.home().await.start_search(&ask).await
}

/// Ends a search; what was found stays.
#[tauri::command]
#[specta::specta]
pub async fn cancel_search(household: State<'_, Household>) -> Result<SetupView, Refusal> {
    super::ask(household, |home| home.cancel_search().and_then(|()| home.meter_setup())).await
}

/// Begins to read a find again and again, to be held against the device's display.
#[tauri::command]
#[specta::specta]
pub async fn start_check(household: State<'_, Household>, find: u32) -> Result<SetupView, Refusal> {
    household.home().await.start_check(find).await
}

/// Tells what is true at this moment, so that the sign can be proven.
#[tauri::command]
#[specta::specta]
pub async fn tell_check(household: State<'_, Household>, told: Told) -> Result<SetupView, Refusal> {
    household.home().await.tell_check(told).await
}

#[tauri::command]
#[specta::specta]
pub async fn end_check(household: State<'_, Household>) -> Result<SetupView, Refusal> {
    household.home().await.end_check().await
}

/// Makes a find one of the home's meters and begins to read it.
#[tauri::command]
#[specta::specta]
pub async fn add_meter(household: State<'_, Household>, ask: AddMeterAsk) -> Result<MetersView, Refusal> {
    household.home().await.add_meter(&ask).await
}

/// Says that a meter was replaced; its history stays one series.
#[tauri::command]
#[specta::specta]
pub async fn replace_meter(
    household: State<'_, Household>,
    ask: ReplaceMeterAsk,
) -> Result<MetersView, Refusal> {
    household.home().await.replace_meter(&ask).await
}

/// Reads a meter the other way round from a moment on.
#[tauri::command]
#[specta::specta]
pub async fn invert_meter(
    household: State<'_, Household>,
    ask: InvertMeterAsk,
) -> Result<MetersView, Refusal> {
    household.home().await.invert_meter(&ask).await
}

/// Stops reading a meter; what it counted stays.
#[tauri::command]
#[specta::specta]
pub async fn remove_meter(household: State<'_, Household>, meter: String) -> Result<MetersView, Refusal> {
    household.home().await.remove_meter(&meter).await
}
