//! Reads and writes typed values as columns.

use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use units::{Money, Price, Slot, Timestamp, WattHours};

/// Typed access to a row's columns by name.
pub(crate) trait Columns {
    fn text<T: FromStr>(&self, name: &str) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static;
    fn optional_text<T: FromStr>(&self, name: &str) -> Result<Option<T>>
    where
        T::Err: std::error::Error + Send + Sync + 'static;
    fn slot(&self, name: &str) -> Result<Slot>;
    fn time(&self, name: &str) -> Result<Timestamp>;
    fn energy(&self, name: &str) -> Result<WattHours>;
    fn price(&self, name: &str) -> Result<Price>;
    fn money(&self, name: &str) -> Result<Money>;
}

impl Columns for Row<'_> {
    fn text<T: FromStr>(&self, name: &str) -> Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: String = self.get(name)?;
        text.parse().map_err(|error| unreadable(self, name, error))
    }

    fn optional_text<T: FromStr>(&self, name: &str) -> Result<Option<T>>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text: Option<String> = self.get(name)?;
        text.map(|text| text.parse().map_err(|error| unreadable(self, name, error))).transpose()
    }

    fn slot(&self, name: &str) -> Result<Slot> {
        self.get(name).map(Slot::from_index)
    }

    fn time(&self, name: &str) -> Result<Timestamp> {
        self.get(name).map(Timestamp::from_millis)
    }

    fn energy(&self, name: &str) -> Result<WattHours> {
        self.get(name).map(WattHours::new)
    }

    fn price(&self, name: &str) -> Result<Price> {
        self.get(name).map(Price::from_micros_per_kwh)
    }

    fn money(&self, name: &str) -> Result<Money> {
        self.get(name).map(Money::from_nanos)
    }
}

fn unreadable(row: &Row, name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let index = row.as_ref().column_index(name).unwrap_or_default();
    Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}

/// Returns the word that a value of an enum has on the wire, which is the one it is stored as.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum of words serialises as a word, not {other:?}"),
    }
}

/// A word on its way back to its enum.
pub(crate) struct Word<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromStr for Word<T> {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).map(Self)
    }
}
