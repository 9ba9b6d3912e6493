//! What fits beside a tray icon: how trading stands and what today came to.

use history::HistoryError;

use super::frame::{Refusal, TradingStateView, trading_state};
use crate::error::history_refusal;
use crate::house::{Home, House};

/// The household at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    pub trading: TradingStateView,
    /// Earned above feed-in and saved below retail in today's settled slots, after fees.
    pub today_cents: i64,
    pub currency: String,
}

impl Home {
    pub fn glance(&self) -> Result<Glance, Refusal> {
        let house = self.house()?;
        glance(house).map_err(|error| history_refusal(&error))
    }
}

fn glance(house: &House) -> Result<Glance, HistoryError> {
    let today = house.today().key();
    let totals = house.history.totals(today..today.next())?;
    Ok(Glance {
        trading: trading_state(house)?,
        today_cents: (totals.earned() + totals.saved()).round_to_cents(),
        currency: house.config().currency.to_string(),
    })
}
