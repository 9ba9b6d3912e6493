//! The client: signs, sends, tries again where that is safe, and tells trouble apart.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::{ConsistencyProof, Salt, SignedCheckpoint, Tile};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use units::{DealId, SharedClock, Slot, SystemClock};

use crate::book::SlotBook;
use crate::deal::{DealList, DealStatus, EndDeal, SignedDeal};
use crate::event::LAST_EVENT_ID;
use crate::event_stream::EventStream;
use crate::http_signature::{self, Message};
use crate::key::DeviceKey;
use crate::log::{CancelRequest, EntriesProof, EntryPage, LogGrowth, ProveEntries};
use crate::paths;
use crate::pinned_tls::{self, OtherKey, ServerPin, Trust};
use crate::server_key::SignedServerKey;
use crate::sign::new_salt;
use crate::wire::{
    AgreeTerms, CancelOrders, JoinRequest, MarketInfo, Membership, OrderList, OrderOutcomes, PlaceOrders,
    Problem, ProblemCode, ReadingOutcomes, ReportReadings, SettlementPage, SignedContract, SignedOrder,
    SignedReading, SlotList,
};

/// How long a signature stays valid: the time-out of a request and some clock skew.
const SIGNATURE_VALID_S: i64 = 60;
/// The first pause before another try; it doubles, and a random part of it is waited.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause: an order's gate should not pass while its client sleeps.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest answer that is read: a page of 500 settlements takes about 1 MB.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// How long one try may take, beyond what a long poll asked to wait.
    pub timeout: Duration,
    /// How many further tries follow a connection error or a busy exchange.
    pub retries: u32,
    /// Real time, for signatures.
    pub clock: SharedClock,
    /// Which server is the exchange. Without it only one on the own machine can be reached.
    pub server: Option<Arc<ServerPin>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), retries: 3, clock: Arc::new(SystemClock), server: None }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the exchange's address \"{address}\" cannot be used: {reason}")]
    Address { address: String, reason: &'static str },
    #[error("the exchange at {address} did not answer after {tries} tries")]
    Unreachable {
        address: String,
        tries: u32,
        #[source]
        cause: reqwest::Error,
    },
    #[error("the exchange at {address} took the request and has been silent for {} s", waited.as_secs())]
    Silent { address: String, waited: Duration },
    #[error(
        "the server at {address} is not the exchange: it shows the key {shown}, and the exchange has {pinned}. Nothing \
         was sent. Someone may be listening in; ask the operator"
    )]
    OtherServer { address: String, shown: String, pinned: String },
    #[error("{0}")]
    Problem(Problem),
    #[error("the exchange's answer makes no sense: {0}")]
    Protocol(String),
    #[error("the system has no randomness for a signature")]
    Randomness(#[from] getrandom::Error),
}

impl ClientError {
    /// Returns whether the same call may succeed later without anyone doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Problem(problem) => matches!(
                problem.code,
                ProblemCode::Busy
                    | ProblemCode::TooManyRequests
                    | ProblemCode::StorageFull
                    | ProblemCode::Internal
            ),
            Self::Address { .. } | Self::OtherServer { .. } | Self::Protocol(_) | Self::Randomness(_) => {
                false
            }
        }
    }

    /// Returns the code of the exchange's refusal, if it refused.
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }
}

/// A member's (or a future member's) line to the exchange. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: DeviceKey,
    settings: ClientSettings,
}

impl Client {
    /// Makes a client for the exchange at a base address such as `https://market.example:8400`.
    pub fn new(address: &str, key: DeviceKey, settings: ClientSettings) -> Result<Self, ClientError> {
        let base = usable_address(address, settings.server.is_some())
            .map_err(|reason| ClientError::Address { address: address.to_owned(), reason })?;
        let trust = settings.server.clone().map_or(Trust::Nobody, Trust::Pinned);
        let http = transport(trust, settings.timeout)?;
        Ok(Self { http, base, key, settings })
    }

    pub fn key(&self) -> &DeviceKey {
        &self.key
    }

    pub async fn market(&self) -> Result<MarketInfo, ClientError> {
        self.call(Method::GET, paths::MARKET, &[], Vec::new(), Duration::ZERO).await
    }

    /// Joins. Sent again with the same code and key it gives the same membership.
    pub async fn join(&self, request: &JoinRequest) -> Result<Membership, ClientError> {
        self.send(Method::POST, paths::MEMBERS, request).await
    }

    pub async fn me(&self) -> Result<Membership, ClientError> {
        self.get(paths::ME, &[]).await
    }

    /// Tells what the own utility charges and pays from a slot on. Sent again it says the same.
    pub async fn tell_contract(&self, contract: &SignedContract) -> Result<Membership, ClientError> {
        self.send(Method::PUT, paths::CONTRACT, contract).await
    }

    pub async fn agree_to_terms(&self, terms_version: &str) -> Result<Membership, ClientError> {
        self.send(Method::PUT, paths::TERMS, &AgreeTerms { terms_version: terms_version.to_owned() }).await
    }

    /// Places up to [`paths::MAX_BATCH`] orders. Their ids make it safe to send again.
    pub async fn place_orders(&self, orders: Vec<SignedOrder>) -> Result<OrderOutcomes, ClientError> {
        self.send(Method::POST, paths::ORDERS, &PlaceOrders { orders }).await
    }

    /// Cancels open orders, each under a salt of its own.
    pub async fn cancel_orders(&self, which: &CancelOrders) -> Result<OrderOutcomes, ClientError> {
        self.send_cancellation(&CancelRequest { orders: which.clone(), salt: Salt(new_salt()?) }).await
    }

    /// Cancels open orders under salts that the caller can compute again.
    pub async fn send_cancellation(&self, request: &CancelRequest) -> Result<OrderOutcomes, ClientError> {
        self.send(Method::POST, paths::CANCEL, request).await
    }

    /// Lists one's own orders of the slots `[from, to)`.
    pub async fn orders(&self, from: Slot, to: Slot) -> Result<OrderList, ClientError> {
        self.get(paths::ORDERS, &[("from", from.to_string()), ("to", to.to_string())]).await
    }

    /// Proposes a deal. The same deal again is no trouble.
    pub async fn propose_deal(&self, deal: &SignedDeal) -> Result<DealStatus, ClientError> {
        self.send(Method::POST, paths::DEALS, deal).await
    }

    /// Agrees to a deal that the other side proposed, by signing the same body.
    pub async fn accept_deal(&self, deal: &SignedDeal) -> Result<DealStatus, ClientError> {
        self.send(Method::POST, paths::ACCEPT_DEAL, deal).await
    }

    /// Withdraws, declines or ends a deal, from the next open gate on.
    pub async fn end_deal(&self, id: &DealId) -> Result<DealStatus, ClientError> {
        self.send(Method::POST, paths::END_DEAL, &EndDeal { id: id.clone() }).await
    }

    /// Lists the deals in which one is seller or buyer.
    pub async fn deals(&self) -> Result<DealList, ClientError> {
        self.get(paths::DEALS, &[]).await
    }

    /// Reports up to [`paths::MAX_BATCH`] readings. The same reading again is no trouble.
    pub async fn report_readings(
        &self,
        readings: Vec<SignedReading>,
    ) -> Result<ReadingOutcomes, ClientError> {
        self.send(Method::POST, paths::READINGS, &ReportReadings { readings }).await
    }

    /// Lists the life of the slots `[from, to)`.
    pub async fn slots(&self, from: Slot, to: Slot) -> Result<SlotList, ClientError> {
        self.get(paths::SLOTS, &[("from", from.to_string()), ("to", to.to_string())]).await
    }

    /// Returns the book of a settled slot and its clearing.
    pub async fn book(&self, slot: Slot) -> Result<SlotBook, ClientError> {
        self.get(&paths::BOOK.replace("{slot}", &slot.to_string()), &[]).await
    }

    /// Returns one's own settlements after a cursor; with nothing newer it waits up to `wait_s`.
    pub async fn settlements(&self, after: i64, wait_s: u32) -> Result<SettlementPage, ClientError> {
        let query = [("after", after.to_string()), ("wait_s", wait_s.to_string())];
        let wait = Duration::from_secs(wait_s.into());
        self.call(Method::GET, paths::SETTLEMENTS, &query, Vec::new(), wait).await
    }

    /// Returns the log's newest head. Nothing of it is checked yet.
    pub async fn log_checkpoint(&self) -> Result<SignedCheckpoint, ClientError> {
        let note = self.fetch(paths::LOG_CHECKPOINT).await?;
        let note = String::from_utf8(note).map_err(|error| ClientError::Protocol(error.to_string()))?;
        note.parse().map_err(|error: ledger::CheckpointError| ClientError::Protocol(error.to_string()))
    }

    /// Returns a tile of the log, of hashes or of entries.
    pub async fn log_tile(&self, tile: Tile) -> Result<Vec<u8>, ClientError> {
        let folder = paths::LOG_TILE.trim_end_matches("tile/{*path}");
        self.fetch(&format!("{folder}{tile}")).await
    }

    /// Returns the proof that the log of `to` entries grew out of the log of `from`.
    pub async fn log_consistency(&self, from: u64, to: u64) -> Result<ConsistencyProof, ClientError> {
        let query = [("from", from.to_string()), ("to", to.to_string())];
        self.get::<LogGrowth>(paths::LOG_CONSISTENCY, &query).await.map(|growth| growth.proof)
    }

    /// Returns one's own entries of the log and those of the whole market, after an index or from the start.
    ///
    /// With nothing newer it waits up to `wait_s`.
    pub async fn entries(
        &self,
        after: Option<u64>,
        limit: usize,
        wait_s: u32,
    ) -> Result<EntryPage, ClientError> {
        let after = after.map(|index| ("after", index.to_string()));
        let query: Vec<_> =
            [("limit", limit.to_string()), ("wait_s", wait_s.to_string())].into_iter().chain(after).collect();
        self.call(Method::GET, paths::ENTRIES, &query, Vec::new(), Duration::from_secs(wait_s.into())).await
    }

    /// Returns the proof of up to [`paths::MAX_PROVED`] entries in the newest tree, or in that of a size whose head was
    /// signed.
    pub async fn prove_entries(
        &self,
        indexes: Vec<u64>,
        size: Option<u64>,
    ) -> Result<EntriesProof, ClientError> {
        self.send(Method::POST, paths::PROVE_ENTRIES, &ProveEntries { indexes, size }).await
    }

    /// Opens the stream of events, from now on or from the id of the last one seen.
    pub async fn events(&self, last_id: Option<&str>) -> Result<EventStream, ClientError> {
        let mut outcome = self.begin_stream(last_id).await;
        if matches!(outcome, Err(ClientError::OtherServer { .. })) && self.follow_server_key().await {
            outcome = self.begin_stream(last_id).await;
        }
        let response = outcome?;
        let status = response.status();
        if status.is_success() {
            return Ok(EventStream::new(response));
        }
        Err(refusal(status, &self.read_body(response).await?))
    }

    async fn begin_stream(&self, last_id: Option<&str>) -> Result<reqwest::Response, ClientError> {
        let mut url = self.base.clone();
        url.set_path(paths::EVENTS);
        let mut request = self.signed(&Method::GET, &url, &[])?;
        if let Some(id) = last_id {
            request = request.header(LAST_EVENT_ID, id);
        }
        // No time-out of the whole, since a stream has no end; only its beginning is awaited.
        let waited = self.settings.timeout;
        match tokio::time::timeout(waited, request.send()).await {
            Ok(response) => response.map_err(|cause| self.failed(cause)),
            Err(_) => Err(ClientError::Silent { address: self.base.to_string(), waited }),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, ClientError> {
        self.call(Method::GET, path, query, Vec::new(), Duration::ZERO).await
    }

    async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Protocol(error.to_string()))?;
        self.call(method, path, &[], body, Duration::ZERO).await
    }

    /// Sends a request until it is answered. Every call of this wire is safe to repeat: orders and
    /// readings carry their identity, a code joins one key once, a contract is set and not added.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Vec<u8>,
        wait: Duration,
    ) -> Result<T, ClientError> {
        let (status, answer) = self.answered(method, path, query, body, wait).await?;
        read_answer(status, &answer)
    }

    /// Gets what is not JSON.
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let (status, answer) = self.answered(Method::GET, path, &[], Vec::new(), Duration::ZERO).await?;
        if status.is_success() { Ok(answer) } else { Err(refusal(status, &answer)) }
    }

    async fn answered(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Vec<u8>,
        wait: Duration,
    ) -> Result<(StatusCode, Vec<u8>), ClientError> {
        let mut url = self.base.clone();
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let mut outcome = self.attempt(&method, &url, &body, wait).await;
            if matches!(outcome, Err(ClientError::OtherServer { .. })) && self.follow_server_key().await {
                outcome = self.attempt(&method, &url, &body, wait).await;
            }
            let again = match &outcome {
                Ok((status, _)) => *status == StatusCode::SERVICE_UNAVAILABLE,
                Err(ClientError::Unreachable { .. }) => true,
                Err(_) => false,
            };
            if !again || tries > self.settings.retries {
                return match outcome {
                    Err(ClientError::Unreachable { address, cause, .. }) => {
                        Err(ClientError::Unreachable { address, tries, cause })
                    }
                    other => other,
                };
            }
            tokio::time::sleep(pause_before(tries)?).await;
        }
    }

    /// Signs and sends once. Each try has its own nonce, since the exchange takes none twice.
    async fn attempt(
        &self,
        method: &Method,
        url: &Url,
        body: &[u8],
        wait: Duration,
    ) -> Result<(StatusCode, Vec<u8>), ClientError> {
        let mut request = self.signed(method, url, body)?.timeout(self.settings.timeout + wait);
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body.to_vec());
        }
        let response = request.send().await.map_err(|cause| self.failed(cause))?;
        Ok((response.status(), self.read_body(response).await?))
    }

    /// Makes a request with its signature.
    fn signed(
        &self,
        method: &Method,
        url: &Url,
        body: &[u8],
    ) -> Result<reqwest::RequestBuilder, ClientError> {
        let message = Message { method: method.as_str(), target_uri: url.as_str(), body };
        let nonce = http_signature::new_nonce()?;
        let now = self.settings.clock.now();
        let signed = http_signature::sign(&message, &self.key, now, SIGNATURE_VALID_S, &nonce);
        Ok(self
            .http
            .request(method.clone(), url.clone())
            .header(http_signature::CONTENT_DIGEST, signed.content_digest)
            .header(http_signature::SIGNATURE_INPUT, signed.signature_input)
            .header(http_signature::SIGNATURE, signed.signature))
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, ClientError> {
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|cause| self.failed(cause))? {
            if answer.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(ClientError::Protocol(format!("it is longer than {MAX_ANSWER_BYTES} bytes")));
            }
            answer.extend_from_slice(&part);
        }
        Ok(answer)
    }

    fn failed(&self, cause: reqwest::Error) -> ClientError {
        let address = self.base.to_string();
        match (OtherKey::among(&cause), &self.settings.server) {
            (Some(OtherKey { shown }), Some(pin)) => {
                ClientError::OtherServer { address, shown, pinned: pin.tls_key_hash() }
            }
            _ => ClientError::Unreachable { address, tries: 1, cause },
        }
    }

    /// Asks a server with another key whether the exchange's word says that this key follows on the pinned one.
    ///
    /// The question carries nothing of the member's, so it may be asked of anyone.
    async fn follow_server_key(&self) -> bool {
        let Some(pin) = &self.settings.server else { return false };
        let seen = Arc::new(Mutex::new(None));
        let Ok(http) = transport(Trust::Anyone(seen.clone()), self.settings.timeout) else { return false };
        let mut url = self.base.clone();
        url.set_path(paths::SERVER_KEY);
        let Ok(response) = http.get(url).timeout(self.settings.timeout).send().await else { return false };
        let Ok(answer) = self.read_body(response).await else { return false };
        let Ok(word) = serde_json::from_slice::<SignedServerKey>(&answer) else { return false };
        let shown = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        shown.is_some_and(|shown| pin.follow(&shown, &word))
    }
}

fn read_answer<T: DeserializeOwned>(status: StatusCode, answer: &[u8]) -> Result<T, ClientError> {
    if status.is_success() {
        return serde_json::from_slice(answer).map_err(|error| ClientError::Protocol(error.to_string()));
    }
    Err(refusal(status, answer))
}

fn refusal(status: StatusCode, answer: &[u8]) -> ClientError {
    match serde_json::from_slice(answer) {
        Ok(problem) => ClientError::Problem(problem),
        Err(_) => ClientError::Protocol(format!("status {status} without a problem document")),
    }
}

/// Makes what carries requests.
fn transport(trust: Trust, timeout: Duration) -> Result<reqwest::Client, ClientError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(pinned_tls::configuration(trust))
        // A proxy or a redirect would change the address that is signed.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout)
        .build()
        .map_err(|error| ClientError::Protocol(error.to_string()))
}

/// Returns the base address, or why it cannot be used.
fn usable_address(address: &str, is_pinned: bool) -> Result<Url, &'static str> {
    let url = Url::parse(address).map_err(|_| "it is not a web address")?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let named = url.host_str().is_some() && url.username().is_empty() && url.password().is_none();
    if !bare || !named {
        return Err("only scheme, host and port belong into it");
    }
    match url.scheme() {
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err("without encryption only the own machine may be reached"),
        "https" if is_pinned => Ok(url),
        "https" => Err("no invitation names the key of its server"),
        _ => Err("it must begin with http:// or https://"),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Returns how long to wait before try number `tries + 1`: a random half to whole of the doubled pause,
/// so that a street's homes do not come back in step.
fn pause_before(tries: u32) -> Result<Duration, getrandom::Error> {
    let pause = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(10)).min(LONGEST_PAUSE);
    let share = 0.5 + f64::from(getrandom::u32()?) / f64::from(u32::MAX) / 2.0;
    Ok(pause.mul_f64(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_machine_is_reached_without_encryption() {
        for good in ["http://127.0.0.1:8400", "http://localhost:8400/", "http://[::1]:8400"] {
            assert!(usable_address(good, false).is_ok(), "{good}");
        }
        assert!(usable_address("https://example.com", true).is_ok());
        assert!(usable_address("http://example.com", true).is_err());
        for bad in [
            "http://example.com",
            "https://example.com",
            "127.0.0.1:1",
            "http://127.0.0.1:1/x",
            "http://a@127.0.0.1",
        ] {
            assert!(usable_address(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn pauses_grow_to_a_cap_and_differ() {
        let pauses: Vec<Duration> = (1..12).map(|tries| pause_before(tries).unwrap()).collect();
        assert!(pauses[0] >= FIRST_PAUSE / 2 && pauses[0] <= FIRST_PAUSE);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(pauses[10] >= LONGEST_PAUSE / 2);
    }

    #[tokio::test]
    async fn an_exchange_that_is_down_is_a_transient_error() {
        // Bound and dropped: nothing listens on this port now.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = ClientSettings { retries: 0, ..ClientSettings::default() };
        let client =
            Client::new(&format!("http://127.0.0.1:{port}"), DeviceKey::from_bytes(&[1; 32]), settings)
                .unwrap();
        let error = client.market().await.unwrap_err();
        assert!(
            error.is_transient() && matches!(error, ClientError::Unreachable { tries: 1, .. }),
            "{error}"
        );
    }

    /// Answers each connection with the next of the answers, and returns the requests it got.
    async fn answer_with(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                requests.push(String::from_utf8(request).unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        (address, server)
    }

    fn http(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    fn problem(code: ProblemCode) -> String {
        serde_json::to_string(&Problem::new(code, "because")).unwrap()
    }

    async fn orders_of(address: &str) -> Result<OrderList, ClientError> {
        let client =
            Client::new(address, DeviceKey::from_bytes(&[1; 32]), ClientSettings::default()).unwrap();
        let slot: Slot = "2026-06-01T12:00:00Z".parse().unwrap();
        client.orders(slot, slot.next()).await
    }

    #[tokio::test]
    async fn a_busy_exchange_is_asked_again_with_a_new_nonce() {
        let busy = http("503 Service Unavailable", &problem(ProblemCode::Busy));
        let (address, server) = answer_with(vec![busy, http("200 OK", "{\"orders\":[]}")]).await;
        assert_eq!(orders_of(&address).await.unwrap(), OrderList { orders: Vec::new() });
        let requests = server.await.unwrap();
        let nonce =
            |request: &str| request.split("nonce=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        assert_ne!(nonce(&requests[0]), nonce(&requests[1]));
        let first = requests[0].lines().next().unwrap();
        assert!(first.starts_with("GET /v1/orders?from=2026-06-01T12%3A00%3A00Z&to="), "{first}");
    }

    #[tokio::test]
    async fn a_refusal_is_final_and_nonsense_is_said_to_be() {
        let refused = http("403 Forbidden", &problem(ProblemCode::RevokedKey));
        let (address, _server) = answer_with(vec![refused]).await;
        let error = orders_of(&address).await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), (Some(ProblemCode::RevokedKey), false));
        for nonsense in [http("200 OK", "<html>"), http("502 Bad Gateway", "<html>")] {
            let (address, _server) = answer_with(vec![nonsense]).await;
            assert!(matches!(orders_of(&address).await.unwrap_err(), ClientError::Protocol(_)));
        }
    }
}
