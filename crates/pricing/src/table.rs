//! Contracts as a configuration file holds them. Unknown keys are refused by name.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use units::DayKey;

/// A version of a contract, or with `correction` a time that was billed anew.
///
/// At its simplest: `valid_from = "2026-01-01"`, `retail = "0.300 EUR/kWh"`, `feed_in = "0.081 EUR/kWh"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractTable {
    pub valid_from: DayKey,
    /// What the utility calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub retail: PriceForm,
    pub feed_in: PriceForm,
    /// `"12.90 EUR/month"`, or several in a list.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub standing: OneOrMany,
    /// `"quarter_hour"` or `"hour"`: over what the spot price is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<String>,
    /// Days on which the day "holiday" of zones holds.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub holidays: OneOrMany,
    /// `"12-01"`: when the contract's year begins, for tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year_starts: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<CorrectionTable>,
    #[serde(rename = "tier", default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierTable>,
    #[serde(rename = "zone", default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<ZoneTable>,
}

/// Other prices at certain times; the first zone that holds speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneTable {
    pub name: String,
    /// `"22:00-06:00"`, or several in a list.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub hours: OneOrMany,
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub days: OneOrMany,
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub months: OneOrMany,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retail: Option<PriceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_in: Option<PriceForm>,
}

/// Another retail price for the first kilowatt-hours: `up_to = "2900 kWh/year"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierTable {
    pub up_to: String,
    pub retail: PriceForm,
}

/// Makes a contract table the new bill of a past time, from `valid_from` until this day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectionTable {
    pub until: DayKey,
    pub dated: DayKey,
    pub reason: String,
}

/// A price: `"0.300 EUR/kWh"`, or a table that says how it is composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceForm {
    Text(String),
    Formula(Box<FormulaTable>),
}

/// How a price is composed, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormulaTable {
    /// How much of the spot price is passed on: `"100 %"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<String>,
    /// A share of the size of the spot price: `"3 %"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge: Option<String>,
    /// A price without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// Bounds of the sum before tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<String>,
    /// On all but charges that are not taxed: `"19 %"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<String>,
    /// `"taxed"`, `"sum_untaxed"` or `"spot_untaxed"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_zero: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zero_if_spot_negative: bool,
    #[serde(rename = "charge", default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<ChargeTable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeTable {
    pub name: String,
    pub price: String,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub taxed: bool,
}

/// One text or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

impl ContractTable {
    /// Makes the table of a contract with one price for buying and one for selling.
    pub fn fixed(valid_from: DayKey, retail: impl Into<PriceForm>, feed_in: impl Into<PriceForm>) -> Self {
        Self {
            valid_from,
            name: None,
            retail: retail.into(),
            feed_in: feed_in.into(),
            standing: OneOrMany::default(),
            billing: None,
            holidays: OneOrMany::default(),
            year_starts: None,
            correction: None,
            tiers: Vec::new(),
            zones: Vec::new(),
        }
    }
}

impl OneOrMany {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for PriceForm {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for PriceForm {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for PriceForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Formula(formula) => formula.serialize(serializer),
        }
    }
}

/// By hand, since an untagged enum would swallow which key of the table is wrong.
impl<'de> Deserialize<'de> for PriceForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = PriceForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price such as \"0.300 EUR/kWh\", or a table such as { spot = \"100 %\", tax = \"19 %\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PriceForm, E> {
                Ok(text.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PriceForm, A::Error> {
                FormulaTable::deserialize(MapAccessDeserializer::new(map))
                    .map(|formula| PriceForm::Formula(Box::new(formula)))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl Serialize for OneOrMany {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            many => many.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }

        deserializer.deserialize_any(Texts)
    }
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}
