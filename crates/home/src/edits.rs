//! What an owner can change about the rules, and what is refused unless confirmed.

use rules::{Finding, Limit, RuleBook};
use units::{Price, Slot};

use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::view::frame::Refusal;
use crate::view::rules::{LimitChange, RulesView};

/// Prices beyond a thousand a kWh are slips of the finger.
const MOST_MICROS_PER_KWH: i64 = 1_000_000_000;

impl Home {
    /// Gives a rule another price. One that is worse than the owner's own contract is refused unless
    /// confirmed.
    pub fn set_limit(&self, change: &LimitChange) -> Result<RulesView, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        let micros = change.micros_per_kwh.get();
        if micros.abs() > MOST_MICROS_PER_KWH {
            return Err(Refusal {
                code: "price_out_of_range".to_owned(),
                message: "No kilowatt-hour costs that much; the price was not changed.".to_owned(),
                hint: "Check the decimal point.".to_owned(),
            });
        }
        let book = house
            .rules()
            .with_limit(&change.rule, Limit::At(Price::from_micros_per_kwh(micros)))
            .map_err(|error| unknown_rule(&error))?;
        if let Some(finding) = house.worse_than_contract(&book, &change.rule).filter(|_| !change.confirmed) {
            return Err(Refusal {
                code: "worse_than_contract".to_owned(),
                message: finding.to_string(),
                hint: "Confirm to keep it all the same. Wattle never trades at less than your own contract."
                    .to_owned(),
            });
        }
        house.change_rules(book, "owner").map_err(|error| history_refusal(&error))?;
        tracing::info!(rule = change.rule, limit = micros, "the owner changed a price");
        self.rules()
    }

    /// Switches a rule on or off.
    pub fn set_rule_enabled(&self, rule: &str, enabled: bool) -> Result<RulesView, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        let book = house.rules().with_enabled(rule, enabled).map_err(|error| unknown_rule(&error))?;
        house.change_rules(book, "owner").map_err(|error| history_refusal(&error))?;
        tracing::info!(rule, enabled, "the owner switched a rule");
        self.rules()
    }
}

impl House {
    /// Returns in which way a rule's limit is worse than the contract of the running slot, if it is.
    pub fn worse_than_contract(&self, book: &RuleBook, name: &str) -> Option<Finding> {
        let prices = self.prices(Slot::containing(self.now()))?;
        rules::check(book, &prices, self.judged())
            .into_iter()
            .find(|finding| matches!(finding, Finding::WorseThanContract { rule, .. } if rule == name))
    }
}

fn unknown_rule(error: &rules::UnknownRule) -> Refusal {
    Refusal {
        code: "unknown_rule".to_owned(),
        message: format!("{error}; it may have been renamed in rules.toml."),
        hint: "Open the page again.".to_owned(),
    }
}
