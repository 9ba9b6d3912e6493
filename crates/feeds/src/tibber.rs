//! Tibber and services that speak like it: prices of today and tomorrow by GraphQL, with a token.
//!
//! The format: <https://developer.tibber.com/docs/reference#price>: `energy` is the spot price without tax and
//! markup; `total` has them inside and is not read, because the contract adds its own.

use serde::Deserialize;
use serde_json::Number;
use units::{Currency, Timestamp};

use crate::decimal::{per_kwh, text_of};
use crate::error::{FeedError, Malformed};
use crate::http::{Request, Token, address};
use crate::points::{Point, until_the_next};

const ADDRESS: &str = "https://api.tibber.com/v1-beta/gql";
const QUERY: &str = "{viewer{homes{currentSubscription{priceInfo(resolution:QUARTER_HOURLY)\
                     {today{energy startsAt currency}tomorrow{energy startsAt currency}}}}}}";

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<Trouble>,
}

#[derive(Deserialize)]
struct Trouble {
    message: String,
}

#[derive(Deserialize)]
struct Data {
    viewer: Viewer,
}

#[derive(Deserialize)]
struct Viewer {
    homes: Vec<Home>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Home {
    current_subscription: Option<Subscription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    price_info: Option<PriceInfo>,
}

#[derive(Deserialize)]
struct PriceInfo {
    #[serde(default)]
    today: Vec<Entry>,
    #[serde(default)]
    tomorrow: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    energy: Number,
    starts_at: Timestamp,
    currency: String,
}

pub(crate) fn request(base: Option<&str>, token: &Token) -> Result<Request, FeedError> {
    let body = serde_json::json!({ "query": QUERY }).to_string();
    let url = address(base.unwrap_or(ADDRESS))?;
    Ok(Request { bearer: Some(token.clone()), body: Some(body), ..Request::get(url) })
}

/// Reads the first home that has a subscription; a member's homes share a price zone or are other members.
pub(crate) fn parse(bytes: &[u8], currency: Currency) -> Result<Vec<Point>, Malformed> {
    let answer: Answer = crate::source::json(bytes)?;
    if let Some(trouble) = answer.errors.into_iter().next() {
        return Err(Malformed::Says(trouble.message.chars().take(200).collect()));
    }
    let homes = answer.data.map(|data| data.viewer.homes).unwrap_or_default();
    let info = homes.into_iter().find_map(|home| home.current_subscription?.price_info);
    let info = info.ok_or(Malformed::Missing { what: "a home with a subscription" })?;
    let entries: Vec<Entry> = info.today.into_iter().chain(info.tomorrow).collect();
    if entries.is_empty() {
        return Err(Malformed::Nothing);
    }
    let starts: Vec<Timestamp> = entries.iter().map(|entry| entry.starts_at).collect();
    let ends = until_the_next(&starts)?;
    let point = |(entry, to): (&Entry, Timestamp)| {
        if entry.currency != currency.as_str() {
            return Err(Malformed::Currency(entry.currency.clone()));
        }
        Ok(Point::new(entry.starts_at, to, per_kwh(&text_of(&entry.energy))?))
    };
    entries.iter().zip(ends).map(point).collect()
}
