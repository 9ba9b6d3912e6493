//! Watches the market: what neighbours propose, and what slots may clear at before they are cleared.

use std::sync::Arc;
use std::time::Duration;

use exchange_api::ClientError;
use history::{HistoryError, Membership};
use tokio_util::sync::CancellationToken;
use units::Slot;

use super::courier;
use crate::convert;
use crate::house::{House, ViewName};

/// The exchange makes its guesses once a minute of market time.
const EVERY: Duration = Duration::from_secs(60);
/// A neighbour's proposal should not lie unseen for longer than this, nor the exchange be asked more often.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(30));

/// The slots around now whose life is shown.
const BEFORE: i64 = 8;
const AHEAD: i64 = 6;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Exchange(#[from] ClientError),
    #[error(transparent)]
    History(#[from] HistoryError),
}

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    let pause = EVERY.div_f64(house.clock.speed().max(1.0)).clamp(BOUNDS.0, BOUNDS.1);
    loop {
        let looked = tokio::select! {
            () = stop.cancelled() => break,
            looked = look(&house) => looked,
        };
        if let Err(failure) = looked {
            tell(&failure);
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Asks for the deals, once, in a process whose tasks do not run.
pub async fn look_at_deals(house: &Arc<House>) {
    let looked = async {
        if let Some((client, membership)) = line(house).await? {
            fetch_deals(house, &client, &membership).await?;
        }
        Ok(())
    };
    if let Err(failure) = looked.await {
        tell(&failure);
    }
}

async fn look(house: &Arc<House>) -> Result<(), Failure> {
    let Some((client, membership)) = line(house).await? else { return Ok(()) };
    fetch_deals(house, &client, &membership).await?;
    let running = Slot::containing(house.now());
    let slots = client.slots(running.offset(-BEFORE), running.offset(AHEAD)).await?.slots;
    let news = {
        let mut live = house.live();
        let news = live.exchange.slots != slots;
        live.exchange.slots = slots;
        news
    };
    if news {
        house.changed(ViewName::Market);
        house.changed(ViewName::Now);
    }
    Ok(())
}

/// Returns the line to the market of which this home is a member, if it can sign.
async fn line(house: &Arc<House>) -> Result<Option<(exchange_api::Client, Membership)>, Failure> {
    let Some(membership) = house.blocking(House::membership).await? else { return Ok(None) };
    let client = courier::client(house, &membership.exchange_url).transpose()?;
    Ok(client.map(|client| (client, membership)))
}

async fn fetch_deals(
    house: &Arc<House>,
    client: &exchange_api::Client,
    membership: &Membership,
) -> Result<(), Failure> {
    let deals = client.deals().await?.deals;
    let news = deals.iter().map(convert::deal_news).collect();
    let market = membership.market.clone();
    if house.blocking(move |house| house.history.record_deals(&market, news, house.now())).await? {
        house.changed(ViewName::Market);
    }
    Ok(())
}

/// The courier tells the owner of trouble with the exchange; said twice it would not be clearer.
fn tell(failure: &Failure) {
    match failure {
        Failure::Exchange(error) => {
            tracing::debug!(error = crate::config::described(error), "the market is not seen")
        }
        Failure::History(error) => {
            tracing::error!(
                error = crate::config::described(error),
                "what the market told could not be kept"
            );
        }
    }
}
