//! What the rules would have earned on the household's own last month, for each limit of one of them: the
//! strip and the curve behind the price in the sentence.

use serde::{Deserialize, Serialize};
use specta::Type;

use history::HistoryError;
use rules::{Backtest, Past, RuleBook};
use units::{DayKey, Price, Slot};

use super::{Amount, Whole};
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RulePastView {
    /// Local days on record among the last thirty; with none there is nothing to say yet.
    pub days: Whole,
    /// With the rules as they stand.
    pub in_force: OutcomeView,
    /// What all export would have brought from the utility.
    pub feed_in_only: Amount,
    /// The most that could have been earned and saved, with each price known before.
    pub best_possible: Amount,
    /// What the rules come to with other limits of this rule, from feed-in to retail.
    pub curve: Vec<RuleTrialView>,
    /// The most demanding limit that still earns nearly the most; missing where nothing was earned.
    pub suggested_micros_per_kwh: Option<Whole>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct RuleTrialView {
    pub limit_micros_per_kwh: Whole,
    pub outcome: OutcomeView,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct OutcomeView {
    pub sold_wh: Whole,
    pub bought_wh: Whole,
    /// Above feed-in.
    pub earned: Amount,
    /// Below retail.
    pub saved: Amount,
}

/// Days looked back.
const DAYS: u64 = 30;
/// Between two limits of the curve: half a cent per kWh, as people set prices.
const STEP_MICROS: i64 = 5_000;
/// At most so many, whatever the currency.
const MOST_STEPS: i64 = 120;

impl Home {
    /// Tries a rule's limits on the household's own last month. A limit is compared with the price that the
    /// area had, as if this household's energy would not have moved it.
    pub fn rule_past(&self, rule: &str) -> Result<RulePastView, Refusal> {
        let house = self.house()?;
        let book = house.rules();
        if book.rule(rule).is_none() {
            return Err(Refusal {
                code: "unknown_rule".to_owned(),
                message: format!("There is no rule \"{rule}\" any more."),
                hint: "It was renamed or removed; look at the rules anew.".to_owned(),
            });
        }
        rule_past(house, &book, rule).map_err(|error| history_refusal(&error))
    }
}

fn rule_past(house: &House, book: &RuleBook, rule: &str) -> Result<RulePastView, HistoryError> {
    let today = house.today().key();
    let first = DayKey::new(today.date() - chrono::Days::new(DAYS));
    let past = crate::past::past(&house.config(), &house.history, first..today)?;
    Ok(view(&past, book, rule, &limits(house)))
}

fn view(past: &Past, book: &RuleBook, rule: &str, limits: &[Price]) -> RulePastView {
    let in_force = past.run(book);
    let trials = past.sweep(book, rule, limits).unwrap_or_default();
    RulePastView {
        days: Whole::new(in_force.days.into()),
        in_force: (&in_force).into(),
        feed_in_only: in_force.feed_in_only.into(),
        best_possible: in_force.best_possible.into(),
        suggested_micros_per_kwh: rules::suggested(book, rule, &trials).map(Whole::from),
        curve: trials
            .iter()
            .map(|trial| RuleTrialView {
                limit_micros_per_kwh: trial.limit.into(),
                outcome: (&trial.outcome).into(),
            })
            .collect(),
    }
}

/// Returns the limits from feed-in to retail. Without a contract there is no range to try.
fn limits(house: &House) -> Vec<Price> {
    let Some(prices) = house.prices(Slot::containing(house.now())) else { return Vec::new() };
    let (low, high) = (prices.feed_in.micros_per_kwh(), prices.retail.micros_per_kwh());
    let step = STEP_MICROS.max((high - low) / MOST_STEPS);
    (0..).map(|n| low + n * step).take_while(|limit| *limit <= high).map(Price::from_micros_per_kwh).collect()
}

impl From<&Backtest> for OutcomeView {
    fn from(outcome: &Backtest) -> Self {
        Self {
            sold_wh: outcome.sold.into(),
            bought_wh: outcome.bought.into(),
            earned: outcome.earned.into(),
            saved: outcome.saved.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pricing::SlotPrices;
    use rules::{Equipment, PastHome, PastSlot};
    use units::{Currency, Power, WattHours, zone};

    fn micros(value: i64) -> Price {
        Price::from_micros_per_kwh(value)
    }

    /// A day of 500 Wh a quarter hour at prices from 10.0 to 19.5 ct.
    fn past() -> Past {
        let home = PastHome {
            zone: zone("Europe/Berlin").unwrap(),
            fuse: Power::from_watts(17_250),
            equipment: Equipment { can_sell: true, can_buy: true },
            operator_fee: micros(0),
        };
        let first: Slot = "2026-06-01T22:00:00Z".parse().unwrap();
        let slot = |index: i64| PastSlot {
            slot: first.offset(index),
            energy: Some((WattHours::ZERO, WattHours::new(500))),
            contract: Some(SlotPrices { retail: micros(300_000), feed_in: micros(80_000) }),
            area_price: Some(micros(100_000 + index * 1_000)),
            outlook: rules::Outlook::default(),
        };
        Past::new(home, (0..96).map(slot).collect())
    }

    #[test]
    fn the_suggested_limit_is_the_highest_that_earns_nearly_the_most() {
        let text = "[[rule]]\nname = \"Sun\"\nside = \"sell\"\nlimit = { at = \"0.150 EUR/kWh\" }\n";
        let book = RuleBook::parse(text, Currency::EUR).unwrap();
        let limits: Vec<Price> = (80..=300).step_by(5).map(|tenths| micros(tenths * 1_000)).collect();
        let view = view(&past(), &book, "Sun", &limits);
        assert_eq!((view.days.get(), view.in_force.sold_wh.get()), (1, 46 * 500));
        assert_eq!(view.curve.len(), limits.len());
        // Below 10.5 ct lies 1.7 % of what all 96 quarter hours earn.
        assert_eq!(view.suggested_micros_per_kwh.map(Whole::get), Some(100_000));
        assert_eq!(view.curve[0].outcome.earned, view.best_possible);
    }

    #[test]
    fn where_nothing_was_earned_nothing_is_suggested() {
        let text = "[[rule]]\nname = \"Sun\"\nside = \"sell\"\nlimit = { at = \"0.150 EUR/kWh\" }\n";
        let book = RuleBook::parse(text, Currency::EUR).unwrap();
        let none = Past::new(
            PastHome {
                zone: zone("Europe/Berlin").unwrap(),
                fuse: Power::from_watts(17_250),
                equipment: Equipment { can_sell: true, can_buy: true },
                operator_fee: micros(0),
            },
            Vec::new(),
        );
        let view = view(&none, &book, "Sun", &[micros(100_000)]);
        assert_eq!((view.days.get(), view.suggested_micros_per_kwh), (0, None));
    }
}
