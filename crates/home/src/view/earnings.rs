//! Earnings: this month so far and past months, down to slots and trades that add up.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Amount, Certainty, Instant, QualityView, SideView, Whole};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsView {
    /// `2026-06`.
    pub month: String,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub totals: TotalsView,
    /// Each local day of the month that has settled slots, oldest first. They add up to the totals.
    pub days: Vec<EarningsDay>,
    /// Slots that were measured but not yet settled: they are in no figure.
    pub provisional_slots: Whole,
}

/// Sums over settled slots. Income is positive, a charge negative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TotalsView {
    pub sold_wh: Whole,
    pub sold: Amount,
    pub to_grid_wh: Whole,
    pub to_grid: Amount,
    pub bought_wh: Whole,
    pub bought: Amount,
    pub from_grid_wh: Whole,
    pub from_grid: Amount,
    pub fees: Amount,
    /// The sum of the five amounts.
    pub net: Amount,
    /// What the same energy would have come to with the utility alone.
    pub utility_only: Amount,
    /// Above feed-in, after fees.
    pub earned: Amount,
    /// Below retail, after fees.
    pub saved: Amount,
    pub slots: Whole,
    pub measured_slots: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsDay {
    /// `2026-06-01`, a day of the home's zone.
    pub day: String,
    pub totals: TotalsView,
}

/// One day opened: its slots, which add up to the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsDayView {
    pub day: String,
    pub totals: TotalsView,
    pub slots: Vec<EarningsSlot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct EarningsSlot {
    pub slot: Instant,
    pub certainty: Certainty,
    pub quality: Option<QualityView>,
    pub price_micros_per_kwh: Option<Whole>,
    pub totals: TotalsView,
    pub trades: Vec<TradeView>,
    /// More than 1 where a late reading changed it.
    pub version: Whole,
}

/// What clearing gave one of the household's orders: energy x price = amount, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TradeView {
    pub order: String,
    pub side: SideView,
    pub energy_wh: Whole,
    pub price_micros_per_kwh: Whole,
    pub amount: Amount,
}
