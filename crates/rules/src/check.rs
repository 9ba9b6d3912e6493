//! What an owner should know about rules before they are used.

use pricing::SlotPrices;
use units::Price;

use crate::rule::{Rule, RuleBook, Side};
use crate::situation::Judged;

/// Something about a rule that its owner hardly meant. Names the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// To be refused unless the owner confirms it. Deciding never goes below the contract either way.
    #[error("rule \"{rule}\" {}", match side {
        Side::Sell => format!("would sell at {limit}, which is less than the {contract} that the utility pays"),
        Side::Buy => format!("would buy at {limit}, which is more than the {contract} that the utility asks"),
    })]
    WorseThanContract { rule: String, side: Side, limit: Price, contract: Price },
    #[error("rule \"{rule}\" never speaks, because \"{before}\" before it always does")]
    NeverSpeaks { rule: String, before: String },
    /// The rule stands still, since what its condition needs is not measured or forecast.
    #[error(
        "rule \"{rule}\" does not trade: nothing here can judge its \"{key}\" {}",
        match *key {
            "keep" => "yet; it takes a day of this home's own readings, or leave it out to trade",
            _ => "yet; tell the battery's capacity and let its meter be read for some days, or leave it out to trade",
        }
    )]
    CannotJudge { rule: String, key: &'static str },
}

/// Checks enabled rules against each other, against the contract's prices, and against what the home can judge.
pub fn check(book: &RuleBook, prices: &SlotPrices, judged: Judged) -> Vec<Finding> {
    findings(book, Some(prices), judged)
}

/// Checks enabled rules against each other, where no contract is known.
pub fn check_alone(book: &RuleBook, judged: Judged) -> Vec<Finding> {
    findings(book, None, judged)
}

fn findings(book: &RuleBook, prices: Option<&SlotPrices>, judged: Judged) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, rule) in book.rules().iter().enumerate().filter(|(_, rule)| rule.enabled) {
        let name = || rule.name.clone();
        findings.extend(prices.and_then(|prices| worse_than_contract(rule, prices)));
        let before =
            book.rules()[..index].iter().find(|other| other.side == rule.side && other.speaks_always());
        if let Some(before) = before {
            findings.push(Finding::NeverSpeaks { rule: name(), before: before.name.clone() });
        }
        let keep = rule.keep.filter(|_| !judged.surplus).map(|_| "keep");
        let battery = rule.battery_at_least.filter(|_| !judged.battery).map(|_| "battery_at_least");
        for key in keep.into_iter().chain(battery) {
            findings.push(Finding::CannotJudge { rule: name(), key });
        }
    }
    findings
}

fn worse_than_contract(rule: &Rule, prices: &SlotPrices) -> Option<Finding> {
    let limit = rule.limit.price(rule.side, prices);
    let (worse, contract) = match rule.side {
        Side::Sell => (limit < prices.feed_in, prices.feed_in),
        Side::Buy => (limit > prices.retail, prices.retail),
    };
    worse.then(|| Finding::WorseThanContract { rule: rule.name.clone(), side: rule.side, limit, contract })
}
