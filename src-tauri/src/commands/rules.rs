//! Prices & rules.

use home::Home;
use home::view::frame::Refusal;
use home::view::outlook::OutlookView;
use home::view::rule_past::RulePastView;
use home::view::rules::{LimitChange, RulesView};
use tauri::State;

use crate::household::Household;

#[tauri::command]
#[specta::specta]
pub async fn rules(household: State<'_, Household>) -> Result<RulesView, Refusal> {
    super::ask(household, Home::rules).await
}

/// The next 48 hours under the rules.
#[tauri::command]
#[specta::specta]
pub async fn outlook(household: State<'_, Household>) -> Result<OutlookView, Refusal> {
    super::ask(household, Home::outlook).await
}

/// What the rules would have earned on the household's own last month, by limits of one of them.
#[tauri::command]
#[specta::specta]
pub async fn rule_past(household: State<'_, Household>, rule: String) -> Result<RulePastView, Refusal> {
    super::ask(household, move |home| home.rule_past(&rule)).await
}

/// Gives a rule another price; the offers that can still change follow.
#[tauri::command]
#[specta::specta]
pub async fn set_limit(household: State<'_, Household>, change: LimitChange) -> Result<RulesView, Refusal> {
    super::ask(household, move |home| home.set_limit(&change)).await
}

#[tauri::command]
#[specta::specta]
pub async fn set_rule_enabled(
    household: State<'_, Household>,
    rule: String,
    enabled: bool,
) -> Result<RulesView, Refusal> {
    super::ask(household, move |home| home.set_rule_enabled(&rule, enabled)).await
}
