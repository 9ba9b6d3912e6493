//! ENTSO-E transparency platform: day-ahead prices of a bidding zone, as XML.
//!
//! The format: <https://transparencyplatform.zendesk.com/hc/en-us/articles/15692855254548>, document 12.1.D;
//! curves: <https://transparencyplatform.zendesk.com/hc/en-us/articles/30262342482961>. In a curve A03 a position
//! that is left out repeats the one before it; in A01 it is missing. Sequence 1 is the coupled auction of Europe,
//! others are auctions beside it. A day without prices is an acknowledgement with reason 999.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;
use units::{Currency, Price, Timestamp};

use crate::decimal::per_mwh;
use crate::error::{FeedError, Malformed};
use crate::http::{Request, Token, address};
use crate::points::{MOST_SLOTS, Point};

const ADDRESS: &str = "https://web-api.tp.entsoe.eu/api";
/// No element of the document lies deeper.
const DEEPEST: usize = 16;
/// Two months of quarter hours in a period.
const MOST_POSITIONS: i64 = 6_000;

pub(crate) fn request(
    base: Option<&str>,
    area: &str,
    token: &Token,
    window: &Range<Timestamp>,
) -> Result<Request, FeedError> {
    let mut url = address(base.unwrap_or(ADDRESS))?;
    let minute = |time: Timestamp| time.to_chrono().format("%Y%m%d%H%M").to_string();
    url.query_pairs_mut()
        .append_pair("securityToken", token.text())
        .append_pair("documentType", "A44")
        .append_pair("in_Domain", area)
        .append_pair("out_Domain", area)
        .append_pair("periodStart", &minute(window.start))
        .append_pair("periodEnd", &minute(window.end));
    Ok(Request::get(url))
}

pub(crate) fn parse(bytes: &[u8], currency: Currency) -> Result<Vec<Point>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotText)?;
    let mut reader = Reader::from_str(text);
    let mut document = Document { currency, points: Vec::new(), series: Series::default(), reason: None };
    let (mut path, mut value) = (Vec::<String>::new(), String::new());
    loop {
        match reader.read_event() {
            Err(error) => return Err(Malformed::Form { form: "XML", why: error.to_string() }),
            Ok(Event::Eof) if path.is_empty() => break,
            Ok(Event::Eof) => return Err(Malformed::Form { form: "XML", why: "it breaks off".to_owned() }),
            Ok(Event::Start(start)) => {
                if path.len() == DEEPEST {
                    return Err(Malformed::Form { form: "XML", why: "it is too deep".to_owned() });
                }
                let name = start.local_name().into_inner().to_owned();
                document.open(&name);
                path.push(name);
                value.clear();
            }
            Ok(Event::Text(part)) => value.push_str(&part.xml10_content()),
            Ok(Event::End(_)) => {
                let Some(name) = path.pop() else { continue };
                let parent = path.last().map_or("", String::as_str);
                document.close(parent, &name, value.trim())?;
                value.clear();
            }
            Ok(_) => {}
        }
    }
    document.finish()
}

struct Document {
    currency: Currency,
    points: Vec<Point>,
    series: Series,
    reason: Option<(String, String)>,
}

/// A time series while it is read.
#[derive(Default)]
struct Series {
    sequence: u32,
    repeats: bool,
    unit: Option<String>,
    currency: Option<String>,
    periods: Vec<Period>,
}

#[derive(Default)]
struct Period {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    step_minutes: Option<i64>,
    prices: Vec<(i64, Price)>,
    position: Option<i64>,
    price: Option<Price>,
}

impl Document {
    fn open(&mut self, name: &str) {
        match name {
            "TimeSeries" => self.series = Series::default(),
            "Period" => self.series.periods.push(Period::default()),
            "Reason" => self.reason = Some(Default::default()),
            _ => {}
        }
    }

    fn close(&mut self, parent: &str, name: &str, value: &str) -> Result<(), Malformed> {
        match (parent, name) {
            (_, "TimeSeries") => return self.take_series(),
            ("TimeSeries", "classificationSequence_AttributeInstanceComponent.position") => {
                self.series.sequence = value.parse().map_err(|_| Malformed::value(value, "a sequence"))?;
            }
            ("TimeSeries", "curveType") => self.series.repeats = value == "A03",
            ("TimeSeries", "currency_Unit.name") => self.series.currency = Some(value.to_owned()),
            ("TimeSeries", "price_Measure_Unit.name") => self.series.unit = Some(value.to_owned()),
            ("Reason", "code") => self.reason.get_or_insert_default().0 = value.to_owned(),
            ("Reason", "text") => self.reason.get_or_insert_default().1 = value.to_owned(),
            _ => {
                if let Some(period) = self.series.periods.last_mut() {
                    period.close(parent, name, value)?;
                }
            }
        }
        Ok(())
    }

    fn take_series(&mut self) -> Result<(), Malformed> {
        let series = std::mem::take(&mut self.series);
        match series.currency {
            Some(currency) if currency == self.currency.as_str() => {}
            Some(other) => return Err(Malformed::Currency(other)),
            None => return Err(Malformed::Missing { what: "the currency" }),
        }
        match series.unit.as_deref() {
            Some("MWH") => {}
            Some(other) => return Err(Malformed::Unit(other.to_owned())),
            None => return Err(Malformed::Missing { what: "the unit of prices" }),
        }
        for period in series.periods {
            self.points.extend(period.points(series.repeats, series.sequence)?);
            // One short point fills a whole period, so a small answer could become a large one.
            if self.points.len() > 4 * MOST_SLOTS {
                return Err(Malformed::TooMany);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Point>, Malformed> {
        match self.reason {
            _ if !self.points.is_empty() => Ok(self.points),
            Some((code, _)) if code == "999" => Err(Malformed::Nothing),
            Some((_, text)) => Err(Malformed::Says(text.chars().take(200).collect())),
            None => Err(Malformed::Missing { what: "any price" }),
        }
    }
}

impl Period {
    fn close(&mut self, parent: &str, name: &str, value: &str) -> Result<(), Malformed> {
        match (parent, name) {
            ("timeInterval", "start") => self.start = Some(instant(value)?),
            ("timeInterval", "end") => self.end = Some(instant(value)?),
            ("Period", "resolution") => self.step_minutes = Some(minutes(value)?),
            ("Point", "position") => {
                let position = value.parse().ok().filter(|position| (1..=MOST_POSITIONS).contains(position));
                self.position = Some(position.ok_or_else(|| Malformed::value(value, "a position"))?);
            }
            ("Point", "price.amount") => self.price = Some(per_mwh(value)?),
            ("Period", "Point") => match (self.position.take(), self.price.take()) {
                (Some(position), Some(price)) => self.prices.push((position, price)),
                _ => return Err(Malformed::Missing { what: "position or price of a point" }),
            },
            _ => {}
        }
        Ok(())
    }

    fn points(mut self, repeats: bool, rank: u32) -> Result<Vec<Point>, Malformed> {
        let missing = |what| Malformed::Missing { what };
        let start = self.start.ok_or(missing("the start of a period"))?;
        let end = self.end.ok_or(missing("the end of a period"))?;
        let step_s = self.step_minutes.ok_or(missing("the resolution of a period"))? * 60;
        let positions = (end.seconds().saturating_sub(start.seconds())) / step_s;
        if !(1..=MOST_POSITIONS).contains(&positions) {
            return Err(Malformed::TooMany);
        }
        self.prices.sort_by_key(|(position, _)| *position);
        let at = |position: i64| Timestamp::from_seconds(start.seconds() + (position - 1) * step_s);
        let mut points = Vec::new();
        for (index, (position, price)) in self.prices.iter().enumerate() {
            let next = self.prices.get(index + 1).map_or(positions + 1, |(next, _)| *next);
            let last = if repeats { next.max(position + 1) } else { position + 1 };
            for position in *position..last.min(positions + 1) {
                points.push(Point { from: at(position), to: at(position + 1), price: *price, rank });
            }
        }
        Ok(points)
    }
}

/// Reads `2026-05-31T22:00Z`, which leaves out the seconds that RFC 3339 wants.
fn instant(text: &str) -> Result<Timestamp, Malformed> {
    let refused = || Malformed::value(text, "an instant such as 2026-05-31T22:00Z");
    let whole = match text.strip_suffix('Z') {
        Some(minutes) if minutes.len() == "2026-05-31T22:00".len() => format!("{minutes}:00Z"),
        _ => text.to_owned(),
    };
    whole.parse().map_err(|_| refused())
}

fn minutes(text: &str) -> Result<i64, Malformed> {
    match text {
        "PT15M" => Ok(15),
        "PT30M" => Ok(30),
        "PT60M" | "PT1H" => Ok(60),
        _ => Err(Malformed::value(text, "PT15M, PT30M or PT60M")),
    }
}
