//! Prices & rules: the sentence with its editable price, and why the last slots went as they did.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Instant, OrderView, ReasonView, SideView, Whole};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RulesView {
    pub rules: Vec<RuleView>,
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
    /// The orders for the slots ahead, by slot.
    pub ahead: Vec<OrderView>,
    /// The last slots with their decisions, newest first.
    pub decisions: Vec<DecisionView>,
    /// Changes of the rules, newest first.
    pub log: Vec<RulesChangeView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RuleView {
    pub name: String,
    pub side: SideView,
    pub enabled: bool,
    pub limit: LimitView,
    /// What the limit comes to with the present contract.
    pub limit_micros_per_kwh: Option<Whole>,
    /// Wall-clock hours in the home's zone, `06:00-22:00`; missing means all day.
    pub hours: Option<String>,
    /// `mon`, `tue` and so on; empty means every day.
    pub days: Vec<String>,
    pub cap_wh_per_day: Option<Whole>,
    /// The limit is worse than the owner's own contract.
    pub worse_than_contract: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LimitView {
    At { micros_per_kwh: Whole },
    AboveFeedIn { micros_per_kwh: Whole },
    ShareOfSpread { thousandths: Whole },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DecisionView {
    pub slot: Instant,
    pub side: SideView,
    pub verdict: VerdictView,
    pub rule: Option<String>,
    pub limit_micros_per_kwh: Option<Whole>,
    pub reasons: Vec<ReasonView>,
    /// What became of it: the order, the area's price, the energy traded. Missing until known.
    pub order: Option<OrderView>,
    pub price_micros_per_kwh: Option<Whole>,
    pub traded_wh: Option<Whole>,
    pub settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum VerdictView {
    Offer,
    Bid,
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RulesChangeView {
    pub at: Instant,
    pub who: String,
    pub what: String,
}

/// A new price for a rule. Worse than the own contract is refused unless confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LimitChange {
    pub rule: String,
    pub micros_per_kwh: Whole,
    pub confirmed: bool,
}
