//! The numbers of a reason: a few named whole numbers, held in place.
//!
//! A year of decisions makes a hundred thousand reasons; a tree on the heap for two numbers each would cost more
//! than deciding does.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most numbers that a reason has.
const MOST: usize = 4;

/// Every name that a number may have; the unit stands in the name.
const NAMES: &[&str] = &[
    "above_micros_per_kwh",
    "age_s",
    "already_wh",
    "asked_micros_per_kwh",
    "battery_at_least_thousandths_percent",
    "battery_thousandths_percent",
    "cap_wh",
    "expected_surplus_wh",
    "feed_in_micros_per_kwh",
    "from_minute",
    "from_yyyymmdd",
    "fuse_wh",
    "keep_wh",
    "limit_price_micros_per_kwh",
    "minute_of_day",
    "rest_wh",
    "retail_micros_per_kwh",
    "rule_number",
    "share_thousandths",
    "to_minute",
    "until_unix_s",
    "until_yyyymmdd",
    "weekday",
];

/// Named numbers, by name.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    count: u8,
    /// Beyond `count` all are `("", 0)`, so that equal numbers are equal values.
    items: [(&'static str, i64); MOST],
}

impl Numbers {
    pub(crate) fn of<const N: usize>(numbers: [(&'static str, i64); N]) -> Self {
        const { assert!(N <= MOST, "a reason has at most four numbers") };
        let mut all = Self::default();
        for (name, value) in numbers {
            debug_assert!(NAMES.contains(&name), "the number {name} is not in the list of names");
            all.insert(name, value);
        }
        all
    }

    /// Returns the number of a name.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Lists them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, i64)> + '_ {
        self.items[..usize::from(self.count)].iter().copied()
    }

    /// Puts a number at its place; says whether there was room.
    fn insert(&mut self, name: &'static str, value: i64) -> bool {
        let count = usize::from(self.count);
        if count == MOST {
            return false;
        }
        let place = self.items[..count].partition_point(|(known, _)| *known < name);
        self.items.copy_within(place..count, place + 1);
        self.items[place] = (name, value);
        self.count += 1;
        true
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(usize::from(self.count)))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MOST} named whole numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Numbers, A::Error> {
                let mut numbers = Numbers::default();
                while let Some((name, value)) = map.next_entry::<String, i64>()? {
                    let known = NAMES.iter().find(|known| **known == name);
                    let known = known.ok_or_else(|| de::Error::unknown_field(&name, NAMES))?;
                    if !numbers.insert(known, value) {
                        return Err(de::Error::invalid_length(MOST + 1, &self));
                    }
                }
                Ok(numbers)
            }
        }
        deserializer.deserialize_map(Names)
    }
}
