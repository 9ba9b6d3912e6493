//! Asks the sources that the owner chose for prices and weather, on their own schedule, and foretells anew each
//! hour. Without a source nobody is asked; without the internet what is known stays in use and says its age.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feeds::{FeedError, HttpSettings, PriceFeed, PriceFeedSettings, PriceSource, WeatherFeed};
use history::{HistoryError, SlotWeather, SpotPrice};
use tokio_util::sync::CancellationToken;
use units::{Slot, Timestamp, Zone};

use crate::config::{HomeConfig, WeatherSource};
use crate::house::{House, ViewName};
use crate::outlook::Outlook;

/// In whose days Europe's power market publishes.
const MARKET: Zone = Zone::Europe__Brussels;

/// Weather models run every hour or few.
const WEATHER_PAUSE: Duration = Duration::from_secs(3600);
const FIRST_WEATHER_PAUSE: Duration = Duration::from_secs(5 * 60);

/// A forecast holds for an hour; by then the meters have told more.
const FORETELL_PAUSE: Duration = Duration::from_secs(3600);

/// Between two looks in real time, so that a simulated street's hours do not hammer a source.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

pub const PRICES_KEPT: &str = "price_feed";
pub const WEATHER_KEPT: &str = "weather_fetched_at_ms";

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    let mut sources = Sources::open(&house).await;
    let mut foretold: Option<Timestamp> = None;
    loop {
        if sources.are_old(&house) {
            sources = Sources::open(&house).await;
        }
        let news = tokio::select! {
            () = stop.cancelled() => break,
            news = sources.look(&house) => news,
        };
        let now = house.now();
        if news || foretold.is_none_or(|at| now.since(at) >= FORETELL_PAUSE) {
            foretold = Some(now);
            if let Err(error) = house.blocking(House::foretell).await {
                tracing::error!(%error, "the next days could not be foretold");
            }
        }
        let due = sources.due_at(now).min(now + FORETELL_PAUSE);
        let pause = house.clock.real_until(due).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        tokio::select! {
            () = stop.cancelled() => break,
            () = house.wake.outlook.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The sources as they were chosen, with what they told last.
struct Sources {
    prices: Option<(PriceSource, PriceFeed)>,
    weather: Option<(WeatherSource, forecast::Place, WeatherFeed)>,
    weather_due: Timestamp,
    weather_failures: u32,
    /// The earliest real time at which a source is asked again.
    rest_until: Option<Instant>,
}

impl Sources {
    async fn open(house: &Arc<House>) -> Self {
        let config = house.config();
        let kept = house.blocking(|house| {
            let setting = |key| house.history.setting(key).unwrap_or_default();
            (setting(PRICES_KEPT), setting(WEATHER_KEPT))
        });
        let (kept_prices, kept_weather) = kept.await;
        let prices = price_feed(house, &config, kept_prices.as_deref());
        let weather = weather_feed(house, &config);
        let fetched = kept_weather.and_then(|text| text.parse().ok()).map(Timestamp::from_millis);
        {
            let mut live = house.live();
            live.feeds.prices.fetched_at =
                prices.as_ref().and_then(|(_, feed)| fetched_at(feed, house.now()));
            live.feeds.weather.fetched_at = weather.as_ref().and(fetched);
        }
        let weather_due = fetched.filter(|_| weather.is_some()).map_or(house.now(), |at| at + WEATHER_PAUSE);
        Self { prices, weather, weather_due, weather_failures: 0, rest_until: None }
    }

    /// Says whether the owner has chosen others since.
    fn are_old(&self, house: &House) -> bool {
        let config = house.config();
        let weather = self.weather.as_ref().map(|(source, place, _)| (source, *place));
        self.prices.as_ref().map(|(source, _)| source) != config.prices.as_ref()
            || weather != config.weather.as_ref().zip(config.place())
    }

    /// Asks what is due; says whether there is news.
    async fn look(&mut self, house: &Arc<House>) -> bool {
        if let Some(rest) = self.rest_until.take() {
            tokio::time::sleep_until(rest.into()).await;
        }
        let asked = self.due_at(house.now()) <= house.now();
        let prices = self.look_for_prices(house).await;
        let weather = self.look_for_weather(house).await;
        if asked {
            self.rest_until = Some(Instant::now() + SHORTEST_PAUSE);
        }
        prices || weather
    }

    async fn look_for_prices(&mut self, house: &Arc<House>) -> bool {
        let now = house.now();
        let Some((source, feed)) = &mut self.prices else { return false };
        if feed.due_at(now) > now {
            return false;
        }
        let refreshed = feed.refresh(now).await;
        let news = match refreshed {
            Ok(refresh) => {
                tracing::info!(
                    source = source.name(),
                    new = refresh.new,
                    changed = refresh.changed,
                    "prices came"
                );
                if !refresh.findings.conflicts.is_empty() {
                    tracing::warn!(
                        source = source.name(),
                        conflicts = refresh.findings.conflicts.len(),
                        "a source named two prices for a slot"
                    );
                }
                let kept = keep_prices(house, source.name(), feed).await;
                settled(house, kept, |live| {
                    live.feeds.prices.fetched_at = Some(now);
                    live.feeds.prices.trouble = None;
                });
                refresh.new + refresh.changed > 0
            }
            Err(error) => {
                trouble(house, &error, |live| &mut live.feeds.prices.trouble);
                false
            }
        };
        if news {
            if let Err(error) = house.blocking(House::renew_prices).await {
                tracing::error!(%error, "the new prices could not be read");
            }
            house.prices_changed();
        }
        house.changed(ViewName::Outlook);
        news
    }

    async fn look_for_weather(&mut self, house: &Arc<House>) -> bool {
        let now = house.now();
        let Some((_, _, feed)) = &mut self.weather else { return false };
        if self.weather_due > now {
            return false;
        }
        let outcome = feed.refresh(now).await;
        match outcome {
            Ok(()) => {
                (self.weather_failures, self.weather_due) = (0, now + WEATHER_PAUSE);
                let kept = keep_weather(house, feed, now).await;
                settled(house, kept, |live| {
                    live.feeds.weather.fetched_at = Some(now);
                    live.feeds.weather.trouble = None;
                });
                house.changed(ViewName::Outlook);
                true
            }
            Err(error) => {
                let pause = FIRST_WEATHER_PAUSE.saturating_mul(1 << self.weather_failures.min(4));
                self.weather_failures = self.weather_failures.saturating_add(1);
                self.weather_due = now + pause.min(WEATHER_PAUSE);
                trouble(house, &error, |live| &mut live.feeds.weather.trouble);
                house.changed(ViewName::Outlook);
                false
            }
        }
    }

    fn due_at(&self, now: Timestamp) -> Timestamp {
        let prices = self.prices.as_ref().map(|(_, feed)| feed.due_at(now));
        let weather = self.weather.as_ref().map(|_| self.weather_due);
        prices.into_iter().chain(weather).min().unwrap_or(now + LONGEST_PAUSE)
    }
}

fn price_feed(house: &House, config: &HomeConfig, kept: Option<&str>) -> Option<(PriceSource, PriceFeed)> {
    let source = config.prices.clone()?;
    let settings = PriceFeedSettings {
        source: source.clone(),
        token: None,
        currency: config.currency,
        market: MARKET,
        http: HttpSettings::default(),
    };
    match PriceFeed::new(settings) {
        Ok(mut feed) => {
            // What was kept of another source is not taken.
            kept.map(|kept| feed.take_cache(kept.as_bytes()));
            Some((source, feed))
        }
        Err(error) => {
            trouble(house, &error, |live| &mut live.feeds.prices.trouble);
            None
        }
    }
}

fn weather_feed(house: &House, config: &HomeConfig) -> Option<(WeatherSource, forecast::Place, WeatherFeed)> {
    let (source, place) = (config.weather.clone()?, config.place()?);
    let WeatherSource::OpenMeteo { address } = source.clone();
    match WeatherFeed::new(place, address, HttpSettings::default()) {
        Ok(feed) => Some((source, place, feed)),
        Err(error) => {
            trouble(house, &error, |live| &mut live.feeds.weather.trouble);
            None
        }
    }
}

fn fetched_at(feed: &PriceFeed, now: Timestamp) -> Option<Timestamp> {
    feed.age(now).map(|age| now - age)
}

async fn keep_prices(house: &Arc<House>, source: String, feed: &PriceFeed) -> Result<(), HistoryError> {
    let now = house.now();
    let oldest = Slot::containing(now).offset(-4 * 96);
    let known = feed.prices().range(oldest..Slot::containing(now).offset(4 * 96));
    let prices: Vec<SpotPrice> = known.map(|(slot, price)| SpotPrice { slot, price }).collect();
    let kept = String::from_utf8(feed.to_cache()).unwrap_or_default();
    house
        .blocking(move |house| {
            house.history.record_spot_prices(&prices, &source, now)?;
            house.history.set_setting(PRICES_KEPT, &kept)
        })
        .await
}

async fn keep_weather(house: &Arc<House>, feed: &WeatherFeed, now: Timestamp) -> Result<(), HistoryError> {
    let row = |(slot, known): (Slot, forecast::SlotWeather)| {
        let forecast::SlotWeather { global_w_m2, diffuse_w_m2, temperature_c } = known;
        SlotWeather { slot, global_w_m2, diffuse_w_m2, temperature_c }
    };
    let weather: Vec<SlotWeather> = feed.weather().iter().map(row).collect();
    house
        .blocking(move |house| {
            house.history.record_weather(&weather, now)?;
            house.history.set_setting(WEATHER_KEPT, &now.millis().to_string())
        })
        .await
}

fn settled(house: &House, kept: Result<(), HistoryError>, note: impl FnOnce(&mut crate::live::Live)) {
    match kept {
        Ok(()) => note(&mut house.live()),
        Err(error) => tracing::error!(%error, "what a source told could not be kept"),
    }
}

fn trouble(
    house: &House,
    error: &FeedError,
    place: impl FnOnce(&mut crate::live::Live) -> &mut Option<String>,
) {
    let text = crate::config::described(error);
    tracing::warn!(error = text, "a source of prices or weather gave nothing");
    *place(&mut house.live()) = Some(text);
}

impl House {
    /// Foretells the next days and keeps what was said.
    pub fn foretell(&self) -> Result<(), HistoryError> {
        let now = self.now();
        let Some(outlook) = Outlook::make(&self.config(), &self.history, now)? else { return Ok(()) };
        self.history.record_forecasts(&outlook.record(), now)?;
        self.set_outlook(outlook);
        self.wake.trader.notify_one();
        self.changed(ViewName::Outlook);
        Ok(())
    }
}
