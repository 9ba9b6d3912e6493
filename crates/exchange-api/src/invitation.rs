//! The one string by which an operator lets a household in.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use units::{MarketId, Timestamp};

/// Names the form, so that a later one is told apart.
const PREFIX: &str = "wattle1.";

/// Where the exchange is, which keys to pin, and the one-time code. It is a secret until used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The exchange's base address, such as `http://127.0.0.1:8400`.
    pub address: String,
    pub market: MarketId,
    /// The exchange's Ed25519 key, base64url without padding.
    pub exchange_key: String,
    /// The first key of the market's log, as C2SP's verifier key `origin+hash+base64`.
    pub log_key: String,
    /// SHA-256 of the server's TLS key, base64url; missing on loopback, where nothing is encrypted.
    pub tls_key_hash: Option<String>,
    pub code: String,
    /// Real time.
    pub expires: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidInvitation {
    #[error("an invitation begins with \"{PREFIX}\"; copy the whole line that the operator sent")]
    Prefix,
    #[error("the invitation is damaged; copy the whole line that the operator sent")]
    Base64,
    #[error("the invitation is damaged or of a newer version; copy the whole line, or update the app")]
    Content(#[source] serde_json::Error),
    #[error("the invitation's address \"{0}\" is not one of a web service")]
    Address(String),
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for Invitation {
    type Err = InvalidInvitation;

    /// Reads an invitation; white space around and line breaks within it are forgiven, as mail adds them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let joined: String = text.split_whitespace().collect();
        let encoded = joined.strip_prefix(PREFIX).ok_or(InvalidInvitation::Prefix)?;
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidInvitation::Base64)?;
        let invitation: Self = serde_json::from_slice(&json).map_err(InvalidInvitation::Content)?;
        let address = &invitation.address;
        if address.starts_with("http://") || address.starts_with("https://") {
            Ok(invitation)
        } else {
            Err(InvalidInvitation::Address(address.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            address: "http://127.0.0.1:8400".to_owned(),
            market: MarketId::new("lindenweg").unwrap(),
            exchange_key: "key".to_owned(),
            log_key: "wattle/lindenweg+00000000+key".to_owned(),
            tls_key_hash: None,
            code: "code".to_owned(),
            expires: Timestamp::from_seconds(1_780_000_000),
        }
    }

    #[test]
    fn an_invitation_is_one_string_and_back() {
        let text = invitation().to_string();
        assert!(text.starts_with("wattle1.") && !text.contains(char::is_whitespace));
        assert_eq!(text.parse::<Invitation>().unwrap(), invitation());
        let (head, tail) = text.split_at(40);
        assert_eq!(format!("  {head}\r\n{tail}\n").parse::<Invitation>().unwrap(), invitation());
    }

    #[test]
    fn a_damaged_invitation_says_so() {
        let text = invitation().to_string();
        assert!(matches!("hello".parse::<Invitation>(), Err(InvalidInvitation::Prefix)));
        assert!(matches!("wattle1.!!".parse::<Invitation>(), Err(InvalidInvitation::Base64)));
        assert!(matches!(text[..text.len() - 8].parse::<Invitation>(), Err(InvalidInvitation::Content(_))));
        let elsewhere = Invitation { address: "ftp://x".to_owned(), ..invitation() };
        assert!(matches!(elsewhere.to_string().parse::<Invitation>(), Err(InvalidInvitation::Address(_))));
    }
}
