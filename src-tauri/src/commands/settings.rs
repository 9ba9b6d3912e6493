//! Settings: the home, and where its data lies.

use std::path::PathBuf;

use home::view::frame::Refusal;
use home::view::settings::{DataView, HomeSettingsAsk, HomeSettingsView};
use home::{Home, backup};
use tauri::{AppHandle, Manager, State};

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn home_settings(household: State<'_, Household>) -> Result<HomeSettingsView, Refusal> {
    super::ask(household, Home::home_settings).await
}

/// Changes what the owner told of the home, and opens it anew where something is another.
#[tauri::command]
#[specta::specta]
pub async fn set_home(
    household: State<'_, Household>,
    ask: HomeSettingsAsk,
) -> Result<HomeSettingsView, Refusal> {
    if super::ask(household.clone(), move |home| home.set_home(&ask)).await? {
        household.reopen(|_| ()).await;
    }
    super::ask(household, Home::home_settings).await
}

/// Opens the home again, such as after what kept it from opening was mended.
#[tauri::command]
#[specta::specta]
pub async fn reopen_home(household: State<'_, Household>) -> Result<(), Refusal> {
    household.reopen(|_| ()).await;
    Ok(())
}

#[tauri::command]
#[specta::specta]
pub async fn data(app: AppHandle, household: State<'_, Household>) -> Result<DataView, Refusal> {
    let downloads = downloads(&app);
    super::ask(household, move |home| home.data(downloads.as_deref())).await
}

/// Copies the history into the owner's folder for downloads, and returns where.
#[tauri::command]
#[specta::specta]
pub async fn back_up(app: AppHandle, household: State<'_, Household>) -> Result<String, Refusal> {
    let downloads = downloads(&app);
    super::ask(household, move |home| home.back_up(downloads.as_deref())).await
}

/// Puts a copy in the place of the history, and returns where what was there is kept.
#[tauri::command]
#[specta::specta]
pub async fn restore_backup(
    household: State<'_, Household>,
    path: String,
) -> Result<Option<String>, Refusal> {
    let kept = household
        .reopen(move |options| backup::restore(&options.dir, &PathBuf::from(path), &options.program))
        .await?;
    Ok(kept.map(|path| path.display().to_string()))
}

/// Shows the data folder in the desktop's file manager.
#[tauri::command]
#[specta::specta]
pub async fn open_data_folder(app: AppHandle, household: State<'_, Household>) -> Result<(), Refusal> {
    let downloads = downloads(&app);
    super::ask(household, move |home| {
        let folder = home.data(downloads.as_deref())?.folder;
        let shown = std::process::Command::new("xdg-open").arg(&folder).spawn();
        // It ends by itself once the file manager has the folder.
        shown.map(drop).map_err(|cause| Refusal {
            code: "no_file_manager".to_owned(),
            message: format!("No file manager could be opened: {cause}."),
            hint: format!("The folder is {folder}."),
        })
    })
    .await
}

fn downloads(app: &AppHandle) -> Option<PathBuf> {
    app.path().download_dir().or_else(|_| app.path().home_dir()).ok()
}
