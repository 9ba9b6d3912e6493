//! Now.

use home::Home;
use home::view::frame::Refusal;
use home::view::now::NowView;
use tauri::State;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn now(household: State<'_, Household>) -> Result<NowView, Refusal> {
    super::ask(household, Home::now).await
}
