//! Asks over HTTP: with time-outs, a longest answer, and no word of a secret anywhere.

use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use zeroize::Zeroizing;

use crate::error::FeedError;

/// The longest answer that is read: a week of quarter hours in ENTSO-E's XML takes about 100 kB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How long a whole answer may take. Price servers are slow when all homes ask for tomorrow.
    pub timeout: Duration,
    pub connect_timeout: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(20), connect_timeout: Duration::from_secs(8) }
    }
}

/// A source's password. It has no `Debug`, and leaves memory when it is dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Where unencrypted HTTP may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Only to this computer.
    Required,
    /// To a server of the owner's, which mostly stands beside the router.
    Owners,
}

/// A request to a source.
pub(crate) struct Request {
    pub url: Url,
    pub encryption: Encryption,
    pub bearer: Option<Token>,
    /// JSON to post; `None` to get.
    pub body: Option<String>,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        Self { url, encryption: Encryption::Required, bearer: None, body: None }
    }
}

/// The line to all sources.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    settings: HttpSettings,
}

impl Http {
    pub(crate) fn new(settings: HttpSettings) -> Result<Self, FeedError> {
        // A program has mostly chosen one by now, and then this does nothing.
        static INSTALL: std::sync::Once = std::sync::Once::new();
        INSTALL.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let client = reqwest::Client::builder()
            .user_agent(concat!("Wattle/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            // A redirect could carry a token to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(FeedError::Http)?;
        Ok(Self { client, settings })
    }

    /// Sends a request and returns the whole answer.
    pub(crate) async fn ask(&self, source_name: &str, request: Request) -> Result<Vec<u8>, FeedError> {
        check_address(&request)?;
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = self.client.request(method, request.url.clone());
        if let Some(token) = &request.bearer {
            builder = builder.bearer_auth(token.text());
        }
        if let Some(body) = request.body {
            builder = builder.header("content-type", "application/json").body(body);
        }
        let response = builder.send().await.map_err(|cause| self.failed(source_name, cause))?;
        let status = response.status();
        if !status.is_success() {
            let (source_name, hint) = (source_name.to_owned(), hint(status));
            return Err(FeedError::Refused { source_name, status: status.as_u16(), hint });
        }
        self.read(source_name, response).await
    }

    async fn read(&self, source_name: &str, mut response: reqwest::Response) -> Result<Vec<u8>, FeedError> {
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|cause| self.failed(source_name, cause))? {
            if answer.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(FeedError::TooLong {
                    source_name: source_name.to_owned(),
                    limit: MAX_ANSWER_BYTES,
                });
            }
            answer.extend_from_slice(&part);
        }
        Ok(answer)
    }

    fn failed(&self, source_name: &str, cause: reqwest::Error) -> FeedError {
        let source_name = source_name.to_owned();
        if cause.is_timeout() {
            return FeedError::Silent { source_name, waited: self.settings.timeout };
        }
        // The address may hold a token, so it is left out of what is printed.
        FeedError::Unreachable { source_name, cause: cause.without_url() }
    }
}

/// Reads an address of a source.
pub(crate) fn address(text: &str) -> Result<Url, FeedError> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| FeedError::Address {
            address: text.to_owned(),
            reason: "it must begin with https:// and name a host",
        })
}

fn check_address(request: &Request) -> Result<(), FeedError> {
    let plain = request.url.scheme() == "http";
    let allowed = match request.encryption {
        Encryption::Owners => request.bearer.is_none(),
        Encryption::Required => false,
    };
    if !plain || allowed || is_loopback(&request.url) {
        return Ok(());
    }
    let address = request.url.host_str().unwrap_or_default().to_owned();
    Err(FeedError::Address {
        address,
        reason: "without encryption only this computer may be asked; use https://",
    })
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => "the token is wrong or has expired; enter a new one",
        404 => "there is nothing at that address; check the price zone",
        429 => "it was asked too often; it is asked again later by itself",
        500..=599 => "it has trouble of its own; it is asked again later by itself",
        _ => "check the settings of the source",
    }
}
