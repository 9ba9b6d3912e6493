//! What the window shows, one file a page. Views hold facts and figures; sentences are the UI's.
//!
//! Figures stay in the house's own units: milliwatts, watt-hours, micros per kWh, nanos. A missing
//! figure is `null`. Expected, provisional and settled figures are different fields, never one.

pub mod contracts;
pub mod earnings;
pub mod energy;
pub mod frame;
pub mod glance;
pub mod market;
pub mod meters;
pub mod notifications;
pub mod now;
pub mod outlook;
pub mod rule_past;
pub mod rules;
pub mod settings;
pub mod sources;
pub mod start;
pub mod statement;

use serde::{Deserialize, Serialize};
use specta::Type;
use units::{Energy, Money, Power, Price, Slot, Timestamp, WattHours};

use crate::house::House;

/// A whole number that every reader of JSON holds exactly: its size is below 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Whole(#[specta(type = i32)] i64);

impl Whole {
    const LIMIT: i64 = 1 << 53;

    /// Makes one of a figure; panics beyond 2^53, which no meter, price or street reaches.
    pub fn new(value: i64) -> Self {
        assert!(-Self::LIMIT < value && value < Self::LIMIT, "a figure for the window fits 53 bits");
        Self(value)
    }

    pub const fn get(self) -> i64 {
        self.0
    }
}

impl From<Power> for Whole {
    fn from(power: Power) -> Self {
        Self::new(power.milliwatts())
    }
}

impl From<Energy> for Whole {
    fn from(energy: Energy) -> Self {
        Self::new(energy.milliwatt_hours())
    }
}

impl From<WattHours> for Whole {
    fn from(energy: WattHours) -> Self {
        Self::new(energy.get())
    }
}

impl From<Price> for Whole {
    fn from(price: Price) -> Self {
        Self::new(price.micros_per_kwh())
    }
}

/// An amount of money: whole nanos of the currency as decimal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Amount(String);

impl From<Money> for Amount {
    fn from(money: Money) -> Self {
        Self(money.nanos().to_string())
    }
}

/// An instant as RFC 3339 in UTC; the UI shows it in the home's zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Instant(String);

impl From<Timestamp> for Instant {
    fn from(time: Timestamp) -> Self {
        Self(time.to_string())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SideView {
    Buy,
    Sell,
}

/// How an energy figure came about; a hatched fill shows what was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum QualityView {
    Measured,
    Recovered,
    Estimated,
    Partial,
    Missing,
}

/// How certain a slot's money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The slot still runs or lies ahead.
    Expected,
    /// Measured, not yet settled.
    Provisional,
    Settled,
    /// Cannot change any more.
    Final,
}

/// What has become of one of the household's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum OrderStateView {
    /// In the outbox: the exchange has not answered yet.
    Waiting,
    /// At the exchange; can still be cancelled.
    Open,
    Refused,
    /// Still in the outbox when its gate closed.
    Missed,
    Cancelling,
    Cancelled,
    /// The gate has closed.
    Bound,
    Cleared,
}

/// One order as the window shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct OrderView {
    pub id: String,
    pub slot: Instant,
    pub side: SideView,
    pub quantity_wh: Whole,
    pub limit_micros_per_kwh: Whole,
    pub state: OrderStateView,
    /// Why it was refused, as the exchange said it.
    pub problem: Option<String>,
    pub filled_wh: Option<Whole>,
}

/// Why a decision fell as it did: a code with its numbers. The UI has a sentence for each code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ReasonView {
    pub code: String,
    pub numbers: Vec<NumberView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct NumberView {
    /// The unit stands in the name, such as `limit_price_micros_per_kwh`.
    pub name: String,
    pub value: Whole,
}

impl From<::market::Side> for SideView {
    fn from(side: ::market::Side) -> Self {
        match side {
            ::market::Side::Buy => Self::Buy,
            ::market::Side::Sell => Self::Sell,
        }
    }
}

impl From<metering::Quality> for QualityView {
    fn from(quality: metering::Quality) -> Self {
        match quality {
            metering::Quality::Measured => Self::Measured,
            metering::Quality::Recovered => Self::Recovered,
            metering::Quality::Estimated => Self::Estimated,
            metering::Quality::Partial => Self::Partial,
            metering::Quality::Missing => Self::Missing,
        }
    }
}

impl From<history::OrderState> for OrderStateView {
    fn from(state: history::OrderState) -> Self {
        use history::OrderState;
        match state {
            OrderState::Waiting | OrderState::Sent => Self::Waiting,
            OrderState::Accepted => Self::Open,
            OrderState::Refused => Self::Refused,
            OrderState::Missed => Self::Missed,
            OrderState::Cancelling => Self::Cancelling,
            OrderState::Cancelled => Self::Cancelled,
            OrderState::Bound => Self::Bound,
            OrderState::Cleared => Self::Cleared,
        }
    }
}

impl From<&history::StoredOrder> for OrderView {
    fn from(stored: &history::StoredOrder) -> Self {
        let order = &stored.order;
        let cleared = stored.state == history::OrderState::Cleared;
        Self {
            id: order.id.to_string(),
            slot: order.slot.start().into(),
            side: order.side.into(),
            quantity_wh: order.quantity.into(),
            limit_micros_per_kwh: order.limit.into(),
            state: stored.state.into(),
            problem: stored.problem.as_ref().map(|problem| problem.detail.clone()),
            filled_wh: cleared.then(|| stored.filled.into()),
        }
    }
}

/// Returns whether an order still means something for its slot.
fn stands(state: history::OrderState) -> bool {
    !matches!(state, history::OrderState::Cancelled | history::OrderState::Cancelling)
}

/// Tells how certain a slot's money is.
fn certainty(house: &House, slot: Slot, now: Timestamp, settled: bool) -> Certainty {
    let final_after =
        house.market_rules().map(|rules| std::time::Duration::from_secs(rules.final_after_s.into()));
    match (settled, slot.end() <= now) {
        (true, _) if final_after.is_some_and(|after| slot.end() + after <= now) => Certainty::Final,
        (true, _) => Certainty::Settled,
        (false, true) => Certainty::Provisional,
        (false, false) => Certainty::Expected,
    }
}
