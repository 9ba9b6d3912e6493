//! The laws of rules, on random books and situations.

use std::time::Duration;

use pricing::SlotPrices;
use proptest::prelude::*;
use rules::{
    Decision, Equipment, MeterState, Outlook, ReasonCode, RuleBook, Side, Situation, Today, Trading, Verdict,
    decide, what_would_change,
};
use units::{Currency, Power, Slot, Timestamp, WattHours, zone};

use crate::home::micros;

fn maybe(line: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    prop_oneof![2 => Just(String::new()), 1 => line]
}

fn limit() -> impl Strategy<Value = String> {
    let price = |micros: i64| format!("\"{}.{:06} EUR/kWh\"", micros / 1_000_000, micros % 1_000_000);
    prop_oneof![
        (0i64..500_000).prop_map(move |micros| format!("at = {}", price(micros))),
        (0i64..100_000).prop_map(move |micros| format!("above_feed_in = {}", price(micros))),
        (0u32..=1000).prop_map(|share| format!("share_of_spread = {}", f64::from(share) / 1000.0)),
    ]
}

fn rule_lines() -> impl Strategy<Value = String> {
    let minute = || (0u32..24, 0u32..60);
    let hours = (minute(), minute())
        .prop_filter("the same hour twice is refused", |(from, to)| from != to && *to != (0, 0))
        .prop_map(|(from, to)| format!("hours = \"{:02}:{:02}-{:02}:{:02}\"\n", from.0, from.1, to.0, to.1));
    let days = prop::sample::subsequence(rules::Days::WORDS.to_vec(), 1..=7)
        .prop_map(|days| format!("days = {days:?}\n"));
    let cap = (0i64..9000).prop_map(|cap| format!("cap = \"{}.{:03} kWh/day\"\n", cap / 1000, cap % 1000));
    let from = (1u32..28).prop_map(|day| format!("from = \"2026-06-{day:02}\"\n"));
    let keep = Just("keep = \"1 kWh\"\n".to_owned());
    let enabled = any::<bool>().prop_map(|enabled| format!("enabled = {enabled}\n"));
    let side = prop_oneof![Just("sell"), Just("buy")];
    (
        (side, limit()),
        maybe(hours.boxed()),
        maybe(days.boxed()),
        maybe(cap.boxed()),
        maybe(from.boxed()),
        maybe(keep.boxed()),
        maybe(enabled.boxed()),
    )
        .prop_map(|((side, limit), hours, days, cap, from, keep, enabled)| {
            format!("side = \"{side}\"\nlimit = {{ {limit} }}\n{hours}{days}{cap}{from}{keep}{enabled}")
        })
}

fn book() -> impl Strategy<Value = RuleBook> {
    prop::collection::vec(rule_lines(), 0..5).prop_map(|rules| {
        let named = rules
            .iter()
            .enumerate()
            .map(|(number, lines)| format!("[[rule]]\nname = \"r{number}\"\n{lines}"));
        RuleBook::parse(&named.collect::<String>(), Currency::EUR).unwrap()
    })
}

fn situation() -> impl Strategy<Value = Situation> {
    let zones = prop_oneof![Just("Europe/Berlin"), Just("America/New_York"), Just("Australia/Lord_Howe")];
    let prices = prop::option::of((-100_000i64..400_000, -100_000i64..400_000));
    let age = Duration::from_secs(40);
    let meter = prop_oneof![
        3 => Just(MeterState::Fresh { age }),
        1 => Just(MeterState::Stale { age }),
        1 => Just(MeterState::Silent { age: Some(age) })
    ];
    let trading = prop_oneof![
        4 => Just(Trading::Running),
        1 => Just(Trading::Stopped),
        1 => (0i64..86_400 * 30).prop_map(|s| Trading::Paused { until: Timestamp::from_seconds(1_780_000_000 + s) })
    ];
    let home = (any::<bool>(), prop::bool::weighted(0.1), 0i64..20_000, 0i64..9000, 0i64..9000);
    (0i64..2880, zones, prices, meter, trading, home).prop_map(
        |(slot, zone_name, prices, meter, trading, (can_sell, starting_up, fuse, sold, bought))| Situation {
            slot: Slot::from_index(1_780_000_000 / 900 + slot),
            zone: zone(zone_name).unwrap(),
            prices: prices
                .map(|(retail, feed_in)| SlotPrices { retail: micros(retail), feed_in: micros(feed_in) }),
            equipment: Equipment { can_sell, can_buy: true },
            meter,
            trading,
            fuse: Power::from_watts(fuse),
            today: Today { sold: WattHours::new(sold), bought: WattHours::new(bought) },
            outlook: Outlook::default(),
            starting_up,
        },
    )
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Sell), Just(Side::Buy)]
}

fn says_no(code: ReasonCode) -> bool {
    let soft = [
        ReasonCode::RuleDisabled,
        ReasonCode::OutsideHours,
        ReasonCode::OtherDay,
        ReasonCode::NotYet,
        ReasonCode::NoLonger,
        ReasonCode::KeepBounds,
        ReasonCode::BatteryFullEnough,
        ReasonCode::LimitAt,
        ReasonCode::LimitAboveFeedIn,
        ReasonCode::LimitShareOfSpread,
        ReasonCode::RaisedToFeedIn,
        ReasonCode::LoweredToRetail,
        ReasonCode::FuseBounds,
        ReasonCode::DailyCapBounds,
        ReasonCode::MeterStale,
    ];
    !soft.contains(&code)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(book in book()) {
        prop_assert_eq!(&RuleBook::parse(&book.to_toml(), Currency::EUR).unwrap(), &book);
    }

    #[test]
    fn any_name_is_written_so_that_it_is_read_back(name in "(\\PC|\n|\t|\"|'){1,40}") {
        // A text in JSON is a text in TOML.
        let quoted = serde_json::to_string(&name).unwrap();
        let text = format!("[[rule]]\nname = {quoted}\nside = \"buy\"\nlimit = {{ share_of_spread = 0.25 }}\n");
        prop_assume!(!name.trim().is_empty());
        let book = RuleBook::parse(&text, Currency::EUR).unwrap();
        prop_assert_eq!(&book.rules()[0].name, &name);
        prop_assert_eq!(&RuleBook::parse(&book.to_toml(), Currency::EUR).unwrap(), &book);
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,60}") {
        let _ = RuleBook::parse(&text, Currency::EUR);
        let _ = RuleBook::parse(&format!("[[rule]]\nname = \"a\"\nside = \"buy\"\nhours = {text:?}\n"), Currency::EUR);
    }

    #[test]
    fn nobody_trades_worse_than_with_his_own_contract(book in book(), situation in situation(), side in side()) {
        let decision = decide(&book, &situation, side);
        if let Some(limit) = decision.limit {
            let prices = situation.prices.unwrap();
            match side {
                Side::Sell => prop_assert!(limit >= prices.feed_in),
                Side::Buy => prop_assert!(limit <= prices.retail),
            }
            let asked = book.rule(decision.rule.as_deref().unwrap()).unwrap().limit.price(side, &prices);
            prop_assert!(if side == Side::Sell { limit >= asked } else { limit <= asked }, "never worse than said");
        }
    }

    #[test]
    fn no_day_trades_beyond_the_cap_and_no_slot_beyond_the_fuse(book in book(), situation in situation(), side in side()) {
        let decision = decide(&book, &situation, side);
        if let Some(quantity) = decision.quantity {
            prop_assert!(quantity.get() > 0);
            prop_assert!(quantity.as_energy() <= situation.fuse.over(Slot::LENGTH));
            let already = if side == Side::Sell { situation.today.sold } else { situation.today.bought };
            let cap = book.rule(decision.rule.as_deref().unwrap()).unwrap().cap;
            prop_assert!(cap.is_none_or(|cap| already + quantity <= cap));
        }
    }

    #[test]
    fn a_decision_is_whole_and_always_has_a_reason(book in book(), situation in situation(), side in side()) {
        let decision = decide(&book, &situation, side);
        prop_assert!(!decision.reasons.is_empty());
        match decision.verdict {
            Verdict::None => prop_assert!(decision.limit.is_none() && decision.quantity.is_none()),
            Verdict::Offer | Verdict::Bid => {
                prop_assert_eq!(decision.verdict == Verdict::Offer, side == Side::Sell);
                prop_assert!(decision.limit.is_some() && decision.quantity.is_some() && decision.rule.is_some());
                prop_assert!(!decision.reasons.iter().any(|reason| says_no(reason.code)));
                prop_assert!(!what_would_change(&decision).is_empty());
            }
        }
        let text = serde_json::to_string(&decision).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
    }

    #[test]
    fn nothing_is_traded_while_stopped_blind_or_without_a_price(book in book(), situation in situation(), side in side()) {
        let silent = MeterState::Silent { age: None };
        for situation in [
            Situation { trading: Trading::Stopped, ..situation.clone() },
            Situation { meter: silent, ..situation.clone() },
            Situation { prices: None, ..situation.clone() },
            Situation { starting_up: true, ..situation.clone() },
        ] {
            prop_assert_eq!(decide(&book, &situation, side).verdict, Verdict::None);
        }
    }

    #[test]
    fn offers_do_not_depend_on_how_low_a_price_seems(situation in situation()) {
        let situation = Situation { trading: Trading::Running, starting_up: false, ..situation };
        let book = RuleBook::parse(
            "[[rule]]\nname = \"a\"\nside = \"sell\"\nlimit = { above_feed_in = \"0 EUR/kWh\" }", Currency::EUR,
        ).unwrap();
        let ready = situation.equipment.can_sell && situation.prices.is_some()
            && !matches!(situation.meter, MeterState::Silent { .. })
            && situation.fuse.over(Slot::LENGTH).floor_watt_hours().get() > 0;
        prop_assert_eq!(decide(&book, &situation, Side::Sell).verdict == Verdict::Offer, ready);
    }
}
