//! Follows the exchange's log: what was acknowledged is in it, and it only grows. What breaks this stops trading.

use std::sync::Arc;
use std::time::Duration;

use history::{HistoryError, LogAlarmKind, LogPromise, Membership};
use ledger::LogKey;
use tokio_util::sync::CancellationToken;

use super::courier;
use crate::house::{House, ViewName};
use crate::notary::{Breach, Desk, Failure};

/// How often the log is looked at, in market time: what is wrong is known before the next slot is over.
const LOOK_EVERY: Duration = Duration::from_secs(900);
/// In a simulated street a quarter hour may pass in seconds; the log is not asked more often than that.
const PAUSE: Duration = Duration::from_secs(2);
/// How many promises are remembered. While an alarm stands nobody looks for them, and they must not pile up: some days
/// of orders and readings.
const MOST_PROMISES: usize = 4096;
/// After trouble with the exchange.
const LONGER_PAUSE: Duration = Duration::from_secs(20);

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => break,
            outcome = look(&house) => outcome,
        };
        if let Err(failure) = &outcome {
            note(failure);
        }
        let pause = if outcome.is_ok() { PAUSE } else { LONGER_PAUSE };
        let next = house.now() + LOOK_EVERY;
        tokio::select! {
            () = stop.cancelled() => break,
            () = house.wake.notary.notified() => {}
            () = async {
                tokio::time::sleep(pause).await;
                super::sleep_until(&house, next, &stop).await;
            } => {}
        }
    }
    if let Some(desk) = house.desk.lock().await.take()
        && let Err(error) = desk.close(&house).await
    {
        tracing::error!(%error, "what is known of the exchange's log could not be written");
    }
}

/// Brings what is known of the log up to date.
pub async fn look(house: &Arc<House>) -> Result<(), Failure> {
    let mut place = house.desk.lock().await;
    let Some(membership) = house.blocking(House::membership).await? else { return Ok(()) };
    // What is wrong stays wrong until the owner has seen it.
    if house.blocking(|house| house.unanswered_alarm()).await? {
        return Ok(());
    }
    let Some(client) = courier::client(house, &membership.exchange_url).transpose()? else { return Ok(()) };
    if place.as_ref().is_some_and(|desk| desk.log.market != membership.market) {
        *place = None;
    }
    if place.is_none() {
        let joined = membership.clone();
        *place = Some(house.blocking(move |house| Desk::open(house, &joined)).await?);
    }
    let Some(desk) = place.as_mut() else { return Ok(()) };
    match desk.catch_up(house, &client).await {
        Ok(()) => {
            let size = desk.notary.head().map_or(0, |head| head.claimed().size);
            verified(house, size).await?;
            Ok(())
        }
        Err(Failure::Breach(breach)) => {
            let log = desk.log.id;
            // What was found before is kept; what came with the breach is not believed.
            let written = desk.flush(house).await;
            *place = None;
            sound(house, log, &breach).await?;
            written?;
            Err(Failure::Breach(breach))
        }
        Err(failure) => Err(failure),
    }
}

async fn verified(house: &Arc<House>, size: u64) -> Result<(), HistoryError> {
    let now = house.now();
    {
        let mut live = house.live();
        live.log.verified_at = Some(now);
        live.log.size = Some(size);
    }
    house
        .blocking(move |house| match house.history.standing_log_alarm()? {
            Some(_) => house.history.end_log_alarms(now),
            None => Ok(()),
        })
        .await?;
    house.changed(ViewName::Frame);
    Ok(())
}

/// Keeps the evidence of a breach and stops trading until the owner says to go on.
pub async fn sound(house: &Arc<House>, log: i64, breach: &Breach) -> Result<(), HistoryError> {
    let breach = breach.clone();
    house
        .blocking(move |house| {
            let evidence = breach.evidence.to_string();
            let news =
                house.history.raise_log_alarm(log, breach.kind, &breach.detail, &evidence, house.now())?;
            if news {
                tracing::error!(
                    kind = breach.kind.word(),
                    detail = breach.detail,
                    "the exchange's log is wrong"
                );
                house.stop_trading()?;
            }
            Ok(())
        })
        .await
}

fn note(failure: &Failure) {
    match failure {
        // Told where it was sounded.
        Failure::Breach(_) => {}
        // The courier tells of the exchange.
        Failure::Exchange(error) => tracing::debug!(%error, "the exchange's log could not be read"),
        Failure::History(error) => {
            tracing::error!(%error, "what is known of the exchange's log could not be kept");
        }
        Failure::Key(error) => tracing::error!(error, "the exchange's log cannot be checked"),
    }
}

impl House {
    /// Remembers what the exchange acknowledged.
    pub fn promised(&self, promises: impl Iterator<Item = LogPromise>) {
        let mut live = self.live();
        for promise in promises {
            // One that is acknowledged again, at another time, is the same one.
            let same =
                |known: &LogPromise| known.index == promise.index && known.commitment == promise.commitment;
            if !live.log.promises.iter().any(same) {
                live.log.promises.push(promise);
            }
        }
        // The oldest are the least likely to matter to whoever answers the alarm.
        let beyond = live.log.promises.len().saturating_sub(MOST_PROMISES);
        live.log.promises.drain(..beyond);
    }

    /// Returns the first key of the market's log: that of the invitation, or, for who joined before invitations
    /// had one, that of the exchange that was joined.
    pub fn invited_log_key(&self, membership: &Membership) -> Result<String, Failure> {
        let invitation = courier::read_invitation(self).ok().flatten();
        let invited = invitation.filter(|invitation| invitation.market == membership.market);
        let told = || self.market().filter(|market| market.market == membership.market);
        let key = invited.map(|it| it.log_key).or_else(|| told().map(|it| it.log_key));
        let key = key.ok_or_else(|| {
            Failure::Key(
                "The key of the market's log is not known yet; the exchange must be met first.".to_owned(),
            )
        })?;
        let origin = ::statement::log_origin(&membership.market);
        match key.parse::<LogKey>() {
            Ok(parsed) if parsed.origin() == origin => Ok(key),
            Ok(parsed) => Err(Failure::Key(format!(
                "The key of the log is one of {}, and this market's log is {origin}. Ask the operator.",
                parsed.origin()
            ))),
            Err(cause) => Err(Failure::Key(format!("The key of the market's log cannot be read: {cause}."))),
        }
    }

    /// Tells whether the log broke a promise that the owner has not answered yet.
    pub fn unanswered_alarm(&self) -> Result<bool, HistoryError> {
        Ok(self.history.standing_log_alarm()?.is_some_and(|alarm| alarm.answered_at.is_none()))
    }

    /// Goes on after an alarm, as the owner wishes: what was rewritten is followed from its start.
    pub fn answer_alarms(&self) -> Result<(), HistoryError> {
        let Some(alarm) = self.history.standing_log_alarm()?.filter(|alarm| alarm.answered_at.is_none())
        else {
            return Ok(());
        };
        let now = self.now();
        self.history.answer_log_alarms(now)?;
        if matches!(alarm.kind, LogAlarmKind::Rollback | LogAlarmKind::Fork)
            && let Some(membership) = self.membership()?
            && let Some(log) = self.history.log(&membership.market)?.filter(|log| log.id == alarm.log)
        {
            self.live().log.promises.clear();
            self.history.begin_log_anew(&log, now)?;
        }
        self.wake.notary.notify_one();
        Ok(())
    }
}
