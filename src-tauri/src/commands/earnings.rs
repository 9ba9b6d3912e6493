//! Earnings.

use home::view::earnings::{EarningsDayView, EarningsView};
use home::view::frame::Refusal;
use tauri::State;

use crate::household::Household;

/// Returns a month, `2026-06`, or the present one.
#[tauri::command]
#[specta::specta]
pub async fn earnings(
    household: State<'_, Household>,
    month: Option<String>,
) -> Result<EarningsView, Refusal> {
    super::ask(household, move |home| home.earnings(month.as_deref())).await
}

/// Opens one day, `2026-06-01`.
#[tauri::command]
#[specta::specta]
pub async fn earnings_day(household: State<'_, Household>, day: String) -> Result<EarningsDayView, Refusal> {
    super::ask(household, move |home| home.earnings_day(&day)).await
}
