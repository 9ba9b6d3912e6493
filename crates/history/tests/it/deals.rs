//! Direct deals: drafted here, told by the exchange, and what the exchange shall still be told.

use history::{DealErrand, DealState, History, HistoryError, ProblemNote, StoredDeal};
use units::{DealId, MarketId};

use crate::examples::deal_news;
use crate::support::noon;

fn street() -> MarketId {
    "street".parse().unwrap()
}

fn id() -> DealId {
    "deal".parse().unwrap()
}

fn draft(history: &History) -> Result<(), HistoryError> {
    history.draft_deal(&street(), &id(), &"home-01".parse().unwrap(), "{\"a\":1}", "signed", noon())
}

fn deal(history: &History) -> StoredDeal {
    history.deal(&id()).unwrap().unwrap()
}

#[test]
fn a_proposal_waits_until_the_exchange_knows_it() {
    let history = History::in_memory().unwrap();
    draft(&history).unwrap();
    draft(&history).unwrap();
    let waiting = history.deal_errands(&street()).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].state, waiting[0].errand), (DealState::Drafted, Some(DealErrand::Propose)));
    assert_eq!(waiting[0].signed_json.as_deref(), Some("signed"));
    assert!(history.record_deals(&street(), vec![deal_news("deal", DealState::Proposed)], noon()).unwrap());
    let known = deal(&history);
    assert_eq!((known.state, known.errand, known.signed_json), (DealState::Proposed, None, None));
    let same = vec![deal_news("deal", DealState::Proposed)];
    assert!(!history.record_deals(&street(), same, noon()).unwrap(), "nothing new is not written");
    let other = history.draft_deal(&street(), &id(), &"home-01".parse().unwrap(), "{}", "signed", noon());
    assert!(matches!(other, Err(HistoryError::Contradiction { .. })));
}

#[test]
fn an_errand_is_over_once_the_exchanges_word_shows_it_done() {
    let history = History::in_memory().unwrap();
    let tell = |state| history.record_deals(&street(), vec![deal_news("deal", state)], noon()).unwrap();
    tell(DealState::Proposed);
    history.set_deal_errand(&id(), DealErrand::Accept, Some("signed".to_owned()), noon()).unwrap();
    tell(DealState::Proposed);
    assert_eq!(deal(&history).errand, Some(DealErrand::Accept), "it is not agreed to yet");
    tell(DealState::Agreed);
    assert_eq!((deal(&history).state, deal(&history).errand), (DealState::Agreed, None));
    history.set_deal_errand(&id(), DealErrand::End, None, noon()).unwrap();
    tell(DealState::Agreed);
    assert_eq!(deal(&history).errand, Some(DealErrand::End));
    tell(DealState::Ended);
    assert_eq!((deal(&history).state, deal(&history).errand), (DealState::Ended, None));
}

#[test]
fn a_refusal_says_why_and_ends_only_a_proposal() {
    let history = History::in_memory().unwrap();
    let note = ProblemNote { code: "not_found".to_owned(), detail: "no such member".to_owned() };
    draft(&history).unwrap();
    history.refuse_deal(&id(), note.clone(), noon()).unwrap();
    let refused = deal(&history);
    assert_eq!((refused.state, refused.errand), (DealState::Refused, None));
    assert_eq!(refused.problem, Some(note.clone()));
    let history = History::in_memory().unwrap();
    history.record_deals(&street(), vec![deal_news("deal", DealState::Proposed)], noon()).unwrap();
    history.set_deal_errand(&id(), DealErrand::Accept, Some("signed".to_owned()), noon()).unwrap();
    history.refuse_deal(&id(), note, noon()).unwrap();
    assert_eq!((deal(&history).state, deal(&history).errand), (DealState::Proposed, None));
    assert!(matches!(
        history.set_deal_errand(&"other".parse().unwrap(), DealErrand::End, None, noon()),
        Err(HistoryError::UnknownDeal(_))
    ));
}

#[test]
fn a_proposal_that_was_never_sent_can_be_dropped() {
    let history = History::in_memory().unwrap();
    draft(&history).unwrap();
    history.drop_deal(&id(), noon()).unwrap();
    assert_eq!((deal(&history).state, deal(&history).errand), (DealState::Ended, None));
}
