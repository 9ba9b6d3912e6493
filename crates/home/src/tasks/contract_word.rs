//! What the exchange is told of the contract with the utility: the prices of the slots ahead, as far as they are
//! known, so that each slot is settled at its own.

use std::sync::Arc;

use exchange_api::{Client, ContractPrices, MAX_PRICE_STEPS, PriceStep, Signed, new_salt};
use history::{HistoryError, Membership};
use pricing::SlotPrices;
use serde::{Deserialize, Serialize};
use units::{MarketId, Price, Slot};

use super::courier::Failure;
use crate::house::House;
use crate::price_book::PriceBook;

/// Prices are told so far ahead, so that a computer that is off for a week costs no accuracy.
const AHEAD_DAYS: i64 = 8;
/// They are told anew when they differ within so many days: not each day, and long before they run out.
const LOOKED_AT_DAYS: i64 = 2;
/// Behind what is known the mean of so many slots holds.
const MEAN_OF: usize = 96;

const TOLD_SETTING: &str = "contract_told";

/// What was told last.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    market: Option<MarketId>,
    steps: Vec<PriceStep>,
}

/// Tells the exchange what a kWh costs and brings in the slots ahead, if it was told otherwise.
pub async fn tell(house: &Arc<House>, client: &Client, membership: &Membership) -> Result<(), Failure> {
    let market = membership.market.clone();
    let steps = house.blocking(move |house| untold(house, &market)).await?;
    let Some(steps) = steps else { return Ok(()) };
    let body = ContractPrices {
        market: membership.market.clone(),
        member: membership.member.clone(),
        from: steps[0].from,
        steps,
    };
    let signed = new_salt().map(|salt| Signed::sign(body, client.key(), salt));
    let Ok(Ok(signed)) = signed else {
        tracing::error!("the contract's prices could not be signed");
        return Ok(());
    };
    client.tell_contract(&signed).await?;
    tracing::info!(from = %signed.body.from, steps = signed.body.steps.len(), "the exchange knows the contract's prices");
    let told = Told { market: Some(signed.body.market), steps: signed.body.steps };
    house.blocking(move |house| remember(house, &told)).await?;
    Ok(())
}

/// Returns the prices to tell; `None` where the exchange knows them, or nobody does.
fn untold(house: &House, market: &MarketId) -> Result<Option<Vec<PriceStep>>, HistoryError> {
    // The exchange takes prices of slots that have not begun.
    let from = Slot::containing(house.now()).next();
    let book = house.price_book();
    let known = Known::of(&book, from);
    let told = house.history.setting(TOLD_SETTING)?;
    let told: Told = told.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let same = told.market.as_ref() == Some(market) && known.are_in(&told.steps);
    Ok(if same || known.prices.is_empty() { None } else { Some(known.steps()) })
}

fn remember(house: &House, told: &Told) -> Result<(), HistoryError> {
    let text = serde_json::to_string(told).expect("prices are plain data");
    house.history.set_setting(TOLD_SETTING, &text)
}

/// The prices of the slots ahead without a gap, as far as they are known.
struct Known {
    from: Slot,
    prices: Vec<SlotPrices>,
}

impl Known {
    fn of(book: &PriceBook, from: Slot) -> Self {
        let ahead = Slot::range(from..from.offset(AHEAD_DAYS * 96));
        let known = |slot: Slot| if book.covers(slot) { book.prices(slot).ok() } else { None };
        Self { from, prices: ahead.map_while(known).collect() }
    }

    /// Says whether steps that were told have these prices in the days that are looked at.
    fn are_in(&self, steps: &[PriceStep]) -> bool {
        let looked_at = self.prices.iter().take((LOOKED_AT_DAYS * 96) as usize);
        (0..).map(|offset| self.from.offset(offset)).zip(looked_at).all(|(slot, prices)| {
            let step = steps.iter().rfind(|step| step.from <= slot);
            step.is_some_and(|step| {
                (step.retail_micros_per_kwh, step.feed_in_micros_per_kwh) == (prices.retail, prices.feed_in)
            })
        })
    }

    /// Returns the prices as steps, and behind them the mean of the last day.
    fn steps(&self) -> Vec<PriceStep> {
        let mut steps: Vec<PriceStep> = Vec::new();
        let mut counted = 0;
        for prices in &self.prices {
            if !continues(steps.last(), prices) {
                // The last place is the mean's.
                if steps.len() + 1 == MAX_PRICE_STEPS {
                    break;
                }
                steps.push(step(self.from.offset(counted), *prices));
            }
            counted += 1;
        }
        let told = &self.prices[..counted as usize];
        let mean = mean(&told[told.len().saturating_sub(MEAN_OF)..]);
        if !continues(steps.last(), &mean) {
            steps.push(step(self.from.offset(counted), mean));
        }
        steps
    }
}

fn step(from: Slot, prices: SlotPrices) -> PriceStep {
    PriceStep { from, retail_micros_per_kwh: prices.retail, feed_in_micros_per_kwh: prices.feed_in }
}

fn continues(last: Option<&PriceStep>, prices: &SlotPrices) -> bool {
    last.is_some_and(|last| {
        (last.retail_micros_per_kwh, last.feed_in_micros_per_kwh) == (prices.retail, prices.feed_in)
    })
}

fn mean(prices: &[SlotPrices]) -> SlotPrices {
    let of = |price: fn(&SlotPrices) -> Price| {
        let sum: i64 = prices.iter().map(|prices| price(prices).micros_per_kwh()).sum();
        Price::from_micros_per_kwh(sum.div_euclid(prices.len().max(1) as i64))
    };
    SlotPrices { retail: of(|prices| prices.retail), feed_in: of(|prices| prices.feed_in) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(retail: i64) -> SlotPrices {
        let price = Price::from_micros_per_kwh;
        SlotPrices { retail: price(retail), feed_in: price(80_000) }
    }

    fn known(prices: impl Iterator<Item = i64>) -> Known {
        let from = "2026-06-01T12:00:00Z".parse().unwrap();
        Known { from, prices: prices.map(self::prices).collect() }
    }

    fn retails(steps: &[PriceStep]) -> Vec<(i64, i64)> {
        let from: Slot = "2026-06-01T12:00:00Z".parse().unwrap();
        let of = |step: &PriceStep| {
            (step.from.index() - from.index(), step.retail_micros_per_kwh.micros_per_kwh())
        };
        steps.iter().map(of).collect()
    }

    #[test]
    fn a_fixed_contract_is_one_step_that_stays_told() {
        let fixed = known((0..768).map(|_| 300_000));
        assert_eq!(retails(&fixed.steps()), [(0, 300_000)]);
        let later = Known { from: fixed.from.offset(5_000), ..known((0..768).map(|_| 300_000)) };
        assert!(later.are_in(&fixed.steps()));
    }

    #[test]
    fn behind_the_known_prices_their_mean_of_a_day_holds() {
        let dynamic = known((0..140).map(|slot| 100_000 + slot * 1_000));
        let steps = retails(&dynamic.steps());
        assert_eq!((steps.len(), steps[139], steps[140]), (141, (139, 239_000), (140, 191_500)));
        // A day later, before more is published, what is known is what was told.
        let later = Known { from: dynamic.from.offset(96), prices: dynamic.prices[96..].to_vec() };
        assert!(later.are_in(&dynamic.steps()));
        let more = known((0..236).map(|slot| 100_000 + slot * 1_000));
        assert!(!more.are_in(&dynamic.steps()));
    }

    #[test]
    fn no_word_has_more_steps_than_the_exchange_takes() {
        let restless = known((0..768).map(|slot| slot * 10));
        let steps = restless.steps();
        assert_eq!(steps.len(), MAX_PRICE_STEPS);
        // 199 slots of their own, then the mean of the last 96 of these.
        assert_eq!(retails(&steps)[199], (199, (103 + 198) * 10 / 2));
    }
}
