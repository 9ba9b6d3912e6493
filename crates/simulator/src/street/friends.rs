//! Two neighbours who fix a price between them, so that a street has a direct deal.

use std::time::Duration;

use home::{DealTerms, Home};
use market::Side;
use tokio_util::sync::CancellationToken;
use units::{MemberId, Price, WattHours};

use super::Neighbour;
use super::market::CONTRACT;

/// A part of what a roof leaves over at noon, so that the auction keeps most of it.
const CAP: WattHours = WattHours::new(150);
const PATIENCE: Duration = Duration::from_secs(8);
const AGAIN: Duration = Duration::from_millis(500);

/// Those who deal: a house with a roof and one without, on one feeder, so that no line costs anything.
pub(super) struct Friends {
    seller: Home,
    buyer: Home,
    buys: MemberId,
}

impl Friends {
    /// Finds the last two who fit, of the households that this program runs: the first houses are left to others.
    pub fn of(neighbours: &[Neighbour]) -> Option<Self> {
        let home = |neighbour: &Neighbour| neighbour.household.as_ref()?.home();
        neighbours.iter().rev().filter(|it| it.house.plan.roof.is_some()).find_map(|seller| {
            let fits = |it: &&Neighbour| {
                it.house.plan.roof.is_none() && it.house.plan.feeder == seller.house.plan.feeder
            };
            neighbours.iter().rev().filter(fits).find_map(|buyer| {
                Some(Self { seller: home(seller)?, buyer: home(buyer)?, buys: buyer.member.clone() })
            })
        })
    }

    /// Proposes and agrees as soon as both have joined; gives up when the street ends.
    pub async fn agree(self, end: CancellationToken) {
        tokio::select! {
            () = end.cancelled() => {}
            () = self.agreed() => tracing::info!(buyer = %self.buys, "two neighbours agreed on a deal"),
        }
    }

    async fn agreed(&self) {
        let middle = (CONTRACT.retail.micros_per_kwh() + CONTRACT.feed_in.micros_per_kwh()) / 2;
        let terms = DealTerms {
            with: self.buys.clone(),
            side: Side::Sell,
            price: Price::from_micros_per_kwh(middle),
            cap: CAP,
            cap_per_day: None,
            days: Vec::new(),
            hours: None,
            from: None,
            until: None,
        };
        while [&self.seller, &self.buyer].into_iter().any(|home| !is_member(home)) {
            tokio::time::sleep(AGAIN).await;
        }
        // One that the exchange refused all the same is proposed anew.
        let id = loop {
            match self.seller.propose_deal(terms.clone(), PATIENCE).await {
                Ok(deal) if deal.problem.is_none() => break deal.id,
                _ => tokio::time::sleep(AGAIN).await,
            }
        };
        while self.buyer.accept_deal(&id, PATIENCE).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn is_member(home: &Home) -> bool {
    home.market().is_ok_and(|market| market.member.is_some())
}
