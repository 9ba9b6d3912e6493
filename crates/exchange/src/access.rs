//! How an exchange is reached: plainly on the own machine, by TLS from anywhere, or behind a proxy that has the TLS.

use std::collections::HashSet;
use std::net::SocketAddr;

use crate::exchange::ExchangeError;

/// How an exchange is reached. The addresses are those of the invitations, such as `https://market.example:8400`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Without encryption, on loopback only.
    Plain,
    /// By TLS with the key of the market's folder; without an address by the one it listens on.
    Tls { addresses: Vec<String> },
    /// A proxy in front encrypts, with the certificate of the market's folder, and passes `Host` on.
    BehindProxy { addresses: Vec<String> },
}

impl Access {
    /// Returns the scheme of the addresses that members use.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls { .. } | Self::BehindProxy { .. } => "https",
        }
    }

    /// Refuses an access that is not safe, or that nobody would find.
    pub fn check(&self, listening: SocketAddr) -> Result<(), ExchangeError> {
        self.hosts(listening).map(drop)
    }

    /// Returns the names by which the exchange answers: what was signed for another is of no use here.
    pub(crate) fn hosts(&self, listening: SocketAddr) -> Result<HashSet<String>, ExchangeError> {
        let port = listening.port();
        let own = || {
            HashSet::from([listening.to_string(), format!("localhost:{port}"), format!("127.0.0.1:{port}")])
        };
        let addresses = match self {
            Self::Plain if listening.ip().is_loopback() => return Ok(own()),
            Self::Plain => return Err(ExchangeError::NotLoopback(listening)),
            Self::Tls { addresses } | Self::BehindProxy { addresses } => addresses,
        };
        let mut hosts = match self {
            // What reaches it past its proxy was not encrypted.
            Self::BehindProxy { .. } => HashSet::new(),
            _ if listening.ip().is_loopback() => own(),
            _ if listening.ip().is_unspecified() => HashSet::new(),
            _ => HashSet::from([listening.to_string()]),
        };
        for address in addresses {
            hosts.insert(host_of(address)?);
        }
        if hosts.is_empty() {
            return Err(ExchangeError::Nameless);
        }
        Ok(hosts)
    }
}

/// Returns what a client of an address writes into `Host`.
pub(crate) fn host_of(address: &str) -> Result<String, ExchangeError> {
    let wrong = || ExchangeError::Address(address.to_owned());
    let rest = address.strip_prefix("https://").ok_or_else(wrong)?;
    let host = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
    let is_bare =
        !host.is_empty() && !host.contains(['/', '?', '#', '@']) && !host.contains(char::is_whitespace);
    if !is_bare {
        return Err(wrong());
    }
    // Clients leave the usual port out.
    Ok(host.strip_suffix(":443").map_or(host.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_answers_to_its_own_names_only() {
        let (loopback, public, any): (SocketAddr, SocketAddr, SocketAddr) =
            ("127.0.0.1:1".parse().unwrap(), "192.0.2.1:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap());
        let named = vec!["https://Market.example:443/".to_owned()];
        assert!(Access::Plain.hosts(loopback).unwrap().contains("localhost:1"));
        assert!(matches!(Access::Plain.hosts(public), Err(ExchangeError::NotLoopback(_))));
        let tls = |addresses| Access::Tls { addresses };
        assert!(tls(Vec::new()).hosts(public).unwrap().contains("192.0.2.1:1"));
        assert!(matches!(tls(Vec::new()).hosts(any), Err(ExchangeError::Nameless)));
        assert_eq!(tls(named.clone()).hosts(any).unwrap(), HashSet::from(["market.example".to_owned()]));
        let proxied = Access::BehindProxy { addresses: named };
        assert_eq!(proxied.hosts(loopback).unwrap(), HashSet::from(["market.example".to_owned()]));
        for wrong in ["http://market.example", "https://", "https://a/b", "https://a@b", "market.example"] {
            assert!(tls(vec![wrong.to_owned()]).hosts(any).is_err(), "{wrong}");
        }
    }
}
