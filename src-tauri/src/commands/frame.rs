//! The frame: status line, banner, stop button.

use home::Home;
use home::view::frame::{FrameView, Refusal};
use tauri::State;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn frame(household: State<'_, Household>) -> Result<FrameView, Refusal> {
    super::ask(household, Home::frame).await
}

/// Withdraws every offer that can still be withdrawn, and makes no new ones.
#[tauri::command]
#[specta::specta]
pub async fn stop_trading(household: State<'_, Household>) -> Result<FrameView, Refusal> {
    super::ask(household, Home::stop_trading).await
}

#[tauri::command]
#[specta::specta]
pub async fn resume_trading(household: State<'_, Household>) -> Result<FrameView, Refusal> {
    super::ask(household, Home::resume_trading).await
}
