//! Now: what the roof does, what it earns, and whether anything needs a hand.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Amount, Certainty, Instant, OrderView, QualityView, Whole};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct NowView {
    pub at: Instant,
    pub flows: FlowsView,
    pub prices: PricesView,
    pub expected: ExpectedView,
    pub quarter: QuarterView,
    pub today: TodayView,
    /// Whether the house has a roof and a battery that are read.
    pub has_sun: bool,
    pub has_battery: bool,
}

/// Power by role in milliwatts. Import and discharge are positive; sun and house are never negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct FlowsView {
    /// When the figures were read; missing before the first sample.
    pub read_at: Option<Instant>,
    pub sun_milliwatts: Option<Whole>,
    pub house_milliwatts: Option<Whole>,
    pub battery_milliwatts: Option<Whole>,
    pub grid_milliwatts: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PricesView {
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
    /// The price at which the area cleared last, and in which slot: what "about" rests on.
    pub last_cleared_micros_per_kwh: Option<Whole>,
    pub last_cleared_slot: Option<Instant>,
}

/// A guess at who gets it, until the slot is cleared: the share that the last settled slot gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExpectedView {
    pub to_neighbours_milliwatts: Option<Whole>,
    pub from_neighbours_milliwatts: Option<Whole>,
}

/// The quarter hour that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QuarterView {
    pub slot: Instant,
    pub ends: Instant,
    /// Energy at the grid point so far.
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    /// The orders that stand for it.
    pub orders: Vec<OrderView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TodayView {
    /// One for each slot of the local day: 92, 96 or 100.
    pub bars: Vec<SlotBar>,
    /// Above feed-in, from settled slots only.
    pub earned: Amount,
    /// Below retail, from settled slots only.
    pub saved: Amount,
    pub sold_wh: Whole,
    pub bought_wh: Whole,
    pub settled_slots: Whole,
    /// Measured, not yet settled.
    pub provisional_slots: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SlotBar {
    pub slot: Instant,
    pub certainty: Certainty,
    pub quality: Option<QualityView>,
    pub import_milliwatt_hours: Option<Whole>,
    pub export_milliwatt_hours: Option<Whole>,
    pub sun_milliwatt_hours: Option<Whole>,
    pub sold_wh: Option<Whole>,
    pub bought_wh: Option<Whole>,
    pub price_micros_per_kwh: Option<Whole>,
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
}
