//! What the UI can ask. Each command asks `home` and returns a view, on a thread that may block.

pub mod contracts;
pub mod earnings;
pub mod energy;
pub mod frame;
pub mod market;
pub mod meters;
pub mod notifications;
pub mod now;
pub mod rules;
pub mod settings;
pub mod start;
pub mod statement;

use home::Home;
use home::view::frame::Refusal;

use crate::household::Household;

/// Runs a use case of the household off the async threads, since it reads the disk.
async fn ask<T: Send + 'static>(
    household: tauri::State<'_, Household>,
    use_case: impl FnOnce(&Home) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let home = household.home().await;
    match tauri::async_runtime::spawn_blocking(move || use_case(&home)).await {
        Ok(answer) => answer,
        Err(error) => Err(Refusal {
            code: "internal".to_owned(),
            message: "Something went wrong inside Wattle. The household goes on.".to_owned(),
            hint: error.to_string(),
        }),
    }
}
