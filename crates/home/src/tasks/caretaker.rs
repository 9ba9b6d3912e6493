//! Looks after the house: snapshots of the history, prices of the day, wishes of other processes, and a
//! frame that tells its age.

use std::sync::Arc;
use std::time::{Duration, Instant};

use history::{HistoryError, PriceKind, SlotPrice};
use tokio_util::sync::CancellationToken;
use units::Slot;

use crate::alerts;
use crate::house::{House, ViewName};

/// The status line tells ages in seconds.
const ROUND: Duration = Duration::from_secs(1);
/// What is worth a word has lasted for minutes, so it is not looked for more often.
const ALERTS_EVERY: Duration = Duration::from_secs(30);
/// A snapshot costs a copy of the file; four a day lose at most six hours of samples, and no money, since
/// the exchange tells that again.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(6 * 3600);

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut snapshot_due = Instant::now() + SNAPSHOT_EVERY;
    let mut priced = None;
    let mut alerts_due = Instant::now() + ALERTS_EVERY;
    loop {
        obey(&house).await;
        let slot = Slot::containing(house.now());
        if priced != Some(slot) {
            priced = Some(slot);
            report(
                house.blocking(move |house| keep_prices(house, slot)).await,
                "the contract's prices could not be kept",
            );
        }
        if Instant::now() >= alerts_due {
            alerts_due = Instant::now() + ALERTS_EVERY;
            alerts::look(&house).await;
        }
        if Instant::now() >= snapshot_due {
            snapshot_due = Instant::now() + SNAPSHOT_EVERY;
            report(
                house.blocking(|house| house.history.snapshot(house.now()).map(drop)).await,
                "no snapshot of the history could be made",
            );
        }
        house.changed(ViewName::Frame);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
    // The next start has a good copy even if this one's file is damaged meanwhile.
    report(
        house.blocking(|house| house.history.snapshot(house.now()).map(drop)).await,
        "no snapshot of the history could be made at the end",
    );
}

/// Does what another process of this computer wished, such as to stop.
pub async fn obey(house: &Arc<House>) {
    let obey = |house: &House| house.obey_request().and_then(|()| house.obey_wishes());
    report(house.blocking(obey).await, "what another process asked for could not be done");
}

/// Keeps the contract's prices of the running and the next slots, so that the past is shown with the prices
/// that were in force.
fn keep_prices(house: &House, slot: Slot) -> Result<(), HistoryError> {
    house.renew_prices()?;
    let price = |slot| {
        let prices = house.prices(slot);
        SlotPrice {
            slot,
            kind: PriceKind::Contract,
            retail: prices.map(|prices| prices.retail),
            feed_in: prices.map(|prices| prices.feed_in),
        }
    };
    let prices: Vec<SlotPrice> = Slot::range(slot..slot.offset(2)).map(price).collect();
    house.history.record_prices(&prices, house.now())
}

fn report(outcome: Result<(), HistoryError>, what: &str) {
    if let Err(error) = outcome {
        tracing::error!(%error, what);
    }
}
