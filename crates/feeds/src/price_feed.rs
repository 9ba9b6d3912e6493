//! A source of prices over time: what is known stays known until better is, and says how old it is.

use std::time::Duration;

use pricing::{Published, SpotCurve};
use units::{Currency, LocalDay, Slot, Timestamp, Zone};

use crate::cache::CachedPrices;
use crate::error::{FeedError, Malformed};
use crate::http::{Http, HttpSettings, Token};
use crate::points::{Findings, settle};
use crate::shift::{against_known, against_midnight};
use crate::source::PriceSource;

/// How long prices of the past are kept, for contracts that bill by the hour and for the next comparison.
const KEEP_DAYS: i64 = 4;
/// The first pause after a failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// Between two looks while tomorrow's prices are awaited, and while they are known.
const AWAITING_PAUSE: Duration = Duration::from_secs(15 * 60);
const KNOWN_PAUSE: Duration = Duration::from_secs(3 * 60 * 60);

#[derive(Clone)]
pub struct PriceFeedSettings {
    pub source: PriceSource,
    pub token: Option<Token>,
    pub currency: Currency,
    /// The zone in whose days the market publishes: Europe/Brussels for nearly all of Europe.
    pub market: Zone,
    pub http: HttpSettings,
}

/// Prices from one source.
pub struct PriceFeed {
    settings: PriceFeedSettings,
    http: Http,
    known: SpotCurve<Published>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    failures: u32,
}

/// What a successful look brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Slots whose price was not known before.
    pub new: usize,
    /// Slots whose published price is another one now.
    pub changed: usize,
    pub findings: Findings,
}

impl PriceFeed {
    pub fn new(settings: PriceFeedSettings) -> Result<Self, FeedError> {
        let http = Http::new(settings.http.clone())?;
        let known = SpotCurve::new(settings.currency);
        Ok(Self { settings, http, known, fetched_at: None, tried_at: None, failures: 0 })
    }

    /// Asks the source for today and tomorrow. An error leaves what is known as it is.
    pub async fn refresh(&mut self, now: Timestamp) -> Result<Refresh, FeedError> {
        self.tried_at = Some(now);
        let outcome = self.fetch(now).await;
        match &outcome {
            Ok(_) => {
                self.failures = 0;
                self.fetched_at = Some(now);
            }
            Err(_) => self.failures = self.failures.saturating_add(1),
        }
        outcome
    }

    /// Returns the prices that are known, of which some may lie in the past.
    pub fn prices(&self) -> &SpotCurve<Published> {
        &self.known
    }

    /// Returns how long ago the source last answered; `None`: never.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.fetched_at.map(|fetched| now.since(fetched))
    }

    /// Returns when the source should be asked again.
    pub fn due_at(&self, now: Timestamp) -> Timestamp {
        let Some(tried) = self.tried_at else { return now };
        if self.failures > 0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(8));
            return tried + pause.min(LONGEST_PAUSE);
        }
        let tomorrow = LocalDay::containing(now, self.settings.market).next();
        let known = self.known.end().is_some_and(|end| end.start() >= tomorrow.end());
        tried + if known { KNOWN_PAUSE } else { AWAITING_PAUSE }
    }

    /// Returns what is worth keeping over a restart, as JSON.
    pub fn to_cache(&self) -> Vec<u8> {
        CachedPrices::of(&self.settings.source, &self.known, self.fetched_at).to_bytes()
    }

    /// Takes what was kept before a restart; says whether it is of this source and in this currency.
    pub fn take_cache(&mut self, bytes: &[u8]) -> bool {
        let Some((known, fetched_at)) =
            CachedPrices::read(bytes, &self.settings.source, self.settings.currency)
        else {
            return false;
        };
        (self.known, self.fetched_at) = (known, fetched_at);
        true
    }

    async fn fetch(&mut self, now: Timestamp) -> Result<Refresh, FeedError> {
        let PriceFeedSettings { source, token, currency, market, .. } = &self.settings;
        let today = LocalDay::containing(now, *market);
        let window = today.start()..today.next().end();
        let answer = source.fetch(&self.http, token.as_ref(), &window, *market).await?;
        let settled = source.points(&answer, *currency).and_then(|points| settle(&points, *currency));
        let (curve, findings) = settled.map_err(|cause| self.meaning(cause))?;
        let by_midnight = || source.publishes_days().then(|| against_midnight(&curve, *market)).flatten();
        if let Some(shift) = against_known(&self.known, &curve).or_else(by_midnight) {
            return Err(FeedError::Shifted { source_name: source.name(), shift });
        }
        Ok(self.take(curve, findings, now))
    }

    fn take(&mut self, curve: SpotCurve<Published>, findings: Findings, now: Timestamp) -> Refresh {
        let (mut new, mut changed) = (0, 0);
        let ever = Slot::from_index(i64::MIN)..Slot::from_index(i64::MAX);
        for (slot, price) in curve.range(ever.clone()) {
            match self.known.get(slot) {
                None => new += 1,
                Some(known) if known != price => changed += 1,
                Some(_) => {}
            }
        }
        let mut known = SpotCurve::new(self.settings.currency);
        let oldest = Slot::containing(now).offset(-KEEP_DAYS * 96);
        known.extend(self.known.range(oldest..ever.end));
        known.extend(curve.range(oldest..ever.end));
        self.known = known;
        Refresh { new, changed, findings }
    }

    fn meaning(&self, cause: Malformed) -> FeedError {
        let source_name = self.settings.source.name();
        match cause {
            Malformed::Nothing => FeedError::NothingYet { source_name },
            Malformed::Currency(found) => {
                FeedError::OtherCurrency { source_name, found, expected: self.settings.currency }
            }
            cause => FeedError::Malformed { source_name, cause },
        }
    }
}
