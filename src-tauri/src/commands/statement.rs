//! Statements: made, shown, verified, saved.

use home::statement::Format;
use home::view::frame::Refusal;
use home::view::statement::{LanguageView, StatementView, VerificationView};
use tauri::{AppHandle, Manager, State};

use crate::household::Household;

/// Returns the newest statement of a month, `2026-06`, if one was made.
#[tauri::command]
#[specta::specta]
pub async fn statement(household: State<'_, Household>, month: String) -> Result<StatementView, Refusal> {
    super::ask(household, move |home| home.statement(&month)).await
}

/// Makes the statement of a month and returns it; the exchange is asked for the proof.
#[tauri::command]
#[specta::specta]
pub async fn make_statement(
    household: State<'_, Household>,
    month: String,
) -> Result<StatementView, Refusal> {
    household.home().await.make_statement(&month).await?;
    super::ask(household, move |home| home.statement(&month)).await
}

/// Verifies the newest statement of a month and says what each step found.
#[tauri::command]
#[specta::specta]
pub async fn verify_statement(
    household: State<'_, Household>,
    month: String,
) -> Result<VerificationView, Refusal> {
    super::ask(household, move |home| home.verification(&month)).await
}

/// Writes the newest statement of a month into the owner's folder for downloads, and returns where.
#[tauri::command]
#[specta::specta]
pub async fn save_statement(
    app: AppHandle,
    household: State<'_, Household>,
    month: String,
    format: Format,
    language: LanguageView,
) -> Result<String, Refusal> {
    let folder = app.path().download_dir().or_else(|_| app.path().home_dir()).ok();
    super::ask(household, move |home| home.save_statement(folder.as_deref(), &month, format, language.into()))
        .await
}
