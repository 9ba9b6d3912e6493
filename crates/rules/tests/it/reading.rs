//! `rules.toml` is read exactly, refused by place, and written back in its order.

use rules::{Days, Limit, RuleBook, RuleError, Share, Side};
use units::{Currency, Percent, WattHours};

use crate::home::{book, micros, rule, selling};

const EVERYTHING: &str = r#"[[rule]]
name = 'Evening "peak"'
side = "sell"
limit = { share_of_spread = 0.5 }
days = ["mon", "fri"]
hours = "18:00-02:00"
from = "2026-06-01"
until = "2026-09-01"
cap = "4 kWh/day"
keep = "1.5 kWh"
battery_at_least = "80 %"
enabled = false

[[rule]]
name = "Sun"
side = "sell"
limit = { above_feed_in = "0.030 EUR/kWh" }

[[rule]]
name = "Night"
side = "buy"
limit = { at = "-0.000001 EUR/kWh" }
"#;

fn refused(text: &str) -> RuleError {
    RuleBook::parse(text, Currency::EUR).expect_err(text)
}

#[test]
fn a_rule_may_say_all_of_this() {
    let book = book(EVERYTHING);
    let rule = &book.rules()[0];
    assert_eq!((rule.name.as_str(), rule.side, rule.enabled), ("Evening \"peak\"", Side::Sell, false));
    assert_eq!(rule.limit, Limit::ShareOfSpread(Share::from_thousandths(500).unwrap()));
    assert_eq!(rule.days.words().collect::<Vec<_>>(), ["mon", "fri"]);
    assert_eq!(rule.hours.unwrap().to_string(), "18:00-02:00");
    assert_eq!(rule.from.unwrap().to_string(), "2026-06-01");
    assert_eq!(rule.until.unwrap().to_string(), "2026-09-01");
    assert_eq!((rule.cap, rule.keep), (Some(WattHours::new(4000)), Some(WattHours::new(1500))));
    assert_eq!(rule.battery_at_least, Some(Percent::from_percent(80)));
    assert_eq!(book.rules()[1].limit, Limit::AboveFeedIn(micros(30_000)));
    assert_eq!(book.rules()[2].limit, Limit::At(micros(-1)));
    assert_eq!((book.rules()[2].days, book.rules()[2].enabled), (Days::ALL, true));
}

#[test]
fn rules_are_written_back_as_they_were() {
    assert_eq!(book(EVERYTHING).to_toml(), EVERYTHING);
    assert_eq!(book("").to_toml(), "");
}

#[test]
fn another_limit_changes_one_line_and_nothing_else() {
    let edited = book(EVERYTHING).with_limit("Sun", Limit::At(micros(125_000))).unwrap().to_toml();
    let expected = EVERYTHING.replace("{ above_feed_in = \"0.030 EUR/kWh\" }", "{ at = \"0.125 EUR/kWh\" }");
    assert_eq!(edited, expected);
    assert_eq!(book("").with_limit("Sun", Limit::At(micros(1))).unwrap_err().0, "Sun");
}

#[test]
fn a_rule_is_switched_off_and_on_by_one_line() {
    let off = book(EVERYTHING).with_enabled("Night", false).unwrap();
    assert_eq!(off.to_toml(), format!("{EVERYTHING}enabled = false\n"));
    assert_eq!(off.with_enabled("Night", true).unwrap().to_toml(), EVERYTHING);
    assert!(off.with_enabled("Day", true).is_err());
}

#[test]
fn days_may_be_toml_dates_too() {
    let book = selling("from = 2026-06-01");
    assert_eq!(book.rules()[0].from.unwrap().to_string(), "2026-06-01");
}

#[test]
fn unknown_keys_are_refused_by_name_with_a_hint() {
    let typo = refused(&rule("Sun", "sell", "at = \"0.120 EUR/kWh\"", "hour = \"06:00-22:00\""));
    assert_eq!(typo.to_string(), "rule 1 \"Sun\": unknown key \"hour\"; did you mean \"hours\"?");
    let far = refused(&rule("Sun", "sell", "at = \"0.120 EUR/kWh\"", "weather = \"sunny\""));
    assert!(far.to_string().contains("unknown key \"weather\"; known are name, side, limit, days"), "{far}");
    let limit = refused(&rule("Sun", "sell", "above_feedin = \"0.120 EUR/kWh\"", ""));
    assert_eq!(
        limit.to_string(),
        "rule 1 \"Sun\", limit: unknown key \"above_feedin\"; did you mean \"above_feed_in\"?"
    );
    assert_eq!(refused("[[rules]]\n").to_string(), "rules: unknown key \"rules\"; did you mean \"rule\"?");
}

#[test]
fn what_cannot_be_read_says_where_and_what_to_write() {
    let cases = [
        ("cap = \"4 kWh\"", "cap: \"4 kWh\" is not an amount here: write it as 4 kWh/day"),
        ("cap = 4", "cap: a number stands where a text in quotes is expected"),
        ("keep = \"some\"", "keep: \"some\" is not an amount here: write it as 1.5 kWh"),
        (
            "battery_at_least = \"110 %\"",
            "battery_at_least: \"110 %\" is not an amount here: write it as 80 %",
        ),
        ("days = []", "days: no day at all"),
        ("days = [\"monday\"]", "days: \"monday\" is no day"),
        (
            "days = [\"mon\", \"mon\"]",
            "days: \"mon\" is no day; mon, tue, wed, thu, fri, sat and sun are, each once",
        ),
        ("days = \"mon\"", "days: a text stands where a list such as [\"mon\", \"tue\"] is expected"),
        ("hours = \"6-22\"", "hours: \"6-22\" are no hours; write them as \"06:00-22:00\""),
        ("hours = \"06:00-25:00\"", "hours: \"06:00-25:00\" are no hours"),
        ("hours = \"06:00-06:00\"", "hours: \"06:00-06:00\" are no hours"),
        ("hours = \"24:00-06:00\"", "hours: \"24:00-06:00\" are no hours"),
        ("from = \"1 June\"", "from: \"1 June\" is no day; write it as \"2026-06-01\""),
        ("from = 2026-06-01T12:00:00Z", "from: \"2026-06-01T12:00:00Z\" is no day"),
        (
            "from = \"2026-06-01\"\nuntil = \"2026-06-01\"",
            "until: the rule ends on 2026-06-01, which is not after",
        ),
        ("enabled = \"yes\"", "enabled: a text stands where true or false is expected"),
    ];
    for (line, expected) in cases {
        let refused = refused(&rule("Sun", "sell", "at = \"0.120 EUR/kWh\"", line)).to_string();
        assert!(refused.starts_with(&format!("rule 1 \"Sun\", {expected}")), "{line}: {refused}");
    }
}

#[test]
fn name_side_and_limit_are_needed_and_names_differ() {
    let cases = [
        ("[[rule]]\nside = \"sell\"", "rule 1, name: missing; it names the rule in the window"),
        ("[[rule]]\nname = \" \"", "rule 1 \" \", name: a name has 1 to 100 characters"),
        ("[[rule]]\nname = \"a\"", "rule 1 \"a\", side: missing; it is \"sell\" or \"buy\""),
        ("[[rule]]\nname = \"a\"\nside = \"both\"", "rule 1 \"a\", side: \"both\" is no side"),
        ("[[rule]]\nname = \"a\"\nside = \"buy\"", "rule 1 \"a\", limit: missing; write limit = { at"),
        ("[rule]\nname = \"a\"", "rule: a table stands where [[rule]], in double brackets, is expected"),
        ("rule = [1]", "rule 1: a number stands where a table is expected"),
        ("[[rule", "rules: this is not TOML"),
    ];
    for (text, expected) in cases {
        let refused = refused(text).to_string();
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
    let twice = [rule("a", "sell", "at = \"0.1 EUR/kWh\"", ""), rule("a", "buy", "at = \"0.1 EUR/kWh\"", "")]
        .concat();
    assert_eq!(
        refused(&twice).to_string(),
        "rule 2 \"a\", name: \"a\" is the name of an earlier rule; each rule has its own"
    );
}

#[test]
fn a_limit_says_one_thing_exactly() {
    let cases = [
        ("", "a limit says one thing"),
        ("at = \"0.1 EUR/kWh\", share_of_spread = 0.5", "a limit says one thing"),
        ("at = 0.12", "a number stands where a text in quotes is expected"),
        ("at = \"0.1 CHF/kWh\"", "\"0.1 CHF/kWh\" is not a price: the unit is \"CHF/kWh\""),
        ("share_of_spread = 1.5", "a share lies between 0 and 1"),
        ("share_of_spread = -0.1", "a share lies between 0 and 1"),
        ("share_of_spread = nan", "a share lies between 0 and 1"),
        ("share_of_spread = 0.12345", "a share lies between 0 and 1"),
        ("share_of_spread = \"half\"", "a text stands where a number such as 0.5 is expected"),
    ];
    for (limit, expected) in cases {
        let refused = refused(&rule("Sun", "sell", limit, "")).to_string();
        assert!(refused.starts_with(&format!("rule 1 \"Sun\", limit: {expected}")), "{limit}: {refused}");
    }
    let whole = book(&rule("Sun", "sell", "share_of_spread = 1", ""));
    assert_eq!(whole.rules()[0].limit, Limit::ShareOfSpread(Share::from_thousandths(1000).unwrap()));
}
