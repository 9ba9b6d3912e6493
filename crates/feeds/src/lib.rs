//! Day-ahead prices and weather from outside. One file a source; each names where its format is described.
//!
//! A [`PriceFeed`] keeps what it knew when a source fails, says how old it is, and takes nothing that lies an
//! hour off. A price that no source named is missing and never 0. Parsers take bytes of a stranger: they
//! refuse, and do not panic.

mod awattar;
mod cache;
mod decimal;
mod energy_charts;
mod entsoe;
mod error;
mod http;
mod open_meteo;
mod own;
mod points;
mod price_feed;
mod shift;
mod source;
mod tibber;
mod weather_feed;

pub use error::{FeedError, Malformed};
pub use http::{HttpSettings, Token};
pub use points::{Conflict, Findings};
pub use price_feed::{PriceFeed, PriceFeedSettings, Refresh};
pub use shift::{Clue, Shift, lag};
pub use source::{PriceSource, parse};
pub use weather_feed::{WeatherFeed, parse_weather};
