//! Decisions: stories with their numbers, for a yes and for a no.

use std::time::Duration;

use rules::{
    Equipment, HintCode, MeterState, Outlook, ReasonCode as Code, Side, Situation, Trading, Verdict, decide,
    what_would_change,
};
use serde_json::json;
use units::{LocalDay, Percent, Power, Slot, Timestamp, WattHours};

use crate::home::{FUSE_WH, at, book, codes, micros, noon, rule, selling, sold, terms};

fn hints(decision: &rules::Decision) -> Vec<HintCode> {
    what_would_change(decision).into_iter().map(|hint| hint.code).collect()
}

#[test]
fn surplus_is_offered_at_the_limit_up_to_what_the_fuse_lets_through() {
    let decision = decide(&selling(""), &noon(), Side::Sell);
    assert_eq!((decision.verdict, decision.rule.as_deref()), (Verdict::Offer, Some("Sun")));
    assert_eq!(terms(&decision), Some((FUSE_WH, 120_000)));
    assert_eq!(codes(&decision), [Code::FuseBounds, Code::LimitAt]);
    assert_eq!(hints(&decision), [HintCode::ChangeLimit]);
}

#[test]
fn a_decision_is_json_with_codes_and_numbers() {
    let decision =
        decide(&selling("cap = \"4 kWh/day\""), &Situation { today: sold(3900), ..noon() }, Side::Sell);
    let written = serde_json::to_value(&decision).unwrap();
    assert_eq!(
        written,
        json!({
            "slot": "2026-06-01T10:00:00Z", "side": "sell", "decision": "offer", "rule": "Sun",
            "limit_price_micros_per_kwh": 120_000, "quantity_wh": 100,
            "reasons": [
                {"code": "daily_cap_bounds", "cap_wh": 4000, "already_wh": 3900, "rest_wh": 100},
                {"code": "limit_at", "limit_price_micros_per_kwh": 120_000},
            ],
        })
    );
    assert_eq!(serde_json::from_value::<rules::Decision>(written).unwrap(), decision);
}

#[test]
fn the_three_kinds_of_limit_come_to_a_price() {
    let price = |side, limit: &str| {
        let word = if side == Side::Sell { "sell" } else { "buy" };
        decide(&book(&rule("r", word, limit, "")), &noon(), side).limit.unwrap().micros_per_kwh()
    };
    assert_eq!(price(Side::Sell, "above_feed_in = \"0.030 EUR/kWh\""), 110_000);
    assert_eq!(price(Side::Buy, "share_of_spread = 0.5"), 190_000);
    assert_eq!(price(Side::Sell, "share_of_spread = 0"), 80_000);
    assert_eq!(price(Side::Buy, "share_of_spread = 1"), 300_000);
}

#[test]
fn a_share_that_is_no_whole_micro_is_rounded_to_the_owners_favour() {
    let mut situation = noon();
    situation.prices.as_mut().unwrap().retail = micros(80_001);
    let limit = "share_of_spread = 0.5";
    let sell = decide(&book(&rule("r", "sell", limit, "")), &situation, Side::Sell);
    let buy = decide(&book(&rule("r", "buy", limit, "")), &situation, Side::Buy);
    assert_eq!((sell.limit, buy.limit), (Some(micros(80_001)), Some(micros(80_000))));
}

#[test]
fn a_limit_worse_than_the_own_contract_is_moved_to_it() {
    let cheap = decide(&book(&rule("r", "sell", "at = \"0.050 EUR/kWh\"", "")), &noon(), Side::Sell);
    assert_eq!(cheap.limit, Some(micros(80_000)));
    assert_eq!(codes(&cheap), [Code::FuseBounds, Code::LimitAt, Code::RaisedToFeedIn]);
    assert_eq!(cheap.reasons[2].number("asked_micros_per_kwh"), Some(50_000));
    let dear = decide(&book(&rule("r", "buy", "at = \"0.310 EUR/kWh\"", "")), &noon(), Side::Buy);
    assert_eq!(dear.limit, Some(micros(300_000)));
    assert!(codes(&dear).contains(&Code::LoweredToRetail));
}

#[test]
fn the_first_matching_rule_of_a_side_speaks_even_when_it_says_nothing() {
    let rules = [
        rule("Off", "sell", "at = \"0.200 EUR/kWh\"", "enabled = false"),
        rule("Buy", "buy", "at = \"0.200 EUR/kWh\"", ""),
        rule("Night", "sell", "at = \"0.200 EUR/kWh\"", "hours = \"22:00-06:00\""),
        rule("Day", "sell", "at = \"0.150 EUR/kWh\"", "cap = \"1 kWh/day\""),
        rule("Rest", "sell", "at = \"0.100 EUR/kWh\"", ""),
    ]
    .concat();
    let decision = decide(&book(&rules), &noon(), Side::Sell);
    assert_eq!((decision.rule.as_deref(), terms(&decision)), (Some("Day"), Some((1000, 150_000))));
    assert_eq!(codes(&decision)[..2], [Code::RuleDisabled, Code::OutsideHours]);
    assert_eq!(decision.reasons[1].number("rule_number"), Some(3));
    let full = decide(&book(&rules), &Situation { today: sold(1000), ..noon() }, Side::Sell);
    assert_eq!((full.verdict, full.rule.as_deref()), (Verdict::None, Some("Day")));
    assert_eq!(full.reasons.last().unwrap().code, Code::DailyCapReached);
    assert!(hints(&full).contains(&HintCode::RaiseDailyCap));
}

#[test]
fn every_no_has_its_reason() {
    let slot = noon().slot;
    let silent = MeterState::Silent { age: Some(Duration::from_secs(720)) };
    let cases = [
        (
            Situation { trading: Trading::Stopped, ..noon() },
            Code::TradingStopped,
            Some(HintCode::ResumeTrading),
        ),
        (
            Situation { trading: Trading::Paused { until: slot.end() }, ..noon() },
            Code::TradingPaused,
            Some(HintCode::ResumeTrading),
        ),
        (Situation { starting_up: true, ..noon() }, Code::StartingUp, Some(HintCode::WaitForMeter)),
        (Situation { meter: silent, ..noon() }, Code::MeterSilent, Some(HintCode::CheckMeter)),
        (
            Situation { meter: MeterState::Silent { age: None }, ..noon() },
            Code::MeterSilent,
            Some(HintCode::CheckMeter),
        ),
        (
            Situation { equipment: Equipment { can_sell: false, can_buy: true }, ..noon() },
            Code::NothingToSell,
            Some(HintCode::AddRoofOrBattery),
        ),
        (Situation { prices: None, ..noon() }, Code::PriceUnknown, Some(HintCode::AddContract)),
        (
            Situation { fuse: Power::ZERO, ..noon() },
            Code::FuseLetsNothingThrough,
            Some(HintCode::CorrectFuse),
        ),
    ];
    for (situation, code, hint) in cases {
        let decision = decide(&selling(""), &situation, Side::Sell);
        assert_eq!((decision.verdict, terms(&decision)), (Verdict::None, None), "{code:?}");
        assert_eq!(codes(&decision), [code]);
        assert_eq!(hints(&decision), hint.into_iter().collect::<Vec<_>>());
    }
    let nobody = decide(&selling(""), &noon(), Side::Buy);
    assert_eq!((codes(&nobody), hints(&nobody)), (vec![Code::NoRuleForSide], vec![HintCode::AddRule]));
}

#[test]
fn all_blockers_are_told_since_all_must_change() {
    let situation = Situation { trading: Trading::Stopped, prices: None, starting_up: true, ..noon() };
    let decision = decide(&selling(""), &situation, Side::Sell);
    assert_eq!(codes(&decision), [Code::TradingStopped, Code::StartingUp, Code::PriceUnknown]);
}

#[test]
fn a_pause_ends_with_the_slot_that_starts_after_it() {
    let slot = noon().slot;
    let pause = |until: Timestamp| Situation { trading: Trading::Paused { until }, ..noon() };
    let verdict = |situation| decide(&selling(""), &situation, Side::Sell).verdict;
    assert_eq!(verdict(pause(slot.start())), Verdict::Offer);
    assert_eq!(verdict(pause(slot.start() + Duration::from_millis(1))), Verdict::None);
}

#[test]
fn a_late_meter_is_told_but_holds_nothing_up() {
    let meter = MeterState::Stale { age: Duration::from_secs(25) };
    let decision = decide(&selling(""), &Situation { meter, ..noon() }, Side::Sell);
    assert_eq!(decision.verdict, Verdict::Offer);
    assert_eq!(decision.reasons.last().unwrap().number("age_s"), Some(25));
}

#[test]
fn a_condition_that_nothing_can_judge_stops_its_rule_rather_than_being_ignored() {
    let decision = decide(&selling("keep = \"1.5 kWh\"\nbattery_at_least = \"80 %\""), &noon(), Side::Sell);
    assert_eq!((decision.verdict, decision.rule.as_deref()), (Verdict::None, Some("Sun")));
    assert_eq!(codes(&decision), [Code::KeepNeedsForecast, Code::BatteryLevelUnknown]);
    assert_eq!(decision.reasons[0].number("keep_wh"), Some(1500));
    assert_eq!(hints(&decision), [HintCode::LeaveOutKeep, HintCode::LeaveOutBatteryLevel]);
}

fn foreseen(expected_wh: i64, stands: bool) -> Situation {
    let surplus_ahead = Some(WattHours::new(expected_wh));
    Situation { outlook: Outlook { surplus_ahead, stands, ..Outlook::default() }, ..noon() }
}

#[test]
fn what_is_kept_for_the_home_is_offered_to_nobody_and_the_numbers_say_so() {
    let rules = selling("keep = \"3 kWh\"");
    let plenty = decide(&rules, &foreseen(12_000, false), Side::Sell);
    assert_eq!((plenty.verdict, plenty.quantity.map(WattHours::get)), (Verdict::Offer, Some(FUSE_WH)));
    let some = decide(&rules, &foreseen(4_000, false), Side::Sell);
    assert_eq!(some.quantity.map(WattHours::get), Some(1_000));
    let bounds = some.reasons.iter().find(|reason| reason.code == Code::KeepBounds).unwrap();
    let numbers = ["keep_wh", "expected_surplus_wh", "rest_wh"].map(|name| bounds.number(name));
    assert_eq!(numbers, [Some(3_000), Some(4_000), Some(1_000)]);
    let little = decide(&rules, &foreseen(3_000, false), Side::Sell);
    assert_eq!((little.verdict, codes(&little)), (Verdict::None, vec![Code::KeptForHome]));
    assert_eq!(hints(&little), [HintCode::KeepLess]);
}

#[test]
fn an_offer_that_stands_is_not_withdrawn_for_a_forecast_that_moved_a_little() {
    let rules = selling("keep = \"3 kWh\"");
    let verdict = |expected, stands| decide(&rules, &foreseen(expected, stands), Side::Sell).verdict;
    assert_eq!((verdict(3_100, false), verdict(2_900, true)), (Verdict::Offer, Verdict::Offer));
    assert_eq!((verdict(2_900, false), verdict(2_400, true)), (Verdict::None, Verdict::None));
    // Whatever a forecast does between the two borders, the offer changes its mind once.
    let mut stands = false;
    let mut changes = 0;
    for hour in 0..24 {
        let expected = 3_000 + if hour % 2 == 0 { 250 } else { -250 };
        let now = verdict(expected, stands) == Verdict::Offer;
        changes += usize::from(now != stands);
        stands = now;
    }
    assert_eq!(changes, 1);
}

#[test]
fn a_battery_must_be_as_full_as_the_rule_says() {
    let rules = selling("battery_at_least = \"80 %\"");
    let at = |percent, stands| {
        let battery = Some(Percent::from_percent(percent));
        let situation = Situation { outlook: Outlook { battery, stands, ..Outlook::default() }, ..noon() };
        decide(&rules, &situation, Side::Sell)
    };
    assert_eq!((at(80, false).verdict, at(79, false).verdict), (Verdict::Offer, Verdict::None));
    assert_eq!((at(76, true).verdict, at(74, true).verdict), (Verdict::Offer, Verdict::None));
    let low = at(50, false);
    assert_eq!(low.reasons[0].number("battery_thousandths_percent"), Some(50_000));
    assert_eq!(hints(&low), [HintCode::AskForLessBattery]);
}

#[test]
fn what_a_home_buys_is_not_kept_from_it() {
    let rules = book(&rule("Buy", "buy", "at = \"0.200 EUR/kWh\"", "keep = \"3 kWh\""));
    assert_eq!(decide(&rules, &noon(), Side::Buy).verdict, Verdict::Bid);
}

#[test]
fn hours_across_midnight_belong_to_the_day_on_which_they_began() {
    // Friday 5 June 2026; Berlin is two hours ahead of UTC.
    let friday_night = selling("days = [\"fri\"]\nhours = \"22:00-06:00\"");
    let verdict = |slot: &str| decide(&friday_night, &at(slot), Side::Sell).verdict;
    assert_eq!(verdict("2026-06-05T19:45:00Z"), Verdict::None, "21:45");
    assert_eq!(verdict("2026-06-05T20:00:00Z"), Verdict::Offer, "22:00");
    assert_eq!(verdict("2026-06-06T03:45:00Z"), Verdict::Offer, "Saturday 05:45");
    assert_eq!(verdict("2026-06-06T04:00:00Z"), Verdict::None, "Saturday 06:00");
    assert_eq!(verdict("2026-06-05T03:45:00Z"), Verdict::None, "Friday 05:45 belongs to Thursday");
    let other = decide(&friday_night, &at("2026-06-05T03:45:00Z"), Side::Sell);
    assert_eq!((codes(&other), other.reasons[0].number("weekday")), (vec![Code::OtherDay], Some(4)));
}

#[test]
fn a_rule_lives_from_its_first_day_until_the_day_after_its_last() {
    let june = selling("from = \"2026-06-01\"\nuntil = \"2026-07-01\"");
    let code = |slot: &str| codes(&decide(&june, &at(slot), Side::Sell))[0];
    assert_eq!(code("2026-05-31T21:45:00Z"), Code::NotYet);
    assert_eq!(code("2026-05-31T22:00:00Z"), Code::FuseBounds);
    assert_eq!(code("2026-06-30T21:45:00Z"), Code::FuseBounds);
    assert_eq!(code("2026-06-30T22:00:00Z"), Code::NoLonger);
}

/// Counts the slots of a Berlin day in which a selling rule with these hours speaks.
fn slots_served(day: &str, hours: &str) -> usize {
    let book = selling(&format!("hours = \"{hours}\""));
    let day = LocalDay::new(day.parse().unwrap(), noon().zone);
    let offers = |slot: &Slot| {
        decide(&book, &Situation { slot: *slot, ..noon() }, Side::Sell).verdict == Verdict::Offer
    };
    Slot::range(day.slots()).filter(offers).count()
}

#[test]
fn hours_are_wall_time_on_the_days_when_clocks_change() {
    for day in ["2026-03-29", "2026-06-01", "2026-10-25"] {
        assert_eq!(slots_served(day, "18:00-20:00"), 8, "{day}");
        assert_eq!(slots_served(day, "00:00-01:00"), 4, "{day}");
    }
    assert_eq!(slots_served("2026-03-29", "02:00-03:00"), 0, "the hour does not exist");
    assert_eq!(slots_served("2026-10-25", "02:00-03:00"), 8, "the hour comes twice");
    assert_eq!(slots_served("2026-03-29", "00:00-24:00"), 92);
    assert_eq!(slots_served("2026-10-25", "00:00-24:00"), 100);
    assert_eq!(slots_served("2026-03-29", "22:00-06:00"), 8 + 20);
    assert_eq!(slots_served("2026-10-25", "22:00-00:00"), 8);
}
