//! Notifications: what the owner is told while no window is open, and whether Wattle starts with the desktop.

use home::Home;
use home::view::frame::Refusal;
use home::view::notifications::NotificationsView;
use tauri::{AppHandle, State};
use tauri_plugin_autostart::ManagerExt;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn notifications(household: State<'_, Household>) -> Result<NotificationsView, Refusal> {
    super::ask(household, Home::notifications).await
}

#[tauri::command]
#[specta::specta]
pub async fn set_notifications(
    household: State<'_, Household>,
    wanted: NotificationsView,
) -> Result<NotificationsView, Refusal> {
    super::ask(household, move |home| home.set_notifications(&wanted)).await
}

/// Returns whether Wattle starts when the owner logs in.
#[tauri::command]
#[specta::specta]
pub async fn autostart(app: AppHandle) -> Result<bool, Refusal> {
    app.autolaunch().is_enabled().map_err(|error| unwilling(&error))
}

/// Lets Wattle start when the owner logs in, without a window; or no longer.
#[tauri::command]
#[specta::specta]
pub async fn set_autostart(app: AppHandle, on: bool) -> Result<bool, Refusal> {
    let autolaunch = app.autolaunch();
    let changed = if on { autolaunch.enable() } else { autolaunch.disable() };
    changed.and_then(|()| autolaunch.is_enabled()).map_err(|error| unwilling(&error))
}

fn unwilling(error: &tauri_plugin_autostart::Error) -> Refusal {
    Refusal {
        code: "autostart".to_owned(),
        message: format!("The desktop's list of programs that start with it cannot be changed: {error}."),
        hint: "Check that you may write in the folder .config/autostart of your user folder.".to_owned(),
    }
}
