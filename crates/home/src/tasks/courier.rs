//! Carries orders, cancellations and readings to the exchange, and joins it first.

use std::sync::Arc;
use std::time::Duration;

use exchange_api::{
    CancelOrders, CancelRequest, Client, ClientError, ClientSettings, DealStatus, Invitation, JoinRequest,
    OrderOutcome, ProblemCode, ReadingOutcome, SignedDeal, SignedOrder, SignedReading, UtilityContract,
};
use history::{
    DealErrand, HistoryError, LogPromise, Membership, OrderChange, ProblemNote, ReadingChange, StoredDeal,
    StoredOrder,
};
use tokio_util::sync::CancellationToken;
use units::{OrderId, Slot, SystemClock, Timestamp};

use crate::config::INVITATION_FILE;
use crate::convert;
use crate::house::{House, ViewName};
use crate::notary;
use crate::tasks::contract_word;
use crate::view::frame::{ExchangeStateView, Trouble};

/// The exchange answers a batch in well under a second; a longer wait means that it is not there.
const TIMEOUT: Duration = Duration::from_secs(8);
/// How long the start waits for the exchange before the meters are read without knowing its rules.
const INTRODUCTION: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// With nothing to carry the exchange is still asked so often, which shows whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// The most orders and readings in one request.
const BATCH: usize = 96;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Exchange(#[from] ClientError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("{0}")]
    Invitation(String),
}

/// Returns a client for an exchange. The courier tries again by itself, so the client does not.
pub fn client(house: &House, address: &str) -> Option<Result<Client, ClientError>> {
    let key = house.key.clone()?;
    let server = house.server_pin(address);
    let settings = ClientSettings { timeout: TIMEOUT, retries: 0, clock: Arc::new(SystemClock), server };
    Some(Client::new(address, key, settings))
}

/// Meets the exchange before anything else begins, if it is there.
pub async fn introduce(house: &Arc<House>, stop: &CancellationToken) {
    let meeting = tokio::time::timeout(INTRODUCTION, greet(house));
    tokio::select! {
        () = stop.cancelled() => {}
        outcome = meeting => match outcome {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => note(house, &failure),
            Err(_) => tracing::warn!("the exchange did not answer at the start"),
        }
    }
}

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut failures = 0u32;
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => break,
            outcome = round(&house) => outcome,
        };
        let pause = match outcome {
            Ok(()) => {
                failures = 0;
                HEARTBEAT
            }
            Err(failure) => {
                note(&house, &failure);
                failures = failures.saturating_add(1);
                backed_off(failures)
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = house.wake.courier.notified(), if failures == 0 => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Does everything that waits, once, in a process whose tasks do not run.
pub async fn carry_once(house: &Arc<House>) {
    if let Err(failure) = round(house).await {
        note(house, &failure);
    }
}

/// Doubles the pause with each failure; the last quarter is chance, so that houses do not come all at once.
fn backed_off(failures: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_PAUSE);
    let mut chance = [0u8; 1];
    // Without randomness the pause is merely the same for all.
    let _ = getrandom::fill(&mut chance);
    pause.mul_f64(0.75 + f64::from(chance[0]) / 1024.0)
}

/// Does everything that waits, once.
async fn round(house: &Arc<House>) -> Result<(), Failure> {
    close_gates(house).await?;
    let waiting = house.blocking(Waiting::of).await?;
    // A heartbeat also fetches the market's rules anew.
    if waiting.is_empty() || house.market().is_none() {
        greet(house).await?;
    }
    let Some(membership) = house.blocking(House::membership).await? else { return Ok(()) };
    let Some(client) = client(house, &membership.exchange_url).transpose()? else { return Ok(()) };
    cancel(house, &client, waiting.cancelling).await?;
    place(house, &client, waiting.orders).await?;
    report(house, &client, &membership, waiting.readings).await?;
    // Last: no gate waits for a deal.
    carry_deals(house, &client, &membership, waiting.deals).await?;
    contract_word::tell(house, &client, &membership).await?;
    met(house);
    Ok(())
}

struct Waiting {
    orders: Vec<StoredOrder>,
    deals: Vec<StoredDeal>,
    cancelling: Vec<StoredOrder>,
    readings: Vec<history::StoredReading>,
}

impl Waiting {
    fn of(house: &House) -> Result<Self, HistoryError> {
        Ok(Self {
            orders: house.history.waiting_orders(house.now())?,
            deals: match house.membership()? {
                Some(membership) => house.history.deal_errands(&membership.market)?,
                None => Vec::new(),
            },
            cancelling: house.history.cancelling_orders()?,
            readings: house.history.waiting_readings(BATCH as u32)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.deals.is_empty()
            && self.cancelling.is_empty()
            && self.readings.is_empty()
    }
}

/// Drops orders whose gate has closed before they could be sent, and says so.
async fn close_gates(house: &Arc<House>) -> Result<(), HistoryError> {
    let passed = house.blocking(|house| house.history.pass_gates(house.now())).await?;
    if !passed.missed.is_empty() {
        tracing::warn!(
            orders = passed.missed.len(),
            "orders were dropped: their gate closed before they could be sent"
        );
        house.changed(ViewName::Frame);
    }
    if !passed.missed.is_empty() || !passed.bound.is_empty() {
        house.changed(ViewName::Rules);
        house.changed(ViewName::Market);
        house.changed(ViewName::Now);
    }
    Ok(())
}

/// Asks the exchange about itself, and joins it where an invitation waits.
async fn greet(house: &Arc<House>) -> Result<(), Failure> {
    let membership = house.blocking(House::membership).await?;
    let invitation = match &membership {
        Some(_) => None,
        None => read_invitation(house)?,
    };
    let address = match (&membership, &invitation) {
        (Some(membership), _) => membership.exchange_url.clone(),
        (None, Some(invitation)) => invitation.address.clone(),
        (None, None) => return Ok(()),
    };
    let Some(client) = client(house, &address).transpose()? else { return Ok(()) };
    set_state_if_unknown(house, ExchangeStateView::Connecting);
    let market = client.market().await?;
    let pinned = membership.as_ref().map(|membership| &membership.exchange_key);
    let pinned = pinned.or(invitation.as_ref().map(|invitation| &invitation.exchange_key));
    if pinned.is_some_and(|key| *key != market.exchange_key) {
        return Err(Failure::Invitation(
            "The exchange shows another key than the invitation named. Nothing is sent to it. Ask the operator.".to_owned(),
        ));
    }
    let (stored, info) = (house.clone(), market.clone());
    stored.blocking(move |house| house.store_market(&info)).await?;
    match (membership, invitation) {
        (Some(_), _) => {}
        (None, Some(invitation)) => join(house, &client, &market, &invitation).await?,
        (None, None) => {}
    }
    house.blocking(House::keep_server_pin).await?;
    met(house);
    Ok(())
}

pub fn read_invitation(house: &House) -> Result<Option<Invitation>, Failure> {
    match std::fs::read_to_string(house.dir.join(INVITATION_FILE)) {
        Ok(text) => text.parse().map(Some).map_err(|error: exchange_api::InvalidInvitation| {
            Failure::Invitation(format!("invitation.txt: {error}"))
        }),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Failure::Invitation(format!("invitation.txt cannot be read: {cause}"))),
    }
}

async fn join(
    house: &Arc<House>,
    client: &Client,
    market: &exchange_api::MarketInfo,
    invitation: &Invitation,
) -> Result<(), Failure> {
    let agreed = house.config().market.as_ref().map(|market| market.agreed_terms.clone());
    let Some(terms_version) = agreed.filter(|agreed| *agreed == market.terms.version) else {
        return Err(Failure::Invitation(format!(
            "The market \"{}\" asks for consent to its terms, version {}. Nothing is traded before. Read them and write \
             agreed_terms = \"{}\" under [market] in home.toml.",
            market.name, market.terms.version, market.terms.version
        )));
    };
    let Some(contract) = contract_now(house) else {
        return Err(Failure::Invitation(
            "What your utility charges and pays now is not known, so no trade could be compared with it. Enter your \
             contract under Settings, Contracts; one that follows the power market also needs a source of its prices."
                .to_owned(),
        ));
    };
    let joined = client
        .join(&JoinRequest {
            market: invitation.market.clone(),
            code: invitation.code.clone(),
            public_key: client.key().public_key_text(),
            device_name: house.config().name.clone(),
            terms_version,
            contract,
        })
        .await?;
    let membership = Membership {
        market: market.market.clone(),
        market_name: market.name.clone(),
        exchange_url: invitation.address.clone(),
        exchange_key: invitation.exchange_key.clone(),
        member: joined.member,
        area: joined.area,
        key: joined.key,
        metering_point: joined.metering_point,
        fuse_w: joined.limits.fuse_w,
        exposure: joined.limits.exposure,
        retail: joined.contract.retail_micros_per_kwh,
        feed_in: joined.contract.feed_in_micros_per_kwh,
        terms_version: joined.terms_version,
        joined_at: house.now(),
    };
    tracing::info!(market = %membership.market, member = %membership.member, "joined the market");
    let log_key = invitation.log_key.clone();
    house
        .clone()
        .blocking(move |house| {
            // First the key: from then on only what it signed is believed.
            house.history.begin_log(&membership.market, &log_key, house.now())?;
            house.history.save_membership(&membership)
        })
        .await?;
    house.wake.notary.notify_one();
    house.wake.trader.notify_one();
    house.wake.settler.notify_one();
    Ok(())
}

fn contract_now(house: &House) -> Option<UtilityContract> {
    let prices = house.prices(Slot::containing(house.now()))?;
    Some(UtilityContract { retail_micros_per_kwh: prices.retail, feed_in_micros_per_kwh: prices.feed_in })
}

async fn cancel(house: &Arc<House>, client: &Client, orders: Vec<StoredOrder>) -> Result<(), Failure> {
    for batch in orders.chunks(BATCH) {
        let ids = batch.iter().map(|stored| stored.order.id.clone()).collect();
        let salt = notary::cancel_secret(client.key());
        let request = CancelRequest { orders: CancelOrders::Ids(ids), salt };
        let outcomes = client.send_cancellation(&request).await?.outcomes;
        remember_promises(house, &outcomes, |id, index, now| {
            let order = &batch.iter().find(|stored| stored.order.id == *id)?.order;
            notary::cancelled(index, &request, (&order.market, &order.member, id), now)
        });
        mark(house, outcomes).await?;
    }
    Ok(())
}

/// Remembers what the exchange acknowledged with a place in its log, until the notary finds it there.
fn remember_promises(
    house: &House,
    outcomes: &[OrderOutcome],
    promise: impl Fn(&OrderId, u64, Timestamp) -> Option<LogPromise>,
) {
    let now = house.now();
    let placed = outcomes.iter().filter_map(|outcome| match outcome {
        OrderOutcome::Accepted { id, index: Some(index), .. }
        | OrderOutcome::Cancelled { id, index: Some(index) } => promise(id, *index, now),
        _ => None,
    });
    house.promised(placed);
}

/// Tells the exchange what it shall know of deals. What it refuses stays with its reason; it is not sent again.
async fn carry_deals(
    house: &Arc<House>,
    client: &Client,
    membership: &Membership,
    deals: Vec<StoredDeal>,
) -> Result<(), Failure> {
    for deal in deals {
        let Some(errand) = deal.errand else { continue };
        let id = deal.id.clone();
        let told = match tell_of_deal(client, &deal, errand).await {
            Ok(status) => Told::Word(Box::new(status)),
            Err(error) if error.is_transient() => return Err(error.into()),
            // It never arrived, so nothing of it is left to end.
            Err(error) if errand == DealErrand::End && error.code() == Some(ProblemCode::NotFound) => {
                Told::Never
            }
            Err(ClientError::Problem(problem)) => {
                tracing::warn!(deal = %id, code = problem.code.word(), "the exchange refused a deal");
                Told::No(ProblemNote { code: problem.code.word().to_owned(), detail: problem.detail })
            }
            Err(error) => return Err(error.into()),
        };
        let market = membership.market.clone();
        house
            .blocking(move |house| match told {
                Told::Word(status) => {
                    let news = vec![convert::deal_news(&status)];
                    house.history.record_deals(&market, news, house.now()).map(drop)
                }
                Told::Never => house.history.drop_deal(&id, house.now()),
                Told::No(note) => house.history.refuse_deal(&id, note, house.now()),
            })
            .await?;
        house.changed(ViewName::Market);
    }
    Ok(())
}

/// What the exchange said to an errand.
enum Told {
    Word(Box<DealStatus>),
    Never,
    No(ProblemNote),
}

async fn tell_of_deal(
    client: &Client,
    deal: &StoredDeal,
    errand: DealErrand,
) -> Result<DealStatus, ClientError> {
    let signed = || -> Result<SignedDeal, ClientError> {
        let text = deal.signed_json.as_deref().unwrap_or_default();
        serde_json::from_str(text).map_err(|error| {
            ClientError::Protocol(format!("the deal {} lies unreadable in the outbox: {error}", deal.id))
        })
    };
    match errand {
        DealErrand::Propose => client.propose_deal(&signed()?).await,
        DealErrand::Accept => client.accept_deal(&signed()?).await,
        DealErrand::End => client.end_deal(&deal.id).await,
    }
}

async fn place(house: &Arc<House>, client: &Client, orders: Vec<StoredOrder>) -> Result<(), Failure> {
    for batch in orders.chunks(BATCH) {
        // Only what got no answer is noted as sent: each note costs the disk a write, and an order that is
        // sent again is the same order.
        let signed: Vec<SignedOrder> = batch.iter().map(convert::signed_order).collect();
        let answer = client.place_orders(signed.clone()).await;
        if answer.is_err() {
            let sent: Vec<(OrderId, OrderChange)> =
                batch.iter().map(|stored| (stored.order.id.clone(), OrderChange::Sent)).collect();
            house.blocking(move |house| house.history.mark_orders(sent, house.now())).await?;
        }
        let outcomes = answer?.outcomes;
        // One that was cancelled meanwhile names the place of that.
        let accepted: Vec<OrderOutcome> = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, OrderOutcome::Accepted { .. }))
            .cloned()
            .collect();
        remember_promises(house, &accepted, |id, index, now| {
            notary::ordered(index, signed.iter().find(|order| order.body.id == *id)?, now)
        });
        mark(house, outcomes).await?;
    }
    Ok(())
}

async fn mark(house: &Arc<House>, outcomes: Vec<OrderOutcome>) -> Result<(), HistoryError> {
    let changes: Vec<(OrderId, OrderChange)> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            OrderOutcome::Accepted { id, accepted_at, .. } => {
                Some((id, OrderChange::Accepted { accepted_at }))
            }
            OrderOutcome::Cancelled { id, .. } => Some((id, OrderChange::Cancelled)),
            OrderOutcome::Bound { id } => Some((id, OrderChange::Bound)),
            // The exchange does not know an order that never arrived; cancelling it is then done.
            OrderOutcome::Refused { id, problem } if problem.code == ProblemCode::NotFound => {
                Some((id, OrderChange::Cancelled))
            }
            // A busy exchange is asked again.
            OrderOutcome::Refused { problem, .. } if ClientError::Problem(problem.clone()).is_transient() => {
                None
            }
            OrderOutcome::Refused { id, problem } => {
                tracing::warn!(order = %id, code = problem.code.word(), "the exchange refused an order");
                Some((
                    id,
                    OrderChange::Refused(ProblemNote {
                        code: problem.code.word().to_owned(),
                        detail: problem.detail,
                    }),
                ))
            }
        })
        .collect();
    if !changes.is_empty() {
        house.blocking(move |house| house.history.mark_orders(changes, house.now())).await?;
        house.changed(ViewName::Rules);
        house.changed(ViewName::Market);
        house.changed(ViewName::Now);
    }
    Ok(())
}

async fn report(
    house: &Arc<House>,
    client: &Client,
    membership: &Membership,
    readings: Vec<history::StoredReading>,
) -> Result<(), Failure> {
    let signed: Vec<SignedReading> =
        readings.iter().filter_map(|stored| serde_json::from_str(&stored.reading.signed_json).ok()).collect();
    if signed.is_empty() {
        return Ok(());
    }
    let outcomes = client.report_readings(signed.clone()).await?.outcomes;
    let now = house.now();
    house.promised(outcomes.iter().filter_map(|outcome| match outcome {
        ReadingOutcome::Accepted { slot, index: Some(index) }
        | ReadingOutcome::Late { slot, index: Some(index) } => {
            notary::reported(*index, signed.iter().find(|reading| reading.body.slot == *slot)?, now)
        }
        _ => None,
    }));
    let note = |problem: exchange_api::Problem| ProblemNote {
        code: problem.code.word().to_owned(),
        detail: problem.detail,
    };
    let changes: Vec<(Slot, ReadingChange)> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            ReadingOutcome::Accepted { slot, .. } => Some((slot, ReadingChange::Accepted)),
            ReadingOutcome::Late { slot, .. } => Some((slot, ReadingChange::Late)),
            ReadingOutcome::Held { slot, problem } => {
                tracing::warn!(%slot, code = problem.code.word(), "the exchange holds a reading");
                Some((slot, ReadingChange::Held(note(problem))))
            }
            ReadingOutcome::Refused { problem, .. }
                if ClientError::Problem(problem.clone()).is_transient() =>
            {
                None
            }
            ReadingOutcome::Refused { slot, problem } => {
                tracing::warn!(%slot, code = problem.code.word(), "the exchange refused a reading");
                Some((slot, ReadingChange::Refused(note(problem))))
            }
        })
        .collect();
    let market = membership.market.clone();
    house.blocking(move |house| house.history.mark_readings(&market, changes, house.now())).await?;
    Ok(())
}

/// Notes that the exchange answered.
pub fn met(house: &House) {
    let now = house.now();
    let news = {
        let mut live = house.live();
        let news = live.exchange.state != ExchangeStateView::Connected;
        live.exchange.state = ExchangeStateView::Connected;
        live.exchange.trouble = None;
        live.exchange.last_contact = Some(now);
        news
    };
    if news {
        tracing::info!("connected to the exchange");
        house.changed(ViewName::Frame);
    }
}

fn set_state_if_unknown(house: &House, state: ExchangeStateView) {
    let mut live = house.live();
    if live.exchange.state == ExchangeStateView::NotAMember {
        live.exchange.state = state;
        drop(live);
        house.changed(ViewName::Frame);
    }
}

/// Notes why the exchange could not be dealt with.
fn note(house: &House, failure: &Failure) {
    let (state, code) = match failure {
        Failure::Exchange(error @ ClientError::OtherServer { .. }) => (state_of(error), "other_key"),
        Failure::Exchange(error) => (state_of(error), error.code().map_or("unreachable", |code| code.word())),
        Failure::Invitation(_) => (ExchangeStateView::Refused, "invitation"),
        Failure::History(_) => {
            tracing::error!(
                error = crate::config::described(failure),
                "the outbox could not be read or written"
            );
            return;
        }
    };
    note_trouble(house, state, Trouble { code: code.to_owned(), message: crate::config::described(failure) });
}

/// Notes that the exchange is in trouble with us, once while it lasts.
pub fn note_trouble(house: &House, state: ExchangeStateView, trouble: Trouble) {
    let news = {
        let mut live = house.live();
        let news = live.exchange.state != state;
        live.exchange.state = state;
        live.exchange.trouble = Some(trouble.clone());
        news
    };
    if news {
        tracing::warn!(code = trouble.code, message = trouble.message, "trouble with the exchange");
        house.changed(ViewName::Frame);
    }
}

pub fn state_of(error: &ClientError) -> ExchangeStateView {
    if matches!(error, ClientError::OtherServer { .. }) {
        // Waiting does not mend it.
        return ExchangeStateView::Refused;
    }
    match error.code() {
        Some(ProblemCode::ClockOff) => ExchangeStateView::ClockOff,
        Some(
            ProblemCode::UnknownKey
            | ProblemCode::RevokedKey
            | ProblemCode::TermsNotAgreed
            | ProblemCode::InvalidInvitation
            | ProblemCode::ExpiredInvitation
            | ProblemCode::WrongMarket
            | ProblemCode::BadSignature
            | ProblemCode::Unsigned,
        ) => ExchangeStateView::Refused,
        _ => ExchangeStateView::Unreachable,
    }
}
