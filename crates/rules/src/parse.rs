//! Reads `rules.toml`, and says by place what it cannot read.

use pricing::{InvalidPrice, parse_price};
use toml::{Table, Value};
use units::{Currency, DayKey, Hours, Price};

use crate::amount_text::{InvalidAmount, parse_energy_per_day, parse_kept_energy, parse_percent};
use crate::rule::{Days, InvalidShare, Limit, Rule, RuleBook, Share, Side};

/// What a rule may hold, in the order in which it is written.
const KEYS: [&str; 11] =
    ["name", "side", "limit", "days", "hours", "from", "until", "cap", "keep", "battery_at_least", "enabled"];
const LIMIT_KEYS: [&str; 3] = ["at", "above_feed_in", "share_of_spread"];
/// Names stand in the window and in the log of decisions; a longer one is a text in the wrong place.
const LONGEST_NAME: usize = 100;

/// Rules that cannot be read: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct RuleError {
    /// Such as `rule 2 "Evening", hours`.
    pub place: String,
    pub fault: RuleFault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    #[error("this is not TOML: {0}")]
    Syntax(String),
    #[error("unknown key \"{key}\"; {hint}")]
    UnknownKey { key: String, hint: String },
    #[error("missing; {0}")]
    Missing(&'static str),
    #[error("{found} stands where {expected} is expected")]
    Type { found: &'static str, expected: &'static str },
    #[error("\"{0}\" is the name of an earlier rule; each rule has its own")]
    DuplicateName(String),
    #[error("a name has 1 to {LONGEST_NAME} characters")]
    Name,
    #[error("\"{0}\" is no side; \"sell\" and \"buy\" are")]
    Side(String),
    #[error("a limit says one thing: at, above_feed_in or share_of_spread")]
    LimitKeys,
    #[error(transparent)]
    Price(InvalidPrice),
    #[error(transparent)]
    Share(InvalidShare),
    #[error("\"{0}\" is no day; mon, tue, wed, thu, fri, sat and sun are, each once")]
    Day(String),
    #[error("no day at all; leave \"days\" out for every day, or set enabled = false")]
    NoDays,
    #[error("\"{0}\" are no hours; write them as \"06:00-22:00\", or leave them out for all day")]
    Hours(String),
    #[error("\"{0}\" is no day; write it as \"2026-06-01\"")]
    Date(String),
    #[error("the rule ends on {until}, which is not after it begins; \"until\" is the day after its last")]
    EndsBeforeItBegins { until: DayKey },
    #[error(transparent)]
    Amount(InvalidAmount),
}

/// A fault with the key under which it lies; the rule is added further out.
type AtKey = (&'static str, RuleFault);

impl RuleBook {
    /// Reads rules from TOML, with prices in the home's currency. An empty text holds no rules.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, RuleError> {
        let at = |place: &str, fault| RuleError { place: place.to_owned(), fault };
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            at("rules", RuleFault::Syntax(error.to_string().trim_end().to_owned()))
        })?;
        if let Some(key) = table.keys().find(|key| *key != "rule") {
            return Err(at("rules", unknown_key(key, &["rule"])));
        }
        let tables = match table.get("rule") {
            None => &[][..],
            Some(Value::Array(tables)) => tables,
            Some(other) => return Err(at("rule", wrong_type(other, "[[rule]], in double brackets,"))),
        };
        let mut rules: Vec<Rule> = Vec::with_capacity(tables.len());
        for (index, table) in tables.iter().enumerate() {
            let name = table.get("name").and_then(Value::as_str);
            let rule = match name {
                Some(name) => format!("rule {} \"{name}\"", index + 1),
                None => format!("rule {}", index + 1),
            };
            let parsed = parse_rule(table, currency).and_then(|parsed| match by_name(&rules, &parsed.name) {
                true => Err(("name", RuleFault::DuplicateName(parsed.name))),
                false => Ok(parsed),
            });
            rules.push(parsed.map_err(|(key, fault)| match key {
                "" => at(&rule, fault),
                key => at(&format!("{rule}, {key}"), fault),
            })?);
        }
        Ok(Self { currency, rules })
    }
}

fn by_name(rules: &[Rule], name: &str) -> bool {
    rules.iter().any(|rule| rule.name == name)
}

fn parse_rule(value: &Value, currency: Currency) -> Result<Rule, AtKey> {
    let Value::Table(table) = value else { return Err(("", wrong_type(value, "a table"))) };
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(("", unknown_key(key, &KEYS)));
    }
    let rule = Rule {
        name: name(required(table, "name", "it names the rule in the window")?).map_err(at("name"))?,
        side: side(required(table, "side", "it is \"sell\" or \"buy\"")?).map_err(at("side"))?,
        limit: limit(required(table, "limit", "write limit = { at = \"0.120 EUR/kWh\" }")?, currency)
            .map_err(at("limit"))?,
        days: optional(table, "days", days)?.unwrap_or(Days::ALL),
        hours: optional(table, "hours", hours)?,
        from: optional(table, "from", date)?,
        until: optional(table, "until", date)?,
        cap: optional(table, "cap", |value| amount(value, parse_energy_per_day))?,
        keep: optional(table, "keep", |value| amount(value, parse_kept_energy))?,
        battery_at_least: optional(table, "battery_at_least", |value| amount(value, parse_percent))?,
        enabled: optional(table, "enabled", enabled)?.unwrap_or(true),
    };
    match (rule.from, rule.until) {
        (Some(from), Some(until)) if until <= from => Err(("until", RuleFault::EndsBeforeItBegins { until })),
        _ => Ok(rule),
    }
}

fn at(key: &'static str) -> impl Fn(RuleFault) -> AtKey {
    move |fault| (key, fault)
}

fn required<'a>(table: &'a Table, key: &'static str, hint: &'static str) -> Result<&'a Value, AtKey> {
    table.get(key).ok_or((key, RuleFault::Missing(hint)))
}

fn optional<T>(
    table: &Table,
    key: &'static str,
    read: impl Fn(&Value) -> Result<T, RuleFault>,
) -> Result<Option<T>, AtKey> {
    table.get(key).map(read).transpose().map_err(at(key))
}

fn name(value: &Value) -> Result<String, RuleFault> {
    let name = text(value)?;
    let fits = !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME;
    if fits { Ok(name.to_owned()) } else { Err(RuleFault::Name) }
}

fn side(value: &Value) -> Result<Side, RuleFault> {
    match text(value)? {
        "sell" => Ok(Side::Sell),
        "buy" => Ok(Side::Buy),
        other => Err(RuleFault::Side(other.to_owned())),
    }
}

fn limit(value: &Value, currency: Currency) -> Result<Limit, RuleFault> {
    let Value::Table(table) = value else {
        return Err(wrong_type(value, "a table such as { at = \"0.120 EUR/kWh\" }"));
    };
    if let Some(key) = table.keys().find(|key| !LIMIT_KEYS.contains(&key.as_str())) {
        return Err(unknown_key(key, &LIMIT_KEYS));
    }
    let mut parts = table.iter();
    let (Some((key, value)), None) = (parts.next(), parts.next()) else { return Err(RuleFault::LimitKeys) };
    let price =
        |value| -> Result<Price, RuleFault> { parse_price(text(value)?, currency).map_err(RuleFault::Price) };
    match key.as_str() {
        "at" => Ok(Limit::At(price(value)?)),
        "above_feed_in" => Ok(Limit::AboveFeedIn(price(value)?)),
        _ => Ok(Limit::ShareOfSpread(share(value)?)),
    }
}

fn share(value: &Value) -> Result<Share, RuleFault> {
    let invalid = RuleFault::Share(InvalidShare);
    let share = match value {
        Value::Float(share) => *share,
        // TOML tells 1 from 1.0; people do not.
        Value::Integer(share) => *share as f64,
        other => return Err(wrong_type(other, "a number such as 0.5")),
    };
    let thousandths = (share * 1000.0).round();
    let exact = (share * 1000.0 - thousandths).abs() < 1e-9;
    if !exact || !(0.0..=1000.0).contains(&thousandths) {
        return Err(invalid);
    }
    Share::from_thousandths(thousandths as u16).map_err(RuleFault::Share)
}

fn days(value: &Value) -> Result<Days, RuleFault> {
    let Value::Array(words) = value else {
        return Err(wrong_type(value, "a list such as [\"mon\", \"tue\"]"));
    };
    let mut days = Days::NONE;
    for word in words {
        let word = text(word)?;
        let number = Days::WORDS.iter().position(|known| *known == word);
        if !number.is_some_and(|number| days.add(number)) {
            return Err(RuleFault::Day(word.to_owned()));
        }
    }
    if words.is_empty() { Err(RuleFault::NoDays) } else { Ok(days) }
}

fn hours(value: &Value) -> Result<Hours, RuleFault> {
    let text = text(value)?;
    let read = || {
        let (from, to) = text.split_once('-')?;
        Hours::between(from.trim(), to.trim())
    };
    read().ok_or_else(|| RuleFault::Hours(text.to_owned()))
}

fn date(value: &Value) -> Result<DayKey, RuleFault> {
    let written = match value {
        Value::String(text) => text.clone(),
        Value::Datetime(date) => date.to_string(),
        other => return Err(wrong_type(other, "a day such as \"2026-06-01\"")),
    };
    written.parse().map_err(|_| RuleFault::Date(written))
}

fn amount<T>(value: &Value, read: impl Fn(&str) -> Result<T, InvalidAmount>) -> Result<T, RuleFault> {
    read(text(value)?).map_err(RuleFault::Amount)
}

fn enabled(value: &Value) -> Result<bool, RuleFault> {
    value.as_bool().ok_or_else(|| wrong_type(value, "true or false"))
}

fn text(value: &Value) -> Result<&str, RuleFault> {
    value.as_str().ok_or_else(|| wrong_type(value, "a text in quotes"))
}

fn wrong_type(value: &Value, expected: &'static str) -> RuleFault {
    let found = match value {
        Value::String(_) => "a text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    RuleFault::Type { found, expected }
}

fn unknown_key(key: &str, known: &[&'static str]) -> RuleFault {
    let near = known.iter().filter(|known| edits(key, known) <= 2).min_by_key(|known| edits(key, known));
    let hint = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("known are {}", known.join(", ")),
    };
    RuleFault::UnknownKey { key: key.to_owned(), hint }
}

/// Counts the letters to add, drop or change to make one word of the other.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, with) in other.chars().enumerate() {
            let change = diagonal + usize::from(letter != with);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
