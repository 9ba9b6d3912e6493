//! Energy-Charts of Fraunhofer ISE: day-ahead prices of a bidding zone, as JSON.
//!
//! The format: <https://api.energy-charts.info/>, `/price`: two lists of the same length, starts in Unix seconds
//! and prices, `null` where there is none; the unit as text. The resolution is the distance of the starts.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Number;
use units::{Currency, LocalDay, Timestamp, Zone};

use crate::decimal::{per_kwh, per_mwh, text_of};
use crate::error::{FeedError, Malformed};
use crate::http::{Request, address};
use crate::points::{Point, until_the_next};

const ADDRESS: &str = "https://api.energy-charts.info/price";

/// Fields that say nothing of prices, such as the licence, are passed over: the source adds some now and then.
#[derive(Deserialize)]
struct Answer {
    unix_seconds: Vec<i64>,
    price: Vec<Option<Number>>,
    unit: String,
}

pub(crate) fn request(
    base: Option<&str>,
    bidding_zone: &str,
    window: &Range<Timestamp>,
    market: Zone,
) -> Result<Request, FeedError> {
    let mut url = address(base.unwrap_or(ADDRESS))?;
    let first = LocalDay::containing(window.start, market).key();
    let last = LocalDay::containing(window.end, market).key().previous();
    url.query_pairs_mut()
        .append_pair("bzn", bidding_zone)
        .append_pair("start", &first.to_string())
        .append_pair("end", &last.to_string());
    Ok(Request::get(url))
}

pub(crate) fn parse(bytes: &[u8], currency: Currency) -> Result<Vec<Point>, Malformed> {
    let answer: Answer = crate::source::json(bytes)?;
    if answer.unix_seconds.len() != answer.price.len() {
        return Err(Malformed::Lengths { what: "unix_seconds", other: "price" });
    }
    let unit: String = answer.unit.split_whitespace().collect();
    let (found, per) = unit.split_once('/').ok_or_else(|| Malformed::Unit(answer.unit.clone()))?;
    if !found.eq_ignore_ascii_case(currency.as_str()) {
        return Err(Malformed::Currency(found.to_owned()));
    }
    let read = match per {
        "MWh" => per_mwh,
        "kWh" => per_kwh,
        _ => return Err(Malformed::Unit(answer.unit)),
    };
    let starts = crate::source::instants(&answer.unix_seconds)?;
    let ends = until_the_next(&starts)?;
    let mut points = Vec::with_capacity(starts.len());
    for ((from, to), price) in starts.into_iter().zip(ends).zip(&answer.price) {
        if let Some(price) = price {
            points.push(Point::new(from, to, read(&text_of(price))?));
        }
    }
    if points.is_empty() { Err(Malformed::Nothing) } else { Ok(points) }
}
