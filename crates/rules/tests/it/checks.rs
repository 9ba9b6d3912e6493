//! What an owner is told about rules before they are used.

use rules::{Finding, Judged, Limit, Side, check};

use crate::home::{book, micros, prices, rule, selling};

#[test]
fn selling_below_feed_in_and_buying_above_retail_are_found() {
    let rules = [
        rule("Give away", "sell", "at = \"0.079999 EUR/kWh\"", ""),
        rule("Overpay", "buy", "at = \"0.300001 EUR/kWh\"", ""),
    ]
    .concat();
    let findings = check(&book(&rules), &prices(), Judged::default());
    let worse = |rule: &str, side, limit, contract| Finding::WorseThanContract {
        rule: rule.to_owned(),
        side,
        limit: micros(limit),
        contract: micros(contract),
    };
    assert_eq!(
        findings,
        [worse("Give away", Side::Sell, 79_999, 80_000), worse("Overpay", Side::Buy, 300_001, 300_000)]
    );
    assert_eq!(
        findings[0].to_string(),
        "rule \"Give away\" would sell at 0.079999, which is less than the 0.080 that the utility pays"
    );
}

#[test]
fn limits_at_the_contracts_prices_are_fine() {
    let book = selling("");
    for limit in [80_000, 120_000] {
        assert_eq!(
            check(&book.with_limit("Sun", Limit::At(micros(limit))).unwrap(), &prices(), Judged::default()),
            []
        );
    }
    assert_eq!(
        check(&book.with_limit("Sun", Limit::AboveFeedIn(micros(-1))).unwrap(), &prices(), Judged::default())
            .len(),
        1
    );
}

#[test]
fn a_rule_behind_one_that_always_speaks_is_found() {
    let rules = [
        rule("Evening", "sell", "at = \"0.200 EUR/kWh\"", "hours = \"18:00-22:00\""),
        rule("Always", "sell", "at = \"0.120 EUR/kWh\"", "cap = \"4 kWh/day\""),
        rule("Never", "sell", "at = \"0.100 EUR/kWh\"", ""),
        rule("Buy", "buy", "at = \"0.100 EUR/kWh\"", ""),
        rule("Off", "sell", "at = \"0.010 EUR/kWh\"", "enabled = false"),
    ]
    .concat();
    let expected = Finding::NeverSpeaks { rule: "Never".to_owned(), before: "Always".to_owned() };
    assert_eq!(check(&book(&rules), &prices(), Judged::default()), [expected]);
}

#[test]
fn a_rule_that_stands_still_for_want_of_a_forecast_is_found() {
    let findings =
        check(&selling("keep = \"1 kWh\"\nbattery_at_least = \"20 %\""), &prices(), Judged::default());
    let expected = |key| Finding::CannotJudge { rule: "Sun".to_owned(), key };
    assert_eq!(findings, [expected("keep"), expected("battery_at_least")]);
}

#[test]
fn a_rule_whose_conditions_can_be_judged_is_not_found() {
    let rules = selling("keep = \"1 kWh\"\nbattery_at_least = \"20 %\"");
    let judged = Judged { surplus: true, battery: false };
    let expected = Finding::CannotJudge { rule: "Sun".to_owned(), key: "battery_at_least" };
    assert_eq!(check(&rules, &prices(), judged), [expected]);
}
