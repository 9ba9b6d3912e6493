//! One handler a path: takes the request, asks the service, answers.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use exchange_api::{
    AgreeTerms, CancelOrders, CancelRequest, DealList, DealStatus, EndDeal, JoinRequest, MarketInfo,
    Membership, OrderList, OrderOutcomes, PlaceOrders, Problem, ProblemCode, ReadingOutcomes, ReportReadings,
    SettlementPage, Signable, Signed, SignedContract, SignedDeal, SignedServerKey, SlotBook, SlotList, paths,
    public_key_from_text,
};
use std::ops::Range;
use units::{MemberId, Slot};

use super::Http;
use super::caller::{Caller, Received, from_json, is_unaligned};
use super::refusal::Refusal;
use crate::service::enrol::{self, Arrival};
use crate::service::{Failure, deals, orders, readings, refuse, report};
use crate::store::rows::key::{self, KeyRow};
use crate::store::rows::settlement;

type Answer<T> = Result<Json<T>, Refusal>;

/// Says which TLS key the exchange has, to whoever was shown it.
pub(super) async fn server_key(State(http): State<Http>) -> Json<SignedServerKey> {
    Json(http.server_key.as_ref().clone())
}

pub(super) async fn market(State(http): State<Http>) -> Json<MarketInfo> {
    Json(http.exchange.info())
}

/// Joins: the one request that is signed by a key which the exchange does not know yet.
pub(super) async fn join(State(http): State<Http>, request: Request) -> Answer<Membership> {
    let received = Received::read(request, &http).await?;
    received.check_time(&http)?;
    let join: JoinRequest = from_json(&received.body)?;
    let public_key = public_key_from_text(&join.public_key)
        .map_err(|error| Problem::new(ProblemCode::BadRequest, format!("public_key: {error}.")))?;
    received.verify(&public_key)?;
    let exchange = &http.exchange;
    let arrival = Arrival {
        key: received.claims.key.clone(),
        market_now: exchange.now(),
        real_now: exchange.real_now(),
    };
    let (config, until) = (exchange.config().clone(), received.nonce_until(&http));
    let claims = received.claims;
    let work = move |db: &rusqlite::Connection| {
        let membership = enrol::join(db, &config, &arrival, &join)?;
        // After the code was found right, so that strangers cannot fill the memory of nonces.
        if !key::take_nonce(db, &claims.key, &claims.nonce, until, arrival.real_now)? {
            return refuse(ProblemCode::Replayed, "Its nonce was used before. Sign each request anew.");
        }
        Ok(membership)
    };
    let membership = exchange.store().write(work).await?;
    tracing::info!(member = %membership.member, key = %membership.key, "joined");
    exchange.wake();
    Ok(Json(membership))
}

pub(super) async fn me(State(http): State<Http>, caller: Caller) -> Answer<Membership> {
    let now = http.exchange.now();
    let work = move |db: &rusqlite::Connection| enrol::membership(db, &caller.key, now);
    Ok(Json(http.exchange.store().read(work).await?))
}

pub(super) async fn tell_contract(State(http): State<Http>, caller: Caller) -> Answer<Membership> {
    let contract: SignedContract = signed_by_member(&http, &caller).await?;
    let (config, now) = (http.exchange.config().clone(), http.exchange.now());
    let work = move |db: &rusqlite::Connection| {
        enrol::tell_contract(db, &config, &caller.member, &contract, now)?;
        enrol::membership(db, &caller.key, now)
    };
    Ok(Json(http.exchange.store().write(work).await?))
}

pub(super) async fn agree_to_terms(State(http): State<Http>, caller: Caller) -> Answer<Membership> {
    let agreed: AgreeTerms = caller.json()?;
    let (config, now) = (http.exchange.config().clone(), http.exchange.now());
    let work = move |db: &rusqlite::Connection| {
        enrol::agree_to_terms(db, &config, &caller.member, &agreed.terms_version)?;
        enrol::membership(db, &caller.key, now)
    };
    Ok(Json(http.exchange.store().write(work).await?))
}

pub(super) async fn place_orders(State(http): State<Http>, caller: Caller) -> Answer<OrderOutcomes> {
    let PlaceOrders { orders } = caller.json()?;
    check_batch(orders.len())?;
    let checked = check_signatures(&http, caller.member.clone(), orders).await?;
    let config = http.exchange.config().clone();
    // The exchange's time of arrival decides about a gate, and arriving means being written.
    let exchange = http.exchange.clone();
    let work = move |db: &rusqlite::Connection| {
        let outcomes = orders::place(db, &config, &caller.member, &checked, exchange.now())?;
        Ok::<_, Failure>(OrderOutcomes { outcomes })
    };
    Ok(Json(http.exchange.store().write(work).await?))
}

pub(super) async fn cancel_orders(State(http): State<Http>, caller: Caller) -> Answer<OrderOutcomes> {
    let request: CancelRequest = caller.json()?;
    if let CancelOrders::Ids(ids) = &request.orders {
        check_batch(ids.len())?;
    }
    let (config, exchange) = (http.exchange.config().clone(), http.exchange.clone());
    let work = move |db: &rusqlite::Connection| {
        let outcomes = orders::cancel(db, &config, &caller.member, &request, exchange.now())?;
        Ok::<_, Failure>(OrderOutcomes { outcomes })
    };
    Ok(Json(http.exchange.store().write(work).await?))
}

pub(super) async fn list_orders(
    State(http): State<Http>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
) -> Answer<OrderList> {
    let slots = slot_range(&query)?;
    let config = http.exchange.config().clone();
    let work = move |db: &rusqlite::Connection| {
        Ok::<_, Failure>(OrderList { orders: orders::list(db, &config, &caller.member, slots)? })
    };
    Ok(Json(http.exchange.store().read(work).await?))
}

pub(super) async fn propose_deal(State(http): State<Http>, caller: Caller) -> Answer<DealStatus> {
    let signed: SignedDeal = signed_by_member(&http, &caller).await?;
    let (config, exchange) = (http.exchange.config().clone(), http.exchange.clone());
    let work =
        move |db: &rusqlite::Connection| deals::propose(db, &config, &caller.member, &signed, exchange.now());
    Ok(Json(http.exchange.store().write(work).await?))
}

pub(super) async fn accept_deal(State(http): State<Http>, caller: Caller) -> Answer<DealStatus> {
    let signed: SignedDeal = signed_by_member(&http, &caller).await?;
    let (config, exchange) = (http.exchange.config().clone(), http.exchange.clone());
    let work =
        move |db: &rusqlite::Connection| deals::accept(db, &config, &caller.member, &signed, exchange.now());
    Ok(Json(http.exchange.store().write(work).await?))
}

/// Reads a statement whose signature is one of the caller's member.
async fn signed_by_member<T>(http: &Http, caller: &Caller) -> Result<Signed<T>, Refusal>
where
    T: Signable + serde::de::DeserializeOwned + Send + 'static,
{
    let checked = check_signatures(http, caller.member.clone(), vec![caller.json::<Signed<T>>()?]).await?;
    let (signed, outcome) = checked.into_iter().next().expect("one was checked");
    outcome?;
    Ok(signed)
}

pub(super) async fn end_deal(State(http): State<Http>, caller: Caller) -> Answer<DealStatus> {
    let EndDeal { id } = caller.json()?;
    let (config, exchange) = (http.exchange.config().clone(), http.exchange.clone());
    let work = move |db: &rusqlite::Connection| deals::end(db, &config, &caller.member, &id, exchange.now());
    Ok(Json(http.exchange.store().write(work).await?))
}

pub(super) async fn list_deals(State(http): State<Http>, caller: Caller) -> Answer<DealList> {
    let (config, now) = (http.exchange.config().clone(), http.exchange.now());
    let work = move |db: &rusqlite::Connection| deals::list(db, &config, &caller.member, now);
    Ok(Json(http.exchange.store().read(work).await?))
}

pub(super) async fn report_readings(State(http): State<Http>, caller: Caller) -> Answer<ReadingOutcomes> {
    let ReportReadings { readings } = caller.json()?;
    check_batch(readings.len())?;
    let checked = check_signatures(&http, caller.member.clone(), readings).await?;
    let (config, now) = (http.exchange.config().clone(), http.exchange.now());
    let work = move |db: &rusqlite::Connection| {
        let outcomes = readings::report(db, &config, &caller.member, &checked, now)?;
        Ok::<_, Failure>((ReadingOutcomes { outcomes }, settlement::newest_cursor(db)?))
    };
    let (outcomes, cursor) = http.exchange.store().write(work).await?;
    http.exchange.tell(cursor);
    http.exchange.wake();
    Ok(Json(outcomes))
}

pub(super) async fn slots(
    State(http): State<Http>,
    Query(query): Query<HashMap<String, String>>,
    _caller: Caller,
) -> Answer<SlotList> {
    Ok(Json(http.exchange.slots(slot_range(&query)?).await?))
}

pub(super) async fn book(
    State(http): State<Http>,
    Path(slot): Path<String>,
    _caller: Caller,
) -> Answer<SlotBook> {
    Ok(Json(http.exchange.book(slot_from("slot", &slot)?).await?))
}

/// Answers at once if there is something newer, else when there is, else empty after the wait.
pub(super) async fn settlements(
    State(http): State<Http>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
) -> Answer<SettlementPage> {
    let _turn = http.limits.poll()?;
    let after: i64 = number(&query, "after")?.unwrap_or(0);
    let wait_s: u32 = number(&query, "wait_s")?.unwrap_or(0);
    let wait = Duration::from_secs(wait_s.min(paths::MAX_WAIT_S).into());
    let until = tokio::time::Instant::now() + wait;
    let mut settled = http.exchange.settled();
    loop {
        // Marked as seen before looking, so that what comes in between wakes the wait.
        settled.mark_unchanged();
        let member = caller.member.clone();
        let look = move |db: &rusqlite::Connection| report::settlements(db, &member, after, paths::PAGE);
        let page = http.exchange.store().read(look).await?;
        if !page.settlements.is_empty() {
            return Ok(Json(page));
        }
        tokio::select! {
            changed = settled.changed() => if changed.is_err() { return Ok(Json(page)) },
            () = tokio::time::sleep_until(until) => return Ok(Json(page)),
            () = http.closing.cancelled() => return Ok(Json(page)),
        }
    }
}

/// Checks the signature of each statement with the keys of the caller's member.
async fn check_signatures<T: Signable + Send + 'static>(
    http: &Http,
    member: MemberId,
    statements: Vec<Signed<T>>,
) -> Result<Vec<(Signed<T>, Result<(), Problem>)>, Failure> {
    let work = move |db: &rusqlite::Connection| {
        let keys = key::of_member(db, &member)?;
        let check = |signed: Signed<T>| {
            let outcome = check_signature(&keys, &signed);
            (signed, outcome)
        };
        Ok(statements.into_iter().map(check).collect())
    };
    // On a reader's thread: 96 signatures take some milliseconds.
    http.exchange.store().read(work).await
}

fn check_signature<T: Signable>(keys: &[KeyRow], signed: &Signed<T>) -> Result<(), Problem> {
    let Some(row) = keys.iter().find(|row| row.id == signed.key) else {
        let detail = format!("No device of this member has the key \"{}\".", signed.key);
        return Err(Problem::new(ProblemCode::UnknownKey, detail));
    };
    if row.revoked_at.is_some() {
        return Err(Problem::new(ProblemCode::RevokedKey, "The key that signed this was revoked."));
    }
    let key = public_key_from_text(&row.public_key)
        .map_err(|error| Problem::new(ProblemCode::Internal, error.to_string()))?;
    match signed.verify(&key) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(ProblemCode::BadSignature, format!("{error}."))),
    }
}

fn check_batch(count: usize) -> Result<(), Problem> {
    if count <= paths::MAX_BATCH {
        return Ok(());
    }
    let detail = format!("{count} in one request; at most {} are taken.", paths::MAX_BATCH);
    Err(Problem::new(ProblemCode::TooLarge, detail))
}

/// Reads `from` and `to`.
fn slot_range(query: &HashMap<String, String>) -> Result<Range<Slot>, Problem> {
    let slot = |name: &str| slot_from(name, query.get(name).map(String::as_str).unwrap_or_default());
    let (from, to) = (slot("from")?, slot("to")?);
    if to < from || to.index() - from.index() > paths::MAX_SLOTS as i64 {
        let detail = format!("\"to\" must lie after \"from\", by at most {} slots.", paths::MAX_SLOTS);
        return Err(Problem::new(ProblemCode::BadRequest, detail));
    }
    Ok(from..to)
}

fn slot_from(name: &str, text: &str) -> Result<Slot, Problem> {
    text.parse().map_err(|error| {
        let code = if is_unaligned(text) { ProblemCode::UnalignedSlot } else { ProblemCode::BadRequest };
        Problem::new(code, format!("{name}: {error}."))
    })
}

pub(super) fn number<T: std::str::FromStr>(
    query: &HashMap<String, String>,
    name: &str,
) -> Result<Option<T>, Problem> {
    query
        .get(name)
        .map(|text| {
            text.parse().map_err(|_| {
                Problem::new(
                    ProblemCode::BadRequest,
                    format!("{name}: \"{text}\" is not a number that fits."),
                )
            })
        })
        .transpose()
}
