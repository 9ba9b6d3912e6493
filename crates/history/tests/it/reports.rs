//! Prices, rules, decisions, readings, events, membership: what is told comes back, once.

use history::{
    AreaPrice, CounterEvent, Decision, History, HistoryError, Membership, OutgoingReading, PriceKind,
    ProblemNote, ReadingChange, ReadingQueued, ReadingState, Register, SlotPrice, Verdict, WholeRegisters,
};
use market::Side;
use units::{Energy, MarketId, Price, WattHours};

use crate::examples::membership;
use crate::support::{grid, noon, noon_slot, seconds};

fn street() -> MarketId {
    "street".parse().unwrap()
}

#[test]
fn kinds_of_prices_are_never_mixed_and_an_unknown_one_is_missing() {
    let history = History::in_memory().unwrap();
    let slot = noon_slot();
    let price = |kind, retail: Option<i64>| SlotPrice {
        slot,
        kind,
        retail: retail.map(Price::from_micros_per_kwh),
        feed_in: Some(Price::from_micros_per_kwh(-5_000)),
    };
    let (contract, forecast) = (price(PriceKind::Contract, Some(320_000)), price(PriceKind::Forecast, None));
    history.record_prices(&[contract, forecast], noon()).unwrap();
    let range = slot..slot.next();
    assert_eq!(history.prices(PriceKind::Contract, range.clone()).unwrap(), [contract]);
    assert_eq!(history.prices(PriceKind::Forecast, range.clone()).unwrap(), [forecast]);
    assert!(history.prices(PriceKind::Settled, range.clone()).unwrap().is_empty());
    let changed = price(PriceKind::Forecast, Some(1));
    history.record_prices(&[changed], noon()).unwrap();
    assert_eq!(history.prices(PriceKind::Forecast, range).unwrap(), [changed]);
}

#[test]
fn a_slot_clears_once() {
    let history = History::in_memory().unwrap();
    let price = |micros: Option<i64>| AreaPrice {
        slot: noon_slot(),
        area: "feeder-1".parse().unwrap(),
        price: micros.map(Price::from_micros_per_kwh),
    };
    history.record_area_prices(&[price(None)], noon()).unwrap();
    history.record_area_prices(&[price(Some(1))], noon()).unwrap();
    assert_eq!(history.area_prices(noon_slot()..noon_slot().next()).unwrap(), [price(None)]);
}

#[test]
fn rules_have_versions_and_saving_the_same_again_makes_none() {
    let history = History::in_memory().unwrap();
    assert_eq!(history.rules_now().unwrap(), None);
    let saved: Vec<_> = ["a = 1", "a = 1", "a = 2", "a = 1"]
        .map(|toml| history.save_rules(toml, "owner", noon()).unwrap())
        .into();
    assert_eq!(saved, [1, 1, 2, 3]);
    assert_eq!(history.rules_now().unwrap().unwrap().toml, "a = 1");
    let log: Vec<_> = history.rules_log(2).unwrap().iter().map(|version| version.version).collect();
    assert_eq!(log, [3, 2]);
}

#[test]
fn deciding_the_same_again_writes_nothing_and_a_change_of_mind_is_kept() {
    let history = History::in_memory().unwrap();
    let decision = |second, limit: Option<i64>, reasons: &str| Decision {
        slot: noon_slot(),
        side: Side::Sell,
        decided_at: noon() + seconds(second),
        verdict: if limit.is_some() { Verdict::Offer } else { Verdict::Nothing },
        rule: limit.map(|_| "surplus".to_owned()),
        quantity: limit.map(|_| WattHours::new(800)),
        limit: limit.map(Price::from_micros_per_kwh),
        reasons_json: reasons.to_owned(),
    };
    let first = decision(0, Some(120_000), r#"[{"code":"surplus","power_w":2400}]"#);
    let again = decision(60, Some(120_000), r#"[{"code":"surplus","power_w":2300}]"#);
    let other = decision(120, None, "[]");
    for decision in [&first, &again, &other] {
        history.record_decisions(std::slice::from_ref(decision)).unwrap();
    }
    assert_eq!(history.decisions_about(noon_slot()).unwrap(), [first, other.clone()]);
    assert_eq!(history.decisions(noon_slot()..noon_slot().next()).unwrap(), [other]);
}

fn reading(export_end: i64) -> OutgoingReading {
    OutgoingReading {
        market: street(),
        slot: noon_slot(),
        registers: Some(WholeRegisters {
            import_start: WattHours::new(1),
            import_end: WattHours::new(2),
            export_start: WattHours::new(3),
            export_end: WattHours::new(export_end),
        }),
        signed_json: r#"{"body":{}}"#.to_owned(),
        queued_at: noon(),
    }
}

#[test]
fn a_slot_is_reported_once() {
    let history = History::in_memory().unwrap();
    assert_eq!(history.queue_reading(&reading(10)).unwrap(), ReadingQueued::New);
    assert_eq!(history.queue_reading(&reading(10)).unwrap(), ReadingQueued::Same);
    assert_eq!(history.queue_reading(&reading(11)).unwrap(), ReadingQueued::Replaced);
    history.mark_reading(&street(), noon_slot(), ReadingChange::Sent, noon()).unwrap();
    assert_eq!(
        history.queue_reading(&reading(12)).unwrap(),
        ReadingQueued::Reported(ReadingState::Sent),
        "a second value for a slot would be held"
    );
    assert_eq!(history.waiting_readings(10).unwrap()[0].reading, reading(11), "no answer: it is sent again");
    history.mark_reading(&street(), noon_slot(), ReadingChange::Accepted, noon()).unwrap();
    history.mark_reading(&street(), noon_slot(), ReadingChange::Sent, noon()).unwrap();
    assert!(history.waiting_readings(10).unwrap().is_empty());
}

#[test]
fn a_held_reading_keeps_its_reason_and_a_slot_without_measurement_reports_nothing() {
    let history = History::in_memory().unwrap();
    let unmeasured = OutgoingReading { registers: None, ..reading(0) };
    history.queue_reading(&unmeasured).unwrap();
    let note = ProblemNote { code: "reading_backwards".to_owned(), detail: "lower than before".to_owned() };
    history.mark_reading(&street(), noon_slot(), ReadingChange::Held(note.clone()), noon()).unwrap();
    let found = &history.readings(noon_slot()..noon_slot().next()).unwrap()[0];
    assert_eq!((found.state, found.problem.as_ref()), (ReadingState::Held, Some(&note)));
    assert_eq!(found.reading.registers, None);
    let unknown = history.mark_reading(&street(), noon_slot().next(), ReadingChange::Sent, noon());
    assert!(matches!(unknown, Err(HistoryError::UnknownReading(_))));
}

#[test]
fn the_same_event_of_a_counter_twice_is_one_event() {
    let history = History::in_memory().unwrap();
    let event = CounterEvent {
        at: noon(),
        register: Register::Export,
        kind: "reset".to_owned(),
        before: Some(Energy::from_watt_hours(5)),
        after: None,
    };
    history.record_counter_events(&grid(), &[event.clone(), event.clone()]).unwrap();
    let found = history.counter_events(&grid(), noon()..noon() + seconds(1)).unwrap();
    assert_eq!(found, [event]);
}

#[test]
fn a_household_is_on_one_market_at_a_time() {
    let history = History::in_memory().unwrap();
    let on = |market: &str| Membership { market: market.parse().unwrap(), ..membership() };
    assert_eq!(history.membership().unwrap(), None);
    history.save_membership(&on("street")).unwrap();
    assert_eq!(history.membership().unwrap(), Some(on("street")));
    assert!(matches!(history.save_membership(&on("town")), Err(HistoryError::Contradiction { .. })));
    history.leave_market(noon()).unwrap();
    history.save_membership(&on("town")).unwrap();
    assert_eq!(history.membership().unwrap(), Some(on("town")));
}

#[test]
fn settings_are_kept_changed_and_forgotten() {
    let history = History::in_memory().unwrap();
    assert_eq!(history.setting("stopped").unwrap(), None);
    for value in ["yes", "no"] {
        history.set_setting("stopped", value).unwrap();
        assert_eq!(history.setting("stopped").unwrap().as_deref(), Some(value));
    }
    history.clear_setting("stopped").unwrap();
    assert_eq!(history.setting("stopped").unwrap(), None);
}
