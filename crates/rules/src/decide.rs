//! Decides for one slot and side: offer, bid or nothing, and why.

use chrono::Datelike;
use pricing::SlotPrices;
use serde::{Deserialize, Serialize};
use units::{DayKey, Percent, Price, Slot, WallTime, WattHours};

use crate::reason::{Reason, ReasonCode as Code};
use crate::rule::{Limit, Rule, RuleBook, Side, When};
use crate::situation::{MeterState, Situation, Trading};

/// What the rules say for one slot and side, with all that led there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub slot: Slot,
    pub side: Side,
    #[serde(rename = "decision")]
    pub verdict: Verdict,
    /// The rule that spoke; also where what it said was nothing.
    pub rule: Option<String>,
    #[serde(rename = "limit_price_micros_per_kwh")]
    pub limit: Option<Price>,
    #[serde(rename = "quantity_wh")]
    pub quantity: Option<WattHours>,
    pub reasons: Vec<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Offer,
    Bid,
    None,
}

/// Asks the rules about a slot and a side. The first rule of the side whose times match speaks.
///
/// The quantity is what the fuse lets through in the slot, within the rule's daily cap: orders are metered,
/// so a guess of the surplus would only lose some. The limit alone decides whether it trades, and it is never
/// worse than the owner's own contract.
pub fn decide(book: &RuleBook, situation: &Situation, side: Side) -> Decision {
    decide_at(book, situation, WallTime::at(situation.slot, situation.zone), side)
}

/// Decides as [`decide`] does, with the slot's wall clock already known.
pub(crate) fn decide_at(book: &RuleBook, situation: &Situation, wall: WallTime, side: Side) -> Decision {
    let mut reasons = blockers(situation, side);
    let Some(prices) = situation.prices.filter(|_| reasons.is_empty()) else {
        return nothing(situation, side, None, reasons);
    };
    let Some(rule) = speaker(book, wall, side, &mut reasons) else {
        return nothing(situation, side, None, reasons);
    };
    if !conditions_hold(rule, situation, &mut reasons) {
        return nothing(situation, side, Some(rule), reasons);
    }
    let Some(quantity) = quantity(rule, situation, &mut reasons) else {
        return nothing(situation, side, Some(rule), reasons);
    };
    let limit = limit(rule, &prices, &mut reasons);
    if let MeterState::Stale { age } = situation.meter {
        reasons.push(Reason::new(Code::MeterStale, [("age_s", seconds(age))]));
    }
    Decision {
        slot: situation.slot,
        side,
        verdict: match side {
            Side::Sell => Verdict::Offer,
            Side::Buy => Verdict::Bid,
        },
        rule: Some(rule.name.clone()),
        limit: Some(limit),
        quantity: Some(quantity),
        reasons,
    }
}

/// Lists what says no whatever the rules say: all of it, since all of it must change.
fn blockers(situation: &Situation, side: Side) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match situation.trading {
        Trading::Running => {}
        Trading::Stopped => reasons.push(Reason::new(Code::TradingStopped, [])),
        Trading::Paused { until } if situation.slot.start() < until => {
            reasons.push(Reason::new(Code::TradingPaused, [("until_unix_s", until.seconds())]));
        }
        Trading::Paused { .. } => {}
    }
    if situation.starting_up {
        reasons.push(Reason::new(Code::StartingUp, []));
    }
    match situation.meter {
        MeterState::Silent { age: Some(age) } => {
            reasons.push(Reason::new(Code::MeterSilent, [("age_s", seconds(age))]));
        }
        MeterState::Silent { age: None } => reasons.push(Reason::new(Code::MeterSilent, [])),
        MeterState::Fresh { .. } | MeterState::Stale { .. } => {}
    }
    match side {
        Side::Sell if !situation.equipment.can_sell => reasons.push(Reason::new(Code::NothingToSell, [])),
        Side::Buy if !situation.equipment.can_buy => reasons.push(Reason::new(Code::NothingToBuy, [])),
        Side::Sell | Side::Buy => {}
    }
    if situation.prices.is_none() {
        reasons.push(Reason::new(Code::PriceUnknown, []));
    }
    reasons
}

/// Finds the rule that speaks, and notes why those before it do not.
fn speaker<'a>(
    book: &'a RuleBook,
    wall: WallTime,
    side: Side,
    reasons: &mut Vec<Reason>,
) -> Option<&'a Rule> {
    for (index, rule) in book.rules().iter().enumerate().filter(|(_, rule)| rule.side == side) {
        match silence(rule.when(wall), index as i64 + 1) {
            None => return Some(rule),
            Some(reason) => reasons.push(reason),
        }
    }
    if reasons.is_empty() {
        reasons.push(Reason::new(Code::NoRuleForSide, []));
    }
    None
}

fn silence(when: When, number: i64) -> Option<Reason> {
    let rule = ("rule_number", number);
    match when {
        When::Within => None,
        When::Disabled => Some(Reason::new(Code::RuleDisabled, [rule])),
        When::OutsideHours { minute, hours } => {
            let from = ("from_minute", hours.from_minute().into());
            let to = ("to_minute", hours.to_minute().into());
            Some(Reason::new(Code::OutsideHours, [rule, ("minute_of_day", minute.into()), from, to]))
        }
        When::OtherDay { day } => {
            let weekday = day.date().weekday().number_from_monday();
            Some(Reason::new(Code::OtherDay, [rule, ("weekday", weekday.into())]))
        }
        When::Before { from } => Some(Reason::new(Code::NotYet, [rule, ("from_yyyymmdd", yyyymmdd(from))])),
        When::After { until } => {
            Some(Reason::new(Code::NoLonger, [rule, ("until_yyyymmdd", yyyymmdd(until))]))
        }
    }
}

/// Says whether a rule's conditions hold, and notes why or why not. One that nothing here can judge does not
/// hold: ignoring it would trade what the owner keeps.
fn conditions_hold(rule: &Rule, situation: &Situation, reasons: &mut Vec<Reason>) -> bool {
    let keeps = match kept(rule) {
        None => true,
        Some(keep) => match situation.outlook.surplus_ahead {
            None => {
                reasons.push(Reason::new(Code::KeepNeedsForecast, [("keep_wh", keep.get())]));
                false
            }
            Some(expected) if expected + leeway(keep, situation) <= keep => {
                let numbers = [("keep_wh", keep.get()), ("expected_surplus_wh", expected.get())];
                reasons.push(Reason::new(Code::KeptForHome, numbers));
                false
            }
            Some(_) => true,
        },
    };
    let full_enough = rule.battery_at_least.is_none_or(|least| {
        let asked = ("battery_at_least_thousandths_percent", least.thousandths());
        let Some(level) = situation.outlook.battery else {
            reasons.push(Reason::new(Code::BatteryLevelUnknown, [asked]));
            return false;
        };
        let slack = if situation.outlook.stands { BATTERY_LEEWAY } else { Percent::ZERO };
        let enough = level + slack >= least;
        let code = if enough { Code::BatteryFullEnough } else { Code::BatteryTooLow };
        reasons.push(Reason::new(code, [asked, ("battery_thousandths_percent", level.thousandths())]));
        enough
    });
    keeps && full_enough
}

/// Returns what a rule keeps of the home's surplus. What is bought stays in the home as it is.
fn kept(rule: &Rule) -> Option<WattHours> {
    rule.keep.filter(|_| rule.side == Side::Sell)
}

/// By so much a battery may fall below what was asked before an offer that stands is withdrawn.
const BATTERY_LEEWAY: Percent = Percent::from_thousandths(5_000);

/// By so much a forecast may fall before an offer that stands is withdrawn: a fifth of what is kept. Forecasts
/// change each hour, and an offer that comes and goes with them would be worth nothing to a neighbour.
fn leeway(keep: WattHours, situation: &Situation) -> WattHours {
    if situation.outlook.stands { WattHours::new(keep.get() / 5) } else { WattHours::ZERO }
}

/// Returns how much is offered: what the fuse lets through, within what is expected beyond what is kept.
fn quantity(rule: &Rule, situation: &Situation, reasons: &mut Vec<Reason>) -> Option<WattHours> {
    let most = within_cap(rule, situation, reasons)?;
    let Some((keep, expected)) = kept(rule).zip(situation.outlook.surplus_ahead) else { return Some(most) };
    let rest = expected + leeway(keep, situation) - keep;
    if rest >= most {
        return Some(most);
    }
    let numbers = [("keep_wh", keep.get()), ("expected_surplus_wh", expected.get()), ("rest_wh", rest.get())];
    reasons.push(Reason::new(Code::KeepBounds, numbers));
    Some(rest)
}

fn within_cap(rule: &Rule, situation: &Situation, reasons: &mut Vec<Reason>) -> Option<WattHours> {
    let fuse = situation.fuse.over(Slot::LENGTH).floor_watt_hours().max(WattHours::ZERO);
    if fuse.is_zero() {
        reasons.push(Reason::new(Code::FuseLetsNothingThrough, []));
        return None;
    }
    let already = situation.today.of(rule.side).max(WattHours::ZERO);
    match rule.cap {
        Some(cap) if cap <= already => {
            let numbers = [("cap_wh", cap.get()), ("already_wh", already.get())];
            reasons.push(Reason::new(Code::DailyCapReached, numbers));
            None
        }
        Some(cap) if cap - already < fuse => {
            let rest = cap - already;
            let numbers = [("cap_wh", cap.get()), ("already_wh", already.get()), ("rest_wh", rest.get())];
            reasons.push(Reason::new(Code::DailyCapBounds, numbers));
            Some(rest)
        }
        Some(_) | None => {
            reasons.push(Reason::new(Code::FuseBounds, [("fuse_wh", fuse.get())]));
            Some(fuse)
        }
    }
}

/// Returns the rule's limit, moved to the contract's price where the contract is better.
fn limit(rule: &Rule, prices: &SlotPrices, reasons: &mut Vec<Reason>) -> Price {
    let asked = rule.limit.price(rule.side, prices);
    let feed_in = ("feed_in_micros_per_kwh", prices.feed_in.micros_per_kwh());
    let retail = ("retail_micros_per_kwh", prices.retail.micros_per_kwh());
    let limit = ("limit_price_micros_per_kwh", asked.micros_per_kwh());
    reasons.push(match rule.limit {
        Limit::At(_) => Reason::new(Code::LimitAt, [limit]),
        Limit::AboveFeedIn(more) => {
            let above = ("above_micros_per_kwh", more.micros_per_kwh());
            Reason::new(Code::LimitAboveFeedIn, [feed_in, above, limit])
        }
        Limit::ShareOfSpread(share) => {
            let share = ("share_thousandths", share.thousandths().into());
            Reason::new(Code::LimitShareOfSpread, [feed_in, retail, share, limit])
        }
    });
    let asked_number = ("asked_micros_per_kwh", asked.micros_per_kwh());
    match rule.side {
        Side::Sell if asked < prices.feed_in => {
            reasons.push(Reason::new(Code::RaisedToFeedIn, [asked_number, feed_in]));
            prices.feed_in
        }
        Side::Buy if asked > prices.retail => {
            reasons.push(Reason::new(Code::LoweredToRetail, [asked_number, retail]));
            prices.retail
        }
        Side::Sell | Side::Buy => asked,
    }
}

fn nothing(situation: &Situation, side: Side, rule: Option<&Rule>, reasons: Vec<Reason>) -> Decision {
    Decision {
        slot: situation.slot,
        side,
        verdict: Verdict::None,
        rule: rule.map(|rule| rule.name.clone()),
        limit: None,
        quantity: None,
        reasons,
    }
}

fn seconds(age: std::time::Duration) -> i64 {
    i64::try_from(age.as_secs()).unwrap_or(i64::MAX)
}

fn yyyymmdd(day: DayKey) -> i64 {
    let date = day.date();
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}
