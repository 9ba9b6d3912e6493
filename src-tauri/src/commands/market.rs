//! Market.

use home::Home;
use home::view::frame::Refusal;
use home::view::market::{BookView, DealProposal, MarketView};
use tauri::State;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn market(household: State<'_, Household>) -> Result<MarketView, Refusal> {
    super::ask(household, Home::market).await
}

/// Opens a settled slot, `2026-06-01T12:15:00Z`: its book comes from the exchange and is checked here.
#[tauri::command]
#[specta::specta]
pub async fn market_book(household: State<'_, Household>, slot: String) -> Result<BookView, Refusal> {
    household.home().await.market_book(&slot).await
}

#[tauri::command]
#[specta::specta]
pub async fn propose_deal(
    household: State<'_, Household>,
    proposal: DealProposal,
) -> Result<MarketView, Refusal> {
    household.home().await.propose(proposal).await
}

/// Agrees to what a neighbour proposed.
#[tauri::command]
#[specta::specta]
pub async fn accept_deal(household: State<'_, Household>, deal: String) -> Result<MarketView, Refusal> {
    household.home().await.accept(&deal).await
}

/// Withdraws, declines or ends a deal.
#[tauri::command]
#[specta::specta]
pub async fn end_deal(household: State<'_, Household>, deal: String) -> Result<MarketView, Refusal> {
    household.home().await.end(&deal).await
}

/// Withdraws one open order.
#[tauri::command]
#[specta::specta]
pub async fn withdraw_order(household: State<'_, Household>, order: String) -> Result<MarketView, Refusal> {
    household.home().await.withdraw_order(&order).await
}
