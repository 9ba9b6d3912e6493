//! The first run: a market's terms, the consent, and a look around on a simulated street.

use home::view::frame::Refusal;
use home::view::start::{InvitationView, JoinAsk};
use home::{Home, backup};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;
use tokio::sync::Mutex;

use crate::household::Household;
use crate::options::Options;
use crate::street::{self, Street};

/// The street that is visited, if one is.
#[derive(Debug, Default)]
pub struct Visit(Mutex<Option<Street>>);

/// Whether there is a simulated street to look around on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct StreetView {
    /// This installation has the street's program.
    pub available: bool,
    /// What is shown is a home of the street, and not the owner's.
    pub visiting: bool,
}

/// Reads an invitation and asks its market about itself.
#[tauri::command]
#[specta::specta]
pub async fn invitation(household: State<'_, Household>, code: String) -> Result<InvitationView, Refusal> {
    household.home().await.invitation(&code).await
}

/// Agrees to a market's terms; the home enrols when it is open again.
#[tauri::command]
#[specta::specta]
pub async fn join_market(household: State<'_, Household>, ask: JoinAsk) -> Result<(), Refusal> {
    let other_time = household.home().await.join_market(&ask).await?;
    household
        .reopen(move |options| match other_time {
            true => backup::put_aside(&options.dir, &options.program),
            false => Ok(()),
        })
        .await
}

#[tauri::command]
#[specta::specta]
pub async fn finish_start(household: State<'_, Household>) -> Result<(), Refusal> {
    super::ask(household, Home::finish_start).await
}

#[tauri::command]
#[specta::specta]
pub async fn street(visit: State<'_, Visit>) -> Result<StreetView, Refusal> {
    let visiting = visit.0.lock().await.is_some();
    Ok(StreetView { available: street::program().is_some(), visiting })
}

/// Starts a street and shows a home of it until it is left. The own home is closed meanwhile.
#[tauri::command]
#[specta::specta]
pub async fn look_around(household: State<'_, Household>, visit: State<'_, Visit>) -> Result<(), Refusal> {
    let mut visit = visit.0.lock().await;
    if visit.is_some() {
        return Ok(());
    }
    let street = Street::start().await.map_err(|error| Refusal {
        code: "no_street".to_owned(),
        message: format!("{error:#}"),
        hint: "Go on with your own home; nothing of it was changed.".to_owned(),
    })?;
    let street = household
        .reopen(move |options| {
            *options = street.home(options);
            street
        })
        .await;
    *visit = Some(street);
    Ok(())
}

/// Goes back to the own home and ends the street.
#[tauri::command]
#[specta::specta]
pub async fn leave_street(
    household: State<'_, Household>,
    visit: State<'_, Visit>,
    own: State<'_, Options>,
) -> Result<(), Refusal> {
    let mut visit = visit.0.lock().await;
    let Some(street) = visit.take() else { return Ok(()) };
    let own = own.home();
    household.reopen(move |options| *options = own).await;
    tauri::async_runtime::spawn(street.end());
    Ok(())
}
