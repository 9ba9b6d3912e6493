//! The exchange's log: heads only grow, promises wait, alarms stay; statements have no gaps.

use history::{
    History, HistoryError, LogAlarmKind, LogEntry, LogPage, LogPromise, SeenCheckpoint, StatementRow,
};
use units::{MarketId, Slot};

use crate::support::{noon, noon_slot, seconds};

pub fn market() -> MarketId {
    "street".parse().unwrap()
}

pub fn entry(index: u64, slot: Option<Slot>) -> LogEntry {
    LogEntry {
        index,
        domain: "wattle/settlement/v1".to_owned(),
        slot,
        salt: "salt".to_owned(),
        body: format!("{{\"n\":{index}}}"),
        signatures: "[]".to_owned(),
    }
}

pub fn seen(size: u64) -> SeenCheckpoint {
    SeenCheckpoint { note: format!("note of {size}"), size, checked_at: noon() }
}

pub fn statement(sequence: u32) -> StatementRow {
    StatementRow {
        market: market(),
        sequence,
        number: format!("home-01-{sequence:05}"),
        month: "2026-06".to_owned(),
        made_at: noon(),
        log: 1,
        log_size: 12,
        sha256: "hash".to_owned(),
        summary_json: "{}".to_owned(),
    }
}

#[test]
fn a_page_is_kept_with_how_far_it_reached() {
    let history = History::in_memory().unwrap();
    let log = history.begin_log(&market(), "key", noon()).unwrap();
    assert_eq!(history.begin_log(&market(), "other", noon()).unwrap(), log);
    let slot = noon_slot();
    let entries = vec![entry(0, None), entry(3, Some(slot)), entry(7, Some(slot.next()))];
    let page = LogPage { entries: entries.clone(), next_index: 7, checkpoint: seen(9), kept: vec![] };
    history.record_log_page(log.id, page.clone()).unwrap();
    history.record_log_page(log.id, page).unwrap();
    assert_eq!(history.lasting_log_entries(log.id).unwrap(), entries[..1]);
    assert_eq!(history.log_entries(log.id, slot..slot.next()).unwrap(), entries[1..2]);
    let since = history.log_entries_since(log.id, 4, slot.offset(2)).unwrap();
    assert_eq!(since, entries[2..]);
    assert_eq!(history.log_entry(log.id, 3).unwrap().as_ref(), Some(&entries[1]));
    assert_eq!(history.log_entry(log.id, 4).unwrap(), None);
    let known = history.log(&market()).unwrap().unwrap();
    assert_eq!((known.next_index, known.checkpoint), (Some(7), Some(seen(9))));
}

#[test]
fn a_head_never_becomes_an_older_one() {
    let history = History::in_memory().unwrap();
    let log = history.begin_log(&market(), "key", noon()).unwrap();
    history.record_checkpoint(log.id, seen(9)).unwrap();
    history.record_checkpoint(log.id, seen(8)).unwrap();
    let known = history.log(&market()).unwrap().unwrap();
    assert_eq!((known.next_index, known.checkpoint), (None, Some(seen(9))));
}

#[test]
fn a_promise_waits_until_a_page_keeps_it() {
    let history = History::in_memory().unwrap();
    let log = history.begin_log(&market(), "key", noon()).unwrap();
    let promise = |index| LogPromise {
        index,
        commitment: "commitment".to_owned(),
        what: "order x".to_owned(),
        promised_at: noon(),
    };
    history.record_log_promises(log.id, vec![promise(4), promise(5)]).unwrap();
    let page = LogPage { entries: vec![], next_index: 4, checkpoint: seen(9), kept: vec![4] };
    history.record_log_page(log.id, page).unwrap();
    assert_eq!(history.log_promises_before(log.id, 5).unwrap(), []);
    assert_eq!(history.log_promises_before(log.id, 6).unwrap(), [promise(5)]);
    history.drop_log_promises(log.id, vec![5]).unwrap();
    assert_eq!(history.log_promises_before(log.id, 100).unwrap(), []);
}

#[test]
fn an_alarm_is_told_once_and_stays_for_good() {
    let history = History::in_memory().unwrap();
    let log = history.begin_log(&market(), "key", noon()).unwrap();
    let raise = |seconds_later| {
        let now = noon() + seconds(seconds_later);
        history.raise_log_alarm(log.id, LogAlarmKind::Fork, "two stories", "{}", now).unwrap()
    };
    assert!(raise(0));
    assert!(!raise(1));
    // Verified again without an answer of the owner: it stands.
    history.end_log_alarms(noon()).unwrap();
    assert!(!raise(2));
    history.answer_log_alarms(noon()).unwrap();
    assert!(!raise(3));
    history.end_log_alarms(noon()).unwrap();
    assert!(raise(4));
    let alarms = history.log_alarms().unwrap();
    assert_eq!(history.standing_log_alarm().unwrap().unwrap().id, alarms[0].id);
    assert_eq!((alarms.len(), alarms[0].answered_at, alarms[1].over_at), (2, None, Some(noon())));
}

#[test]
fn a_log_begun_anew_leaves_the_old_one_as_it_was() {
    let history = History::in_memory().unwrap();
    let old = history.begin_log(&market(), "key", noon()).unwrap();
    let page = LogPage { entries: vec![entry(0, None)], next_index: 0, checkpoint: seen(1), kept: vec![] };
    history.record_log_page(old.id, page).unwrap();
    let new = history.begin_log_anew(&old, noon()).unwrap();
    assert_ne!(new.id, old.id);
    assert_eq!(history.log(&market()).unwrap(), Some(new.clone()));
    assert_eq!(history.lasting_log_entries(new.id).unwrap(), []);
    assert_eq!(history.lasting_log_entries(old.id).unwrap().len(), 1);
}

#[test]
fn statements_are_numbered_without_gaps() {
    let history = History::in_memory().unwrap();
    history.begin_log(&market(), "key", noon()).unwrap();
    assert!(matches!(history.save_statement(&statement(2), b"one"), Err(HistoryError::Contradiction { .. })));
    history.save_statement(&statement(1), b"one").unwrap();
    history.save_statement(&statement(2), b"two").unwrap();
    assert!(history.save_statement(&statement(2), b"two").is_err());
    assert_eq!(history.statements(&market()).unwrap(), [statement(1), statement(2)]);
    assert_eq!(history.statement_file(&market(), 2).unwrap(), Some(b"two".to_vec()));
    assert_eq!(history.statement_file(&market(), 3).unwrap(), None);
}
