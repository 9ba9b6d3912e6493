//! The key from outside that a verification rests on.

use std::fmt::Write as _;
use std::str::FromStr;

use ledger::{InvalidKey, LogKey, VerifyingKey, key_from_text};
use units::MarketId;

/// A log's key as its owner got it: from the invitation (43 letters) or as a verifier key with the log's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    key: VerifyingKey,
    /// Present where the text named the log.
    origin: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no key of a log; take the one from the invitation, or name+digits+base64")]
pub struct InvalidAnchor {
    pub text: String,
    #[source]
    pub cause: InvalidKey,
}

/// Returns the name under which a market's log signs: `wattle/` and the market's id.
///
/// What a key's name may not hold is written as in a web address, so that every market has a name.
pub fn log_origin(market: &MarketId) -> String {
    let mut origin = "wattle/".to_owned();
    for byte in market.as_str().bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => origin.push(byte.into()),
            _ => write!(origin, "%{byte:02X}").expect("a string takes all text"),
        }
    }
    origin
}

impl Anchor {
    /// Returns the log's key for a market; `None` where the anchor names another log.
    pub(crate) fn log_key(&self, market: &MarketId) -> Option<LogKey> {
        let origin = log_origin(market);
        let same = self.origin.as_ref().is_none_or(|named| *named == origin);
        if same { LogKey::new(origin, self.key).ok() } else { None }
    }
}

impl From<VerifyingKey> for Anchor {
    fn from(key: VerifyingKey) -> Self {
        Self { key, origin: None }
    }
}

impl From<&LogKey> for Anchor {
    fn from(log: &LogKey) -> Self {
        Self { key: *log.key(), origin: Some(log.origin().to_owned()) }
    }
}

impl FromStr for Anchor {
    type Err = InvalidAnchor;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let read = if text.contains('+') {
            text.parse::<LogKey>().map(|log| Self::from(&log))
        } else {
            key_from_text(text).map(Self::from)
        };
        read.map_err(|cause| InvalidAnchor { text: text.chars().take(300).collect(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_market_has_a_name_that_a_key_can_bear() {
        let origin = |market: &str| log_origin(&MarketId::new(market).unwrap());
        assert_eq!(origin("lindenweg"), "wattle/lindenweg");
        assert_eq!(origin("Am Bach+1"), "wattle/Am%20Bach%2B1");
        assert!(origin(&"\u{20ac}".repeat(21)).len() <= 255);
    }

    #[test]
    fn a_key_is_taken_in_both_spellings() {
        let key = ledger::SigningKey::from_bytes(&[1; 32]).verifying_key();
        let log = LogKey::new("wattle/a", key).unwrap();
        let market = MarketId::new("a").unwrap();
        assert_eq!(ledger::key_text(&key).parse::<Anchor>().unwrap().log_key(&market), Some(log.clone()));
        assert_eq!(log.to_string().parse::<Anchor>().unwrap().log_key(&market), Some(log.clone()));
        let other = MarketId::new("b").unwrap();
        assert_eq!(log.to_string().parse::<Anchor>().unwrap().log_key(&other), None);
        assert!("nonsense".parse::<Anchor>().is_err());
    }
}
