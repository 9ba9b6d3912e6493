//! aWATTar and services that speak like it: day-ahead prices as JSON.
//!
//! The format: <https://www.awattar.at/services/api>: a list `data` of `start_timestamp` and `end_timestamp` in
//! Unix milliseconds, `marketprice` and its `unit`.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Number;
use units::{Currency, Timestamp};

use crate::decimal::{per_mwh, text_of};
use crate::error::{FeedError, Malformed};
use crate::http::{Request, address};
use crate::points::Point;

const ADDRESS: &str = "https://api.awattar.at/v1/marketdata";
const GERMAN_ADDRESS: &str = "https://api.awattar.de/v1/marketdata";

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    start_timestamp: i64,
    end_timestamp: i64,
    marketprice: Number,
    unit: String,
}

pub(crate) fn request(
    base: Option<&str>,
    country: &str,
    window: &Range<Timestamp>,
) -> Result<Request, FeedError> {
    let usual = if country.eq_ignore_ascii_case("de") { GERMAN_ADDRESS } else { ADDRESS };
    let mut url = address(base.unwrap_or(usual))?;
    url.query_pairs_mut()
        .append_pair("start", &window.start.millis().to_string())
        .append_pair("end", &window.end.millis().to_string());
    Ok(Request::get(url))
}

pub(crate) fn parse(bytes: &[u8], currency: Currency) -> Result<Vec<Point>, Malformed> {
    let answer: Answer = crate::source::json(bytes)?;
    if answer.data.is_empty() {
        return Err(Malformed::Nothing);
    }
    let point = |entry: Entry| {
        let (found, per) = entry.unit.split_once('/').ok_or_else(|| Malformed::Unit(entry.unit.clone()))?;
        if !found.trim().eq_ignore_ascii_case(currency.as_str()) {
            return Err(Malformed::Currency(found.trim().to_owned()));
        }
        if per.trim() != "MWh" {
            return Err(Malformed::Unit(entry.unit));
        }
        let [from, to] = [entry.start_timestamp, entry.end_timestamp].map(crate::source::instant_ms);
        Ok(Point::new(from?, to?, per_mwh(&text_of(&entry.marketprice))?))
    };
    answer.data.into_iter().map(point).collect()
}
