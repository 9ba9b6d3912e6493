//! Prices from a file or an address of one's own: CSV or JSON, in the home's currency.
//!
//! The format is ours and stands in `docs/user/feeds.md`. CSV has a first line of names: `time` and one of
//! `price_per_kwh` and `price_per_mwh`, and `until` if blocks should not last until the next; fields are separated
//! by commas or semicolons. JSON is a list of objects with the same names. Times carry their offset.

use serde::Deserialize;
use serde_json::Number;
use units::Timestamp;

use crate::decimal::{per_kwh, per_mwh, text_of};
use crate::error::Malformed;
use crate::points::{Point, until_the_next};

struct Row {
    time: Timestamp,
    until: Option<Timestamp>,
    price: units::Price,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    time: Timestamp,
    until: Option<Timestamp>,
    price_per_kwh: Option<Number>,
    price_per_mwh: Option<Number>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Point>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotText)?;
    // Spreadsheets put a mark of three bytes before the first name.
    let text = text.trim_start_matches('\u{feff}');
    let rows = if text.trim_start().starts_with('[') { json(text)? } else { csv(text)? };
    if rows.is_empty() {
        return Err(Malformed::Nothing);
    }
    let starts: Vec<Timestamp> = rows.iter().map(|row| row.time).collect();
    let ends = until_the_next(&starts)?;
    let point = |(row, end): (Row, Timestamp)| Point::new(row.time, row.until.unwrap_or(end), row.price);
    Ok(rows.into_iter().zip(ends).map(point).collect())
}

fn json(text: &str) -> Result<Vec<Row>, Malformed> {
    let entries: Vec<Entry> = crate::source::json(text.as_bytes())?;
    let row = |entry: Entry| {
        let price = match (&entry.price_per_kwh, &entry.price_per_mwh) {
            (Some(price), None) => per_kwh(&text_of(price))?,
            (None, Some(price)) => per_mwh(&text_of(price))?,
            _ => return Err(Malformed::Missing { what: "one of price_per_kwh and price_per_mwh" }),
        };
        Ok(Row { time: entry.time, until: entry.until, price })
    };
    entries.into_iter().map(row).collect()
}

fn csv(text: &str) -> Result<Vec<Row>, Malformed> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let head = lines.next().ok_or(Malformed::Missing { what: "the line of names" })?;
    let separator = if head.contains(';') { ';' } else { ',' };
    let names: Vec<&str> = fields(head, separator).collect();
    let column = |name: &str| names.iter().position(|found| *found == name);
    if let Some(unknown) =
        names.iter().find(|name| !["time", "until", "price_per_kwh", "price_per_mwh"].contains(name))
    {
        return Err(Malformed::value(unknown, "time, until, price_per_kwh or price_per_mwh"));
    }
    let time_at = column("time").ok_or(Malformed::Missing { what: "the column time" })?;
    let (price_at, read) = match (column("price_per_kwh"), column("price_per_mwh")) {
        (Some(at), None) => (at, per_kwh as fn(&str) -> _),
        (None, Some(at)) => (at, per_mwh as fn(&str) -> _),
        _ => return Err(Malformed::Missing { what: "one of the columns price_per_kwh and price_per_mwh" }),
    };
    let until_at = column("until");
    let row = |line: &str| {
        let values: Vec<&str> = fields(line, separator).collect();
        if values.len() != names.len() {
            return Err(Malformed::value(line, "as many fields as the first line has"));
        }
        let time = |text: &str| {
            text.parse::<Timestamp>()
                .map_err(|_| Malformed::value(text, "a time such as 2026-06-01T00:00:00+02:00"))
        };
        let until = until_at.map(|at| values[at]).filter(|text| !text.is_empty()).map(time).transpose()?;
        // Where semicolons separate, a comma may stand before the decimals.
        let price = match separator {
            ';' => read(&values[price_at].replace(',', "."))?,
            _ => read(values[price_at])?,
        };
        Ok(Row { time: time(values[time_at])?, until, price })
    };
    lines.map(row).collect()
}

fn fields(line: &str, separator: char) -> impl Iterator<Item = &str> {
    line.split(separator).map(|field| field.trim().trim_matches('"'))
}
