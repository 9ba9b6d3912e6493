//! Prices & rules: the sentence with its editable price, and why the last slots went as they did.

use serde::{Deserialize, Serialize};
use specta::Type;

use history::{Decision, HistoryError, Settlement, StoredOrder, Verdict};
use rules::{Limit, Reason, Rule};
use units::Slot;

use super::{Instant, NumberView, OrderView, ReasonView, SideView, Whole};
use crate::convert::market_side;
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

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
    /// `owner` in the window, `file` where rules.toml was edited.
    pub who: String,
    pub changes: Vec<RuleChangeView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RuleChangeView {
    pub rule: String,
    pub what: RuleChangeKind,
    /// The new price, where one was set.
    pub micros_per_kwh: Option<Whole>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum RuleChangeKind {
    Added,
    Removed,
    Limit,
    SwitchedOn,
    SwitchedOff,
    Edited,
}

/// A new price for a rule. Worse than the own contract is refused unless confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LimitChange {
    pub rule: String,
    pub micros_per_kwh: Whole,
    pub confirmed: bool,
}

/// Decisions shown: the slots ahead and a bit more than three hours back.
const SHOWN_BACK: i64 = 13;
const SHOWN_AHEAD: i64 = 5;
/// Changes of the rules shown.
const LOG: u32 = 20;

impl Home {
    /// Returns the rules, what stands ahead, and why the last slots went as they did.
    pub fn rules(&self) -> Result<RulesView, Refusal> {
        let house = self.house()?;
        rules_view(house).map_err(|error| history_refusal(&error))
    }
}

fn rules_view(house: &House) -> Result<RulesView, HistoryError> {
    let running = Slot::containing(house.now());
    let range = running.offset(-SHOWN_BACK)..running.offset(SHOWN_AHEAD);
    let orders = house.history.orders(range.clone())?;
    let settled = house.history.settlements(range.clone())?;
    let mut decisions = house.history.decisions(range)?;
    decisions.reverse();
    let prices = house.prices(running);
    let book = house.rules();
    Ok(RulesView {
        rules: book.rules().iter().map(|rule| rule_view(house, &book, rule)).collect(),
        retail_micros_per_kwh: prices.map(|prices| prices.retail.into()),
        feed_in_micros_per_kwh: prices.map(|prices| prices.feed_in.into()),
        ahead: orders
            .iter()
            .filter(|stored| stored.order.slot >= running && super::stands(stored.state))
            .map(OrderView::from)
            .collect(),
        decisions: decisions.iter().map(|decision| decision_view(decision, &orders, &settled)).collect(),
        log: log(house)?,
    })
}

fn rule_view(house: &House, book: &rules::RuleBook, rule: &Rule) -> RuleView {
    let prices = house.prices(Slot::containing(house.now()));
    let every_day = rule.days == rules::Days::ALL;
    RuleView {
        name: rule.name.clone(),
        side: market_side(rule.side).into(),
        enabled: rule.enabled,
        limit: match rule.limit {
            Limit::At(price) => LimitView::At { micros_per_kwh: price.into() },
            Limit::AboveFeedIn(more) => LimitView::AboveFeedIn { micros_per_kwh: more.into() },
            Limit::ShareOfSpread(share) => {
                LimitView::ShareOfSpread { thousandths: Whole::new(share.thousandths().into()) }
            }
        },
        limit_micros_per_kwh: prices.map(|prices| rule.limit.price(rule.side, &prices).into()),
        hours: rule.hours.map(|hours| hours.to_string()),
        days: if every_day { Vec::new() } else { rule.days.words().map(str::to_owned).collect() },
        cap_wh_per_day: rule.cap.map(Whole::from),
        worse_than_contract: house.worse_than_contract(book, &rule.name).is_some(),
    }
}

fn decision_view(decision: &Decision, orders: &[StoredOrder], settled: &[Settlement]) -> DecisionView {
    let settled = settled.iter().find(|settled| settled.slot == decision.slot);
    let of_side = |stored: &&StoredOrder| {
        stored.order.slot == decision.slot
            && stored.order.side == decision.side
            && super::stands(stored.state)
    };
    let order = orders.iter().rfind(of_side);
    let traded = settled.map(|settled| match decision.side {
        market::Side::Sell => settled.sold,
        market::Side::Buy => settled.bought,
    });
    DecisionView {
        slot: decision.slot.start().into(),
        side: decision.side.into(),
        verdict: match decision.verdict {
            Verdict::Offer => VerdictView::Offer,
            Verdict::Bid => VerdictView::Bid,
            Verdict::Nothing => VerdictView::None,
        },
        rule: decision.rule.clone(),
        limit_micros_per_kwh: decision.limit.map(Whole::from),
        reasons: reasons(&decision.reasons_json),
        order: order.map(OrderView::from),
        price_micros_per_kwh: settled.and_then(|settled| settled.price).map(Whole::from),
        traded_wh: traded.map(Whole::from),
        settled: settled.is_some(),
    }
}

/// Reads stored reasons; those of a newer version that are not understood are left out.
pub(super) fn reasons(json: &str) -> Vec<ReasonView> {
    let reasons: Vec<Reason> = serde_json::from_str(json).unwrap_or_default();
    let view = |reason: Reason| ReasonView {
        code: reason.code.as_str().to_owned(),
        numbers: reason
            .numbers
            .iter()
            .map(|(name, value)| NumberView { name: name.to_owned(), value: Whole::new(value) })
            .collect(),
    };
    reasons.into_iter().map(view).collect()
}

/// Says of each version of the rules what it changed.
fn log(house: &House) -> Result<Vec<RulesChangeView>, HistoryError> {
    let versions = house.history.rules_log(LOG + 1)?;
    let read = |toml: &str| rules::RuleBook::parse(toml, house.config().currency).ok();
    let changes = versions.iter().zip(versions.iter().skip(1).map(Some).chain([None]));
    Ok(changes
        .take(LOG as usize)
        .map(|(version, before)| {
            let before = before.and_then(|before| read(&before.toml));
            RulesChangeView {
                at: version.saved_at.into(),
                who: version.saved_by.clone(),
                changes: read(&version.toml)
                    .map(|book| differences(before.as_ref(), &book))
                    .unwrap_or_default(),
            }
        })
        .collect())
}

fn differences(before: Option<&rules::RuleBook>, after: &rules::RuleBook) -> Vec<RuleChangeView> {
    let mut changes = Vec::new();
    for rule in after.rules() {
        let old = before.and_then(|before| before.rule(&rule.name));
        let of = |what| RuleChangeView { rule: rule.name.clone(), what, micros_per_kwh: None };
        match old {
            None => changes.push(of(RuleChangeKind::Added)),
            Some(old) if old.limit != rule.limit => {
                let micros_per_kwh = match rule.limit {
                    Limit::At(price) => Some(price.into()),
                    Limit::AboveFeedIn(_) | Limit::ShareOfSpread(_) => None,
                };
                changes.push(RuleChangeView { micros_per_kwh, ..of(RuleChangeKind::Limit) });
            }
            Some(old) if old.enabled != rule.enabled && rule.enabled => {
                changes.push(of(RuleChangeKind::SwitchedOn))
            }
            Some(old) if old.enabled != rule.enabled => changes.push(of(RuleChangeKind::SwitchedOff)),
            Some(old) if old != rule => changes.push(of(RuleChangeKind::Edited)),
            Some(_) => {}
        }
    }
    let removed =
        before.into_iter().flat_map(|before| before.rules()).filter(|rule| after.rule(&rule.name).is_none());
    changes.extend(removed.map(|rule| RuleChangeView {
        rule: rule.name.clone(),
        what: RuleChangeKind::Removed,
        micros_per_kwh: None,
    }));
    changes
}
