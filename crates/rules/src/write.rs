//! Writes rules as TOML, in their order, so that an edit in the window changes one line of the file.

use std::fmt::Write;

use pricing::format_price;
use toml::Value;

use crate::amount_text::{decimal, format_energy, format_percent};
use crate::rule::{Days, Limit, Rule, RuleBook, Side};

impl RuleBook {
    /// Returns the rules as `rules.toml` holds them; [`RuleBook::parse`] reads the same rules back.
    pub fn to_toml(&self) -> String {
        let tables: Vec<String> = self.rules.iter().map(|rule| self.table(rule)).collect();
        tables.join("\n")
    }

    fn table(&self, rule: &Rule) -> String {
        let mut text = String::from("[[rule]]\n");
        let mut line = |key: &str, value: String| {
            writeln!(text, "{key} = {value}").expect("a text takes what is written to it");
        };
        line("name", quoted(&rule.name));
        line(
            "side",
            quoted(match rule.side {
                Side::Sell => "sell",
                Side::Buy => "buy",
            }),
        );
        line("limit", self.limit(rule.limit));
        if rule.days != Days::ALL {
            let days: Vec<String> = rule.days.words().map(quoted).collect();
            line("days", format!("[{}]", days.join(", ")));
        }
        if let Some(hours) = rule.hours {
            line("hours", quoted(&hours.to_string()));
        }
        if let Some(from) = rule.from {
            line("from", quoted(&from.to_string()));
        }
        if let Some(until) = rule.until {
            line("until", quoted(&until.to_string()));
        }
        if let Some(cap) = rule.cap {
            line("cap", quoted(&format!("{}/day", format_energy(cap))));
        }
        if let Some(keep) = rule.keep {
            line("keep", quoted(&format_energy(keep)));
        }
        if let Some(level) = rule.battery_at_least {
            line("battery_at_least", quoted(&format_percent(level)));
        }
        if !rule.enabled {
            line("enabled", "false".to_owned());
        }
        text
    }

    fn limit(&self, limit: Limit) -> String {
        let price = |price| quoted(&format_price(price, self.currency));
        match limit {
            Limit::At(at) => format!("{{ at = {} }}", price(at)),
            Limit::AboveFeedIn(more) => format!("{{ above_feed_in = {} }}", price(more)),
            Limit::ShareOfSpread(share) => {
                let share = decimal(share.thousandths().into());
                format!("{{ share_of_spread = {share} }}")
            }
        }
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
