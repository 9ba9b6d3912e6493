//! Direct deals of this household, as the exchange last told of them, and what it shall still be told.
//!
//! A proposal lies here before it is sent, so that nothing that was signed is ever unknown here. The errand of a
//! deal is over once the exchange's own word shows it done, however that word came.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{DealId, MarketId, MemberId, Slot, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::orders::{ProblemNote, problem};
use crate::row::{self, worded};
use crate::writer::Durability;

/// A deal with what has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeal {
    pub id: DealId,
    pub market: MarketId,
    /// The deal as both sides sign it.
    pub terms_json: String,
    pub state: DealState,
    pub proposed_by: MemberId,
    pub proposed_at: Option<Timestamp>,
    pub agreed_at: Option<Timestamp>,
    /// The first slot that can be served.
    pub served_from: Option<Slot>,
    /// The first slot that is not served any more.
    pub served_until: Option<Slot>,
    pub ended_by: Option<MemberId>,
    /// What the exchange shall still be told.
    pub errand: Option<DealErrand>,
    /// The deal with this household's signature, for proposing and agreeing.
    pub signed_json: Option<String>,
    /// Why the exchange said no to the last errand.
    pub problem: Option<ProblemNote>,
    pub changed_at: Timestamp,
}

worded!(
    /// How far a deal got.
    DealState {
        /// Proposed here; the exchange does not know it yet.
        Drafted = "drafted",
        /// One side has signed.
        Proposed = "proposed",
        /// Both have.
        Agreed = "agreed",
        Ended = "ended",
        /// The exchange did not take the proposal.
        Refused = "refused",
    }
);

worded!(
    /// What the exchange shall be told of a deal.
    DealErrand {
        Propose = "propose",
        Accept = "accept",
        End = "end",
    }
);

/// What the exchange says of a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealNews {
    pub id: DealId,
    pub terms_json: String,
    pub state: DealState,
    pub proposed_by: MemberId,
    pub proposed_at: Timestamp,
    pub agreed_at: Option<Timestamp>,
    pub served_from: Option<Slot>,
    pub served_until: Option<Slot>,
    pub ended_by: Option<MemberId>,
}

impl DealErrand {
    /// Returns whether the exchange's word shows it done, or that nothing is left to do.
    fn is_done(self, news: &DealNews) -> bool {
        match self {
            Self::Propose => true,
            Self::Accept => news.agreed_at.is_some() || news.state == DealState::Ended,
            Self::End => news.ended_by.is_some() || news.state == DealState::Ended,
        }
    }
}

impl History {
    /// Keeps a proposal of this household, durably, until the exchange has it. The same one again changes nothing.
    pub fn draft_deal(
        &self,
        market: &MarketId,
        id: &DealId,
        by: &MemberId,
        terms_json: &str,
        signed_json: &str,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        let deal = StoredDeal {
            id: id.clone(),
            market: market.clone(),
            terms_json: terms_json.to_owned(),
            state: DealState::Drafted,
            proposed_by: by.clone(),
            proposed_at: None,
            agreed_at: None,
            served_from: None,
            served_until: None,
            ended_by: None,
            errand: Some(DealErrand::Propose),
            signed_json: Some(signed_json.to_owned()),
            problem: None,
            changed_at: now,
        };
        self.write("keeping a deal in", Durability::OnDisk, move |connection| {
            match find(connection, &deal.id)? {
                None => Ok(put(connection, &deal)?),
                Some(present) if present.terms_json == deal.terms_json => Ok(()),
                Some(_) => Err(HistoryError::Contradiction {
                    subject: format!("deal {}", deal.id),
                    detail: "an id belongs to one deal for ever".to_owned(),
                }),
            }
        })
    }

    /// Notes what the exchange shall be told of a deal, durably.
    pub fn set_deal_errand(
        &self,
        id: &DealId,
        errand: DealErrand,
        signed_json: Option<String>,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        let id = id.clone();
        self.change_deal(id, now, move |deal| {
            deal.errand = Some(errand);
            deal.signed_json = signed_json.or(deal.signed_json.take());
            deal.problem = None;
        })
    }

    /// Notes that the exchange said no to a deal's errand.
    pub fn refuse_deal(&self, id: &DealId, note: ProblemNote, now: Timestamp) -> Result<(), HistoryError> {
        self.change_deal(id.clone(), now, move |deal| {
            if deal.errand.take() == Some(DealErrand::Propose) {
                deal.state = DealState::Refused;
            }
            deal.problem = Some(note);
        })
    }

    /// Notes that a deal which the exchange never heard of has ended.
    pub fn drop_deal(&self, id: &DealId, now: Timestamp) -> Result<(), HistoryError> {
        self.change_deal(id.clone(), now, |deal| {
            deal.state = DealState::Ended;
            deal.errand = None;
        })
    }

    /// Takes the exchange's word about deals; returns whether anything in it was new. Only then is it written.
    pub fn record_deals(
        &self,
        market: &MarketId,
        news: Vec<DealNews>,
        now: Timestamp,
    ) -> Result<bool, HistoryError> {
        let known = self.deals(market)?;
        let news: Vec<DealNews> = news
            .into_iter()
            .filter(|news| {
                let present = known.iter().find(|deal| deal.id == news.id);
                present.is_none_or(|present| told(present.clone(), market, news, now) != *present)
            })
            .collect();
        if news.is_empty() {
            return Ok(false);
        }
        let market = market.clone();
        self.write("keeping deals in", Durability::OnDisk, move |connection| {
            for news in &news {
                let present = find(connection, &news.id)?.unwrap_or_else(|| unknown(&market, news, now));
                let changed = StoredDeal { changed_at: now, ..told(present, &market, news, now) };
                put(connection, &changed)?;
            }
            Ok(true)
        })
    }

    /// Returns the deals on a market, the newest first.
    pub fn deals(&self, market: &MarketId) -> Result<Vec<StoredDeal>, HistoryError> {
        self.select_deals("select * from deals where market = ?1 order by id desc", market)
    }

    pub fn deal(&self, id: &DealId) -> Result<Option<StoredDeal>, HistoryError> {
        self.read("reading a deal from", |connection| Ok(find(connection, id)?))
    }

    /// Returns the deals of which the exchange shall still be told something, the oldest first.
    pub fn deal_errands(&self, market: &MarketId) -> Result<Vec<StoredDeal>, HistoryError> {
        self.select_deals("select * from deals where market = ?1 and errand is not null order by id", market)
    }

    fn select_deals(&self, sql: &str, market: &MarketId) -> Result<Vec<StoredDeal>, HistoryError> {
        self.read("reading deals from", |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map([market.as_str()], stored)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    fn change_deal(
        &self,
        id: DealId,
        now: Timestamp,
        change: impl FnOnce(&mut StoredDeal) + Send + 'static,
    ) -> Result<(), HistoryError> {
        self.write("keeping a deal in", Durability::OnDisk, move |connection| {
            let mut deal = find(connection, &id)?.ok_or(HistoryError::UnknownDeal(id))?;
            change(&mut deal);
            deal.changed_at = now;
            Ok(put(connection, &deal)?)
        })
    }
}

fn unknown(market: &MarketId, news: &DealNews, now: Timestamp) -> StoredDeal {
    StoredDeal {
        id: news.id.clone(),
        market: market.clone(),
        terms_json: news.terms_json.clone(),
        state: news.state,
        proposed_by: news.proposed_by.clone(),
        proposed_at: None,
        agreed_at: None,
        served_from: None,
        served_until: None,
        ended_by: None,
        errand: None,
        signed_json: None,
        problem: None,
        changed_at: now,
    }
}

/// Returns a deal as it is after the exchange's word.
fn told(present: StoredDeal, market: &MarketId, news: &DealNews, now: Timestamp) -> StoredDeal {
    let errand = present.errand.filter(|errand| !errand.is_done(news));
    // What was refused stays said until the exchange has moved on.
    let problem = present.problem.clone().filter(|_| present.state == news.state);
    StoredDeal {
        state: news.state,
        proposed_at: Some(news.proposed_at),
        agreed_at: news.agreed_at,
        served_from: news.served_from,
        served_until: news.served_until,
        ended_by: news.ended_by.clone(),
        errand,
        signed_json: present.signed_json.filter(|_| errand.is_some()),
        problem,
        changed_at: present.changed_at,
        ..unknown(market, news, now)
    }
}

fn find(connection: &Connection, id: &DealId) -> rusqlite::Result<Option<StoredDeal>> {
    let mut query = connection.prepare_cached("select * from deals where id = ?1")?;
    query.query_row([id.as_str()], stored).optional()
}

fn put(connection: &Connection, deal: &StoredDeal) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert or replace into deals values (:id, :market, :terms, :state, :by, :proposed, :agreed, :from,
                :until, :ended_by, :errand, :signed, :code, :detail, :changed)",
        )?
        .execute(named_params! {
            ":id": deal.id.as_str(),
            ":market": deal.market.as_str(),
            ":terms": deal.terms_json,
            ":state": deal.state.word(),
            ":by": deal.proposed_by.as_str(),
            ":proposed": deal.proposed_at.map(Timestamp::millis),
            ":agreed": deal.agreed_at.map(Timestamp::millis),
            ":from": deal.served_from.map(Slot::index),
            ":until": deal.served_until.map(Slot::index),
            ":ended_by": deal.ended_by.as_ref().map(MemberId::as_str),
            ":errand": deal.errand.map(DealErrand::word),
            ":signed": deal.signed_json,
            ":code": deal.problem.as_ref().map(|note| &note.code),
            ":detail": deal.problem.as_ref().map(|note| &note.detail),
            ":changed": deal.changed_at.millis(),
        })?;
    Ok(())
}

fn stored(row: &Row) -> rusqlite::Result<StoredDeal> {
    Ok(StoredDeal {
        id: row::parsed(row, "id")?,
        market: row::parsed(row, "market")?,
        terms_json: row.get("terms_json")?,
        state: row::word(row, "state", DealState::from_word)?,
        proposed_by: row::parsed(row, "proposed_by")?,
        proposed_at: row::optional_time(row, "proposed_at_ms")?,
        agreed_at: row::optional_time(row, "agreed_at_ms")?,
        served_from: row::optional_slot(row, "served_from_slot")?,
        served_until: row::optional_slot(row, "served_until_slot")?,
        ended_by: row::optional_parsed(row, "ended_by")?,
        errand: row::optional_word(row, "errand", DealErrand::from_word)?,
        signed_json: row.get("signed_json")?,
        problem: problem(row)?,
        changed_at: row::time(row, "changed_at_ms")?,
    })
}
