//! How typed values leave a row: ids, words, days, slots, quantities.

use std::str::FromStr;

use market::Side;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use units::{DayKey, Energy, Money, Price, Slot, Timestamp, WattHours};

#[derive(Debug, thiserror::Error)]
#[error("\"{value}\" in column {column} is not readable")]
struct Unreadable {
    column: &'static str,
    value: String,
}

fn unreadable(row: &Row, column: &'static str, value: String) -> Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    Error::FromSqlConversionFailure(index, Type::Text, Box::new(Unreadable { column, value }))
}

/// Reads what is written as text and parses: an id, a day.
pub fn parsed<T: FromStr>(row: &Row, column: &'static str) -> Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| unreadable(row, column, text))
}

/// Reads one of a closed set of words.
pub fn word<T>(row: &Row, column: &'static str, from_word: fn(&str) -> Option<T>) -> Result<T> {
    let text: String = row.get(column)?;
    from_word(&text).ok_or_else(|| unreadable(row, column, text))
}

/// Reads one of a closed set of words, or nothing.
pub fn optional_word<T>(
    row: &Row,
    column: &'static str,
    from_word: fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| from_word(&text).ok_or_else(|| unreadable(row, column, text))).transpose()
}

/// Reads one of a closed set of words from a column told by its number, without a copy.
pub fn word_at<T>(row: &Row, index: usize, from_word: fn(&str) -> Option<T>) -> Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    from_word(text).ok_or_else(|| {
        let column = "of a word";
        let unreadable = Unreadable { column, value: text.to_owned() };
        Error::FromSqlConversionFailure(index, Type::Text, Box::new(unreadable))
    })
}

pub fn side(row: &Row) -> Result<Side> {
    word(row, "side", side_from_word)
}

pub fn day(row: &Row) -> Result<DayKey> {
    parsed(row, "local_day")
}

pub fn slot(row: &Row) -> Result<Slot> {
    row.get("slot_index").map(Slot::from_index)
}

pub fn time(row: &Row, column: &'static str) -> Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

pub fn optional_time(row: &Row, column: &'static str) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub fn optional_slot(row: &Row, column: &'static str) -> Result<Option<Slot>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Slot::from_index))
}

pub fn optional_parsed<T: FromStr>(row: &Row, column: &'static str) -> Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|_| unreadable(row, column, text))).transpose()
}

pub fn price(row: &Row, column: &'static str) -> Result<Price> {
    row.get(column).map(Price::from_micros_per_kwh)
}

pub fn optional_price(row: &Row, column: &'static str) -> Result<Option<Price>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Price::from_micros_per_kwh))
}

pub fn optional_energy(row: &Row, column: &'static str) -> Result<Option<Energy>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Energy::from_milliwatt_hours))
}

pub fn watt_hours(row: &Row, column: &'static str) -> Result<WattHours> {
    row.get(column).map(WattHours::new)
}

pub fn money(row: &Row, column: &'static str) -> Result<Money> {
    row.get(column).map(Money::from_nanos)
}

pub const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn side_from_word(word: &str) -> Option<Side> {
    match word {
        "buy" => Some(Side::Buy),
        "sell" => Some(Side::Sell),
        _ => None,
    }
}

/// Declares an enum with the word that each variant has in the database.
macro_rules! worded {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Returns the word for it, as in the database and on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Finds it by its word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use worded;
