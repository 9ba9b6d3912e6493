//! The sources of prices: how each is named in a configuration, asked and read.

use std::ops::Range;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use units::{Currency, Timestamp, Zone};

use crate::error::{FeedError, Malformed};
use crate::http::{Encryption, Http, Request, Token, address};
use crate::points::Point;
use crate::{awattar, energy_charts, entsoe, own, tibber};

/// Where prices come from. Unknown keys are refused by name. `address` is for a service that speaks the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PriceSource {
    /// `area` is the EIC code of the bidding zone, such as `10Y1001A1001A82H`.
    EntsoE {
        area: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// `bidding_zone` is such as `DE-LU` or `NL`.
    EnergyCharts {
        bidding_zone: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// `country` is `at` or `de`.
    Awattar {
        country: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    Tibber {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    /// A file on this computer.
    File { path: PathBuf },
    /// An address of one's own.
    Url { address: String },
}

/// Reads an answer of a source without asking it: for a file that was kept, and for tests.
pub fn parse(
    source: &PriceSource,
    bytes: &[u8],
    currency: Currency,
) -> Result<(pricing::SpotCurve<pricing::Published>, crate::points::Findings), Malformed> {
    crate::points::settle(&source.points(bytes, currency)?, currency)
}

impl PriceSource {
    /// Returns what it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::EntsoE { area, .. } => format!("ENTSO-E ({area})"),
            Self::EnergyCharts { bidding_zone, .. } => format!("Energy-Charts ({bidding_zone})"),
            Self::Awattar { country, .. } => format!("aWATTar ({country})"),
            Self::Tibber { .. } => "Tibber".to_owned(),
            Self::File { path } => path.display().to_string(),
            Self::Url { address } => {
                let host =
                    crate::http::address(address).ok().and_then(|url| url.host_str().map(str::to_owned));
                host.unwrap_or_else(|| "your own address".to_owned())
            }
        }
    }

    /// Says whether it must be asked with a token.
    pub fn needs_token(&self) -> bool {
        matches!(self, Self::EntsoE { .. } | Self::Tibber { .. })
    }

    /// Says whether its days end at the market's midnight. What an owner writes may end anywhere.
    pub(crate) fn publishes_days(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::Url { .. })
    }

    /// Asks it for a window of time.
    pub(crate) async fn fetch(
        &self,
        http: &Http,
        token: Option<&Token>,
        window: &Range<Timestamp>,
        market: Zone,
    ) -> Result<Vec<u8>, FeedError> {
        let wanted = || token.ok_or_else(|| FeedError::TokenMissing { source_name: self.name() });
        let request = match self {
            Self::EntsoE { area, address } => entsoe::request(address.as_deref(), area, wanted()?, window)?,
            Self::EnergyCharts { bidding_zone, address } => {
                energy_charts::request(address.as_deref(), bidding_zone, window, market)?
            }
            Self::Awattar { country, address } => awattar::request(address.as_deref(), country, window)?,
            Self::Tibber { address } => tibber::request(address.as_deref(), wanted()?)?,
            Self::Url { address: text } => {
                Request { encryption: Encryption::Owners, ..Request::get(address(text)?) }
            }
            Self::File { path } => {
                let unreadable = |cause| FeedError::File { path: path.clone(), cause };
                return tokio::fs::read(path).await.map_err(unreadable);
            }
        };
        http.ask(&self.name(), request).await
    }

    pub(crate) fn points(&self, bytes: &[u8], currency: Currency) -> Result<Vec<Point>, Malformed> {
        match self {
            Self::EntsoE { .. } => entsoe::parse(bytes, currency),
            Self::EnergyCharts { .. } => energy_charts::parse(bytes, currency),
            Self::Awattar { .. } => awattar::parse(bytes, currency),
            Self::Tibber { .. } => tibber::parse(bytes, currency),
            Self::File { .. } | Self::Url { .. } => own::parse(bytes),
        }
    }
}

/// Reads JSON, and says where it is wrong.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| Malformed::Form { form: "JSON", why: error.to_string() })
}

/// Years that a date of a price or of weather can have. What lies outside would overflow somewhere.
const POSSIBLE_SECONDS: Range<i64> = 946_684_800..4_102_444_800;

pub(crate) fn instants(seconds: &[i64]) -> Result<Vec<Timestamp>, Malformed> {
    seconds.iter().map(|second| instant_s(*second)).collect()
}

pub(crate) fn instant_s(seconds: i64) -> Result<Timestamp, Malformed> {
    let within = POSSIBLE_SECONDS.contains(&seconds);
    let time = within.then(|| Timestamp::from_seconds(seconds));
    time.ok_or_else(|| Malformed::value(&seconds.to_string(), "seconds since 1970"))
}

pub(crate) fn instant_ms(millis: i64) -> Result<Timestamp, Malformed> {
    instant_s(millis.div_euclid(1000)).map(|_| Timestamp::from_millis(millis))
}
