//! A typed id for each thing: non-empty strings of at most 64 bytes that sort bytewise.
//!
//! Copies of an id share their text: a slot's clearing and postings name each order and member several times.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest id in bytes.
pub const MAX_ID_BYTES: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an id: it must have 1 to 64 bytes and no control characters")]
pub struct InvalidId(String);

fn fits(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes an id of a text; refuses one that is empty, too long, or holds control characters.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if fits(&text) { Ok(Self(text.into())) } else { Err(InvalidId(text)) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns the text in a form whose copies share it.
            pub fn shared(&self) -> &Arc<str> {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if fits(text) { Ok(Self(text.into())) } else { Err(InvalidId(text.to_owned())) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// A part of the local grid in which everyone trades at one price.
    AreaId
);
id!(
    /// A household on a market.
    MemberId
);
id!(
    /// An order; its client makes it (UUID v7).
    OrderId
);
id!(
    /// A direct deal between two members.
    DealId
);
id!(
    /// A market.
    MarketId
);
id!(
    /// A device's signing key: the thumbprint of its public key.
    KeyId
);
id!(
    /// A meter of a home.
    MeterId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_1_to_64_bytes() {
        assert!(AreaId::new("feeder-1").is_ok());
        assert!(AreaId::new("").is_err());
        assert!(AreaId::new("x".repeat(65)).is_err());
        assert!(serde_json::from_str::<AreaId>("\"\"").is_err());
        assert!(OrderId::new("Z").unwrap() < OrderId::new("a").unwrap());
    }
}
