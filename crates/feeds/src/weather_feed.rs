//! The weather of the home over time: what is known stays known, and says how old it is.

use std::time::Duration;

use forecast::{Place, WeatherCurve};
use units::{Slot, Timestamp};

use crate::error::{FeedError, Malformed};
use crate::http::{Http, HttpSettings};
use crate::open_meteo;

const NAME: &str = "Open-Meteo";
/// Weather of the past is what the roof's forecast learns from.
const KEEP_DAYS: i64 = 60;

/// The weather from Open-Meteo.
pub struct WeatherFeed {
    place: Place,
    address: Option<String>,
    http: Http,
    known: WeatherCurve,
    fetched_at: Option<Timestamp>,
}

/// Reads an answer of Open-Meteo without asking for it: for one that was kept, and for tests.
pub fn parse_weather(bytes: &[u8]) -> Result<WeatherCurve, Malformed> {
    open_meteo::parse(bytes)
}

impl WeatherFeed {
    /// Makes a feed for a place; `address` is for a service that speaks the same.
    pub fn new(place: Place, address: Option<String>, http: HttpSettings) -> Result<Self, FeedError> {
        let http = Http::new(http)?;
        Ok(Self { place, address, http, known: WeatherCurve::new(), fetched_at: None })
    }

    /// Asks for the weather of two days past to three ahead. An error leaves what is known as it is.
    pub async fn refresh(&mut self, now: Timestamp) -> Result<(), FeedError> {
        let request = open_meteo::request(self.address.as_deref(), self.place)?;
        let answer = self.http.ask(NAME, request).await?;
        let malformed = |cause| FeedError::Malformed { source_name: NAME.to_owned(), cause };
        let fresh = open_meteo::parse(&answer).map_err(malformed)?;
        let oldest = Slot::containing(now).offset(-KEEP_DAYS * 96);
        let mut known = WeatherCurve::new();
        known.extend(self.known.iter().chain(fresh.iter()).filter(|(slot, _)| *slot >= oldest));
        (self.known, self.fetched_at) = (known, Some(now));
        Ok(())
    }

    /// Returns the weather that is known.
    pub fn weather(&self) -> &WeatherCurve {
        &self.known
    }

    /// Returns how long ago the source last answered; `None`: never.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.fetched_at.map(|fetched| now.since(fetched))
    }
}
