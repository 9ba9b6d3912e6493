//! Orders: queued before they are sent, and never brought back to life.

use history::{
    CancelStarted, Fill, GatesPassed, History, HistoryError, OrderChange, OrderSelection, OrderState,
    ProblemNote,
};
use market::Side;
use units::{OrderId, Price, WattHours};

use crate::support::{noon_slot, order, seconds, settlement};

fn id(text: &str) -> OrderId {
    text.parse().unwrap()
}

fn with_order() -> History {
    let history = History::in_memory().unwrap();
    history.queue_order(&order("a", noon_slot())).unwrap();
    history
}

fn state(history: &History, order: &str) -> OrderState {
    history.order(&id(order)).unwrap().unwrap().state
}

#[test]
fn a_queued_order_waits_until_it_is_answered() {
    let history = with_order();
    let now = noon_slot().start() - seconds(1800);
    let waiting = history.waiting_orders(now).unwrap();
    assert_eq!(waiting[0].order, order("a", noon_slot()));
    history.mark_order(&id("a"), OrderChange::Sent, now).unwrap();
    assert_eq!(history.waiting_orders(now).unwrap().len(), 1, "no answer yet, so it is sent again");
    history.mark_order(&id("a"), OrderChange::Accepted { accepted_at: now }, now).unwrap();
    assert!(history.waiting_orders(now).unwrap().is_empty());
    let accepted = history.order(&id("a")).unwrap().unwrap();
    assert_eq!((accepted.sent_at, accepted.accepted_at), (Some(now), Some(now)));
}

#[test]
fn the_same_order_twice_is_one_order_and_another_under_its_id_is_an_error() {
    let history = with_order();
    history.queue_order(&order("a", noon_slot())).unwrap();
    let mut other = order("a", noon_slot());
    other.limit = Price::from_micros_per_kwh(1);
    let together = [order("b", noon_slot()), other];
    assert!(matches!(history.queue_orders(&together), Err(HistoryError::Contradiction { .. })));
    let all = history.orders(noon_slot()..noon_slot().next()).unwrap();
    assert_eq!(all.len(), 1, "none of the refused call is queued");
}

#[test]
fn a_refusal_keeps_its_reason() {
    let history = with_order();
    let note = ProblemNote { code: "beyond_exposure".to_owned(), detail: "too much".to_owned() };
    history.mark_order(&id("a"), OrderChange::Refused(note.clone()), noon_slot().start()).unwrap();
    let refused = history.order(&id("a")).unwrap().unwrap();
    assert_eq!((refused.state, refused.problem), (OrderState::Refused, Some(note)));
}

#[test]
fn stopping_works_without_the_exchange_and_says_what_is_left_to_do() {
    let history = History::in_memory().unwrap();
    let slot = noon_slot();
    let now = slot.start() - seconds(600);
    for (name, slot) in [("unsent", slot), ("sent", slot), ("accepted", slot), ("past", slot.previous())] {
        history.queue_order(&order(name, slot)).unwrap();
    }
    history.mark_order(&id("sent"), OrderChange::Sent, now).unwrap();
    history.mark_order(&id("accepted"), OrderChange::Accepted { accepted_at: now }, now).unwrap();
    history.mark_order(&id("past"), OrderChange::Accepted { accepted_at: now }, now).unwrap();
    let started = history.cancel_orders(OrderSelection::All, now).unwrap();
    let expected = CancelStarted {
        cancelled: vec![id("unsent")],
        cancelling: vec![id("accepted"), id("sent")],
        bound: vec![id("past")],
    };
    assert_eq!(started, expected);
    assert!(history.waiting_orders(now).unwrap().is_empty(), "nothing is sent any more");
    assert_eq!(history.cancelling_orders().unwrap().len(), 2);
    assert_eq!(history.open_orders().unwrap().len(), 3);
}

#[test]
fn an_acceptance_that_comes_after_the_wish_to_cancel_does_not_undo_it() {
    let history = with_order();
    let now = noon_slot().start() - seconds(600);
    history.mark_order(&id("a"), OrderChange::Sent, now).unwrap();
    history.cancel_orders(OrderSelection::Ids(vec![id("a")]), now).unwrap();
    let after = history.mark_order(&id("a"), OrderChange::Accepted { accepted_at: now }, now).unwrap();
    assert_eq!(after, OrderState::Cancelling);
    history.mark_order(&id("a"), OrderChange::Cancelled, now).unwrap();
    assert_eq!(state(&history, "a"), OrderState::Cancelled);
}

#[test]
fn at_the_gate_what_waits_is_missed_what_was_accepted_is_bound_and_what_was_sent_is_in_doubt() {
    let history = History::in_memory().unwrap();
    let gate = noon_slot().start() - seconds(300);
    for name in ["waiting", "sent", "accepted"] {
        history.queue_order(&order(name, noon_slot())).unwrap();
    }
    history.mark_order(&id("sent"), OrderChange::Sent, gate).unwrap();
    history.mark_order(&id("accepted"), OrderChange::Accepted { accepted_at: gate }, gate).unwrap();
    assert_eq!(history.pass_gates(gate - seconds(1)).unwrap(), GatesPassed::default());
    let passed = history.pass_gates(gate).unwrap();
    assert_eq!(passed, GatesPassed { missed: vec![id("waiting")], bound: vec![id("accepted")] });
    let doubtful = history.orders_in_doubt(gate).unwrap();
    assert_eq!(doubtful.len(), 1);
    assert_eq!(doubtful[0].order.id, id("sent"));
}

#[test]
fn a_settlement_clears_the_orders_of_its_slot() {
    let history = History::in_memory().unwrap();
    let slot = noon_slot();
    for name in ["served", "unserved", "forgotten"] {
        history.queue_order(&order(name, slot)).unwrap();
    }
    let now = slot.end();
    for name in ["served", "unserved"] {
        history.mark_order(&id(name), OrderChange::Accepted { accepted_at: slot.start() }, now).unwrap();
    }
    history.pass_gates(now).unwrap();
    let mut settled = settlement(7, slot, 1);
    let fill = |order: &str, wh| Fill { order: id(order), side: Side::Sell, filled: WattHours::new(wh) };
    // The household thought that it had missed this one; the exchange knows better.
    settled.fills = vec![fill("forgotten", 5), fill("of another device", 9), fill("served", 250)];
    history.record_settlement(&settled, now).unwrap();
    let orders = history.orders(slot..slot.next()).unwrap();
    let outcome: Vec<_> =
        orders.iter().map(|order| (order.order.id.as_str(), order.state, order.filled.get())).collect();
    let cleared = OrderState::Cleared;
    assert_eq!(outcome, [("forgotten", cleared, 5), ("served", cleared, 250), ("unserved", cleared, 0)]);
}

#[test]
fn an_unknown_order_is_an_error() {
    let history = History::in_memory().unwrap();
    let marked = history.mark_order(&id("a"), OrderChange::Sent, noon_slot().start());
    assert!(matches!(marked, Err(HistoryError::UnknownOrder(_))));
}
