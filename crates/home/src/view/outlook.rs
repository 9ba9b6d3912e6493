//! The next 48 hours under the rules: prices by how sure they are, the market's expected price with its band, the
//! expected surplus, and which quarter hours the rules would serve; and how old all of that is.

use std::collections::HashMap;
use std::time::Duration;

use history::HistoryError;
use pricing::{NoPrice, SlotPrices};
use rules::{MeterState, Side, Trading, Verdict};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{Price, Slot, WallTime};

use super::{Instant, Whole};
use crate::config::WeatherSource;
use crate::error::history_refusal;
use crate::house::{Home, House};
use crate::live::FeedLive;
use crate::outlook::{AHEAD, Outlook, Skill};
use crate::tasks::Situations;
use crate::view::frame::Refusal;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct OutlookView {
    pub slots: Vec<OutlookSlot>,
    /// When the next days were foretold; missing while there is nothing to go by.
    pub foretold_at: Option<Instant>,
    pub roof: Option<ForecastView>,
    pub house: Option<ForecastView>,
    /// In thousandths of a percent; missing where it is not known.
    pub battery_thousandths_percent: Option<Whole>,
    /// Where the power market's prices come from; missing where the owner chose no source.
    pub price_source: Option<SourceView>,
    /// Some contract follows the power market.
    pub needs_price_source: bool,
    pub weather_source: Option<SourceView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct OutlookSlot {
    pub slot: Instant,
    pub price_kind: PriceKindView,
    pub retail_micros_per_kwh: Option<Whole>,
    pub feed_in_micros_per_kwh: Option<Whole>,
    /// What neighbours paid at this time of the day: in one of ten days less, in half, in nine of ten.
    pub market: Option<BandView>,
    /// In watt-hours, before the battery.
    pub surplus_wh: Option<BandView>,
    /// The limits of the rules that speak, where they speak.
    pub sell_limit_micros_per_kwh: Option<Whole>,
    pub buy_limit_micros_per_kwh: Option<Whole>,
    /// At the price that is expected the rules would sell here.
    pub would_sell: bool,
    pub would_buy: bool,
}

/// How sure the contract's prices of a slot are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum PriceKindView {
    /// Agreed, or published by the power market.
    Published,
    /// As it was on the last days; nothing is decided by it.
    Forecast,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct BandView {
    pub low: Whole,
    pub middle: Whole,
    pub high: Whole,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct ForecastView {
    /// A weather forecast told how bright or cold it will be.
    pub with_weather: bool,
    pub history_days: Whole,
    /// How good the last weeks' words were; missing until there are enough.
    pub skill: Option<SkillView>,
}

/// Against "as yesterday", in thousandths: 0 is no better, 1000 perfect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SkillView {
    pub skill_thousandths: Whole,
    /// Of a thousand quarter hours so many came out within the range; 800 should.
    pub within_thousandths: Whole,
    pub days: Whole,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SourceView {
    pub name: String,
    /// When it answered last; missing where it never did.
    pub fetched_at: Option<Instant>,
    /// The end of what is known from it.
    pub known_until: Option<Instant>,
    /// What went wrong since.
    pub trouble: Option<String>,
}

/// The area's prices of so many days make the band.
const BAND_DAYS: i64 = 28;
/// A band needs so many of them at a time of the day.
const BAND_FROM: usize = 5;

impl Home {
    /// Returns the next 48 hours as the rules see them.
    pub fn outlook(&self) -> Result<OutlookView, Refusal> {
        outlook(self.house()?).map_err(|error| history_refusal(&error))
    }
}

fn outlook(house: &House) -> Result<OutlookView, HistoryError> {
    let config = house.config();
    let running = Slot::containing(house.now());
    let foretold = house.outlook();
    let (prices, weather) = {
        let live = house.live();
        (live.feeds.prices.clone(), live.feeds.weather.clone())
    };
    let book = house.price_book();
    let weather_until = match config.weather {
        None => None,
        Some(_) => {
            house.history.weather(running..running.offset(8 * 96))?.last().map(|last| last.slot.next())
        }
    };
    let foretold = foretold.as_deref();
    let roof = foretold.and_then(|outlook| forecast_view(&outlook.roof, outlook.roof_skill.as_ref()));
    let used = foretold.and_then(|outlook| forecast_view(&outlook.house, outlook.house_skill.as_ref()));
    Ok(OutlookView {
        slots: slots(house, running, foretold)?,
        foretold_at: foretold.map(|outlook| outlook.made_at.into()),
        roof,
        house: used,
        battery_thousandths_percent: foretold
            .and_then(|outlook| outlook.battery)
            .map(|level| Whole::new(level.thousandths())),
        price_source: config
            .prices
            .as_ref()
            .map(|source| source_view(source.name(), prices, book.spot_until())),
        needs_price_source: book.contracts().is_some_and(|contracts| contracts.needs_spot()),
        weather_source: config.weather.as_ref().map(|WeatherSource::OpenMeteo { .. }| {
            source_view("Open-Meteo".to_owned(), weather, weather_until)
        }),
    })
}

fn forecast_view(foretold: &Option<Vec<forecast::Foretold>>, skill: Option<&Skill>) -> Option<ForecastView> {
    let basis = Outlook::basis(foretold)?;
    Some(ForecastView {
        with_weather: basis.irradiance || basis.temperature,
        history_days: Whole::new(basis.history_days.into()),
        skill: skill.map(SkillView::from),
    })
}

fn source_view(name: String, live: FeedLive, until: Option<Slot>) -> SourceView {
    SourceView {
        name,
        fetched_at: live.fetched_at.map(Instant::from),
        known_until: until.map(|slot| slot.start().into()),
        trouble: live.trouble,
    }
}

fn slots(house: &House, running: Slot, foretold: Option<&Outlook>) -> Result<Vec<OutlookSlot>, HistoryError> {
    let ahead = running..running.offset(AHEAD);
    let book = house.price_book();
    let guesses: HashMap<Slot, SlotPrices> =
        book.guesses(ahead.clone()).into_iter().map(|quote| (quote.slot, quote.prices())).collect();
    let bands = market_bands(house, running)?;
    let orders = house.history.orders(ahead.clone())?;
    let rules = house.rules();
    let fee = house.market_rules().map_or(Price::default(), |rules| rules.operator_fee_micros_per_kwh);
    let half = fee.half_up();
    let mut situations = Situations::read(house, &orders)?;
    Slot::range(ahead)
        .map(|slot| {
            let published = book.prices(slot);
            let (kind, prices) = match published {
                Ok(prices) => (PriceKindView::Published, Some(prices)),
                Err(NoPrice::SpotUnknown) if guesses.contains_key(&slot) => {
                    (PriceKindView::Forecast, guesses.get(&slot).copied())
                }
                Err(_) => (PriceKindView::Unknown, None),
            };
            let market = bands.get(&WallTime::at(slot, house.zone()).minute).copied();
            let mut limit = |side| -> Result<Option<Price>, HistoryError> {
                let mut situation = situations.of(slot, side)?;
                // Where a price is a guess the rule is shown as it would speak with it; and a meter that is
                // silent now, or a pause, says nothing of tomorrow.
                situation.prices = prices;
                situation.meter = MeterState::Fresh { age: Duration::ZERO };
                situation.trading = Trading::Running;
                situation.starting_up = false;
                let decision = rules::decide(&rules, &situation, side);
                Ok(decision.limit.filter(|_| decision.verdict != Verdict::None))
            };
            let (sell, buy) = (limit(Side::Sell)?, limit(Side::Buy)?);
            let surplus = foretold.and_then(|outlook| outlook.surplus(slot));
            let expected = market.map(|band: BandView| Price::from_micros_per_kwh(band.middle.get()));
            let some_left = surplus.is_none_or(|[_, middle, _]| middle.milliwatt_hours() > 0);
            Ok(OutlookSlot {
                slot: slot.start().into(),
                price_kind: kind,
                retail_micros_per_kwh: prices.map(|prices| prices.retail.into()),
                feed_in_micros_per_kwh: prices.map(|prices| prices.feed_in.into()),
                market,
                surplus_wh: surplus.map(|[low, middle, high]| BandView {
                    low: low.floor_watt_hours().into(),
                    middle: middle.floor_watt_hours().into(),
                    high: high.floor_watt_hours().into(),
                }),
                sell_limit_micros_per_kwh: sell.map(Whole::from),
                buy_limit_micros_per_kwh: buy.map(Whole::from),
                would_sell: some_left
                    && sell.zip(expected).is_some_and(|(limit, price)| price >= limit + half),
                would_buy: surplus.is_none_or(|[_, middle, _]| middle.milliwatt_hours() == 0)
                    && buy.zip(expected).is_some_and(|(limit, price)| price <= limit - half),
            })
        })
        .collect()
}

/// Returns what the area's price was by the minute of the day, over the last weeks.
fn market_bands(house: &House, running: Slot) -> Result<HashMap<u32, BandView>, HistoryError> {
    let Some(membership) = house.membership()? else { return Ok(HashMap::new()) };
    let mut by_minute: HashMap<u32, Vec<i64>> = HashMap::new();
    for cleared in house.history.area_prices(running.offset(-BAND_DAYS * 96)..running)? {
        if let Some(price) = cleared.price.filter(|_| cleared.area == membership.area) {
            let minute = WallTime::at(cleared.slot, house.zone()).minute;
            by_minute.entry(minute).or_default().push(price.micros_per_kwh());
        }
    }
    let band = |mut prices: Vec<i64>| {
        prices.sort_unstable();
        let at = |tenths: usize| Whole::new(prices[(prices.len() - 1) * tenths / 10]);
        BandView { low: at(1), middle: at(5), high: at(9) }
    };
    let known = by_minute.into_iter().filter(|(_, prices)| prices.len() >= BAND_FROM);
    Ok(known.map(|(minute, prices)| (minute, band(prices))).collect())
}

impl From<&Skill> for SkillView {
    fn from(skill: &Skill) -> Self {
        let thousandths = |share: f64| Whole::new((share.clamp(-10.0, 1.0) * 1000.0).round() as i64);
        Self {
            skill_thousandths: thousandths(skill.skill),
            within_thousandths: thousandths(skill.within),
            days: Whole::new((skill.slots / 96) as i64),
        }
    }
}
