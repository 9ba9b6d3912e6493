//! Fetches what the exchange settled and puts it into the books.

use std::sync::Arc;
use std::time::Duration;

use exchange_api::{Client, ClientError, SettlementPage};
use history::{AreaPrice, HistoryError, Membership, Settlement};
use tokio_util::sync::CancellationToken;

use super::courier;
use crate::convert;
use crate::house::{House, ViewName};
use crate::view::frame::Trouble;

/// How long the exchange may hold an answer back until there is something new.
const WAIT_S: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Exchange(#[from] ClientError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("The exchange settled something that is not understood ({0}). Update Wattle.")]
    NotUnderstood(String),
}

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => break,
            outcome = fetch(&house) => outcome,
        };
        if let Err(failure) = &outcome {
            note(&house, failure);
        }
        let goes_on_at_once = matches!(outcome, Ok(true));
        if goes_on_at_once {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = house.wake.settler.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Fetches a page and keeps it; says whether to ask again at once.
async fn fetch(house: &Arc<House>) -> Result<bool, Failure> {
    let Some(membership) = house.blocking(House::membership).await? else { return Ok(false) };
    let Some(client) = courier::client(house, &membership.exchange_url).transpose()? else {
        return Ok(false);
    };
    loop {
        let market = membership.market.clone();
        let after = house.blocking(move |house| house.history.settlement_cursor(&market)).await?.unwrap_or(0);
        let page = page(&client, after).await?;
        courier::met(house);
        if page.settlements.is_empty() {
            continue;
        }
        keep(house, &membership, page).await?;
    }
}

async fn page(client: &Client, after: i64) -> Result<SettlementPage, ClientError> {
    client.settlements(after, WAIT_S).await
}

async fn keep(house: &Arc<House>, membership: &Membership, page: SettlementPage) -> Result<(), Failure> {
    let (market, zone) = (membership.market.clone(), house.zone());
    let settled: Vec<Settlement> = page
        .settlements
        .into_iter()
        .map(|settled| convert::settlement(&market, zone, settled))
        .collect::<Result<_, _>>()
        .map_err(Failure::NotUnderstood)?;
    let prices = settled
        .iter()
        .map(|settled| AreaPrice { slot: settled.slot, area: settled.area.clone(), price: settled.price })
        .collect::<Vec<_>>();
    house
        .blocking(move |house| {
            house.history.record_settlements(&market, settled, page.next, house.now())?;
            house.history.record_area_prices(&prices, house.now())
        })
        .await?;
    for view in [ViewName::Now, ViewName::Energy, ViewName::Rules, ViewName::Market, ViewName::Earnings] {
        house.changed(view);
    }
    Ok(())
}

fn note(house: &House, failure: &Failure) {
    let message = crate::config::described(failure);
    match failure {
        Failure::Exchange(error) => {
            let code = error.code().map_or("unreachable", |code| code.word()).to_owned();
            courier::note_trouble(house, courier::state_of(error), Trouble { code, message });
        }
        Failure::History(_) | Failure::NotUnderstood(_) => {
            tracing::error!(error = message, "what was settled could not be kept");
        }
    }
}
