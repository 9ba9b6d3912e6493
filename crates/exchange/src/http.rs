//! HTTP: paths, limits, signatures; every refusal is a problem document.

mod caller;
mod connections;
mod events;
mod limits;
mod log;
mod operator;
mod refusal;
mod routes;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use exchange_api::{Problem, ProblemCode, SignedServerKey, paths};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::exchange::Exchange;
use connections::Bounds;
use limits::{Limits, REQUEST_TIMEOUT};
use refusal::Refusal;

/// What every handler may use.
#[derive(Clone)]
struct Http {
    exchange: Exchange,
    /// The names by which this exchange may be called: a request signed for another is of no use here.
    hosts: Arc<HashSet<String>>,
    /// The scheme of the addresses that members sign for.
    scheme: &'static str,
    /// Which TLS key the exchange has.
    server_key: Arc<SignedServerKey>,
    limits: Arc<Limits>,
    /// Who has signed in to the operator's page.
    sessions: Arc<operator::Sessions>,
    closing: CancellationToken,
    /// What goes on beside the requests: the producers of event streams.
    tasks: TaskTracker,
}

/// By what name and with what encryption an exchange is served.
pub(crate) struct Door {
    pub hosts: HashSet<String>,
    pub scheme: &'static str,
    pub server_key: SignedServerKey,
    pub tls: Option<TlsAcceptor>,
}

pub(crate) async fn serve(exchange: Exchange, listener: TcpListener, door: Door, until: CancellationToken) {
    let http = Http {
        exchange,
        hosts: Arc::new(door.hosts),
        scheme: door.scheme,
        server_key: Arc::new(door.server_key),
        limits: Arc::default(),
        sessions: Arc::default(),
        closing: until.clone(),
        tasks: TaskTracker::new(),
    };
    let tasks = http.tasks.clone();
    connections::serve(listener, door.tls, router(http), Bounds::default(), until).await;
    // They hold the market open; who waited for the end may open it again.
    tasks.close();
    tasks.wait().await;
}

fn router(http: Http) -> Router {
    Router::new()
        .route(paths::MARKET, get(routes::market))
        .route(paths::SERVER_KEY, get(routes::server_key))
        .route(paths::MEMBERS, post(routes::join))
        .route(paths::ME, get(routes::me))
        .route(paths::CONTRACT, put(routes::tell_contract))
        .route(paths::TERMS, put(routes::agree_to_terms))
        .route(paths::ORDERS, post(routes::place_orders).get(routes::list_orders))
        .route(paths::CANCEL, post(routes::cancel_orders))
        .route(paths::DEALS, post(routes::propose_deal).get(routes::list_deals))
        .route(paths::ACCEPT_DEAL, post(routes::accept_deal))
        .route(paths::END_DEAL, post(routes::end_deal))
        .route(paths::READINGS, post(routes::report_readings))
        .route(paths::SLOTS, get(routes::slots))
        .route(paths::BOOK, get(routes::book))
        .route(paths::LOG_CHECKPOINT, get(log::checkpoint))
        .route(paths::LOG_TILE, get(log::tile))
        .route(paths::LOG_CONSISTENCY, get(log::consistency))
        .route(paths::PROVE_ENTRIES, post(log::prove))
        .merge(operator::routes(&http))
        .layer(from_fn_with_state(http.clone(), limited))
        // Long polls and streams wait by design, so they have limits of their own.
        .route(paths::SETTLEMENTS, get(routes::settlements))
        .route(paths::ENTRIES, get(log::entries))
        .route(paths::EVENTS, get(events::events))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(http)
}

/// Bounds how many requests are worked on at once, and for how long.
async fn limited(
    axum::extract::State(http): axum::extract::State<Http>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    let Some(_turn) = http.limits.turn() else {
        return Refusal(Problem::new(ProblemCode::Busy, "Too many requests are being worked on. Try again."))
            .into_response();
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("The request took longer than {} s. Try again.", REQUEST_TIMEOUT.as_secs());
            Refusal(Problem::new(ProblemCode::Busy, detail)).into_response()
        }
    }
}

async fn nothing() -> Refusal {
    Refusal(Problem::new(ProblemCode::NotFound, "No such path, or not with this method."))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchange_api::{Client, ClientSettings, DeviceKey, JoinRequest, UtilityContract, http_signature};
    use units::{Clock as _, MarketId, MemberId, Money, Price, SystemClock};

    use super::*;
    use crate::config::MarketConfig;
    use crate::service::Failure;
    use crate::service::enrol::Invite;

    async fn joined(exchange: &Exchange, address: &str) -> DeviceKey {
        let invite = Invite {
            member: MemberId::new("home-01").unwrap(),
            area: exchange.config().areas[0].id.clone(),
            metering_point: "m".to_owned(),
            limits: exchange_api::Limits { fuse_w: 24_000, exposure: Money::ZERO },
            expires: SystemClock.now() + Duration::from_secs(60),
            address: address.to_owned(),
        };
        let invitation = exchange.invite(invite).await.unwrap();
        let key = DeviceKey::generate().unwrap();
        let request = JoinRequest {
            market: invitation.market,
            code: invitation.code,
            public_key: key.public_key_text(),
            device_name: "test".to_owned(),
            terms_version: "1".to_owned(),
            contract: UtilityContract {
                retail_micros_per_kwh: Price::ZERO,
                feed_in_micros_per_kwh: Price::ZERO,
            },
        };
        let client = Client::new(address, key.clone(), ClientSettings::default()).unwrap();
        client.join(&request).await.unwrap();
        key
    }

    /// Sends a signed `GET /v1/me` by hand, to see the headers of the answer.
    async fn me(address: &str, key: &DeviceKey) -> (u16, Option<String>, Problem) {
        static INSTALL: std::sync::Once = std::sync::Once::new();
        INSTALL.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let url = format!("{address}{}", paths::ME);
        let message = http_signature::Message { method: "GET", target_uri: &url, body: b"" };
        let nonce = http_signature::new_nonce().unwrap();
        let signed = http_signature::sign(&message, key, SystemClock.now(), 60, &nonce);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client
            .get(&url)
            .header(http_signature::CONTENT_DIGEST, signed.content_digest)
            .header(http_signature::SIGNATURE_INPUT, signed.signature_input)
            .header(http_signature::SIGNATURE, signed.signature);
        let response = request.send().await.unwrap();
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), retry, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn a_full_queue_of_the_writer_is_answered_with_when_to_come_back() {
        let folder = tempfile::tempdir().unwrap();
        Exchange::init(folder.path(), &MarketConfig::new(MarketId::new("m").unwrap(), "M")).unwrap();
        let exchange = Exchange::open(folder.path(), Arc::new(SystemClock)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let until = CancellationToken::new();
        let server = tokio::spawn({
            let (exchange, until) = (exchange.clone(), until.clone());
            async move { exchange.serve(listener, until).await }
        });
        let key = joined(&exchange, &address).await;

        let (enter, entered) = std::sync::mpsc::channel::<()>();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let mut waiting = tokio::task::JoinSet::new();
        let busy = exchange.clone();
        // The first command keeps the thread busy until the test lets it go.
        waiting.spawn(async move {
            let hold = move |_: &rusqlite::Connection| {
                enter.send(()).unwrap();
                left.recv().unwrap();
                Ok::<_, Failure>(())
            };
            busy.store().write(hold).await
        });
        tokio::task::spawn_blocking(move || entered.recv().unwrap()).await.unwrap();
        // One more than fit: that one is refused at once.
        for _ in 0..=crate::store::QUEUE {
            let exchange = exchange.clone();
            waiting.spawn(async move { exchange.store().write(|_| Ok::<_, Failure>(())).await });
        }
        let refused = waiting.join_next().await.unwrap().unwrap();
        assert!(matches!(&refused, Err(Failure::Store(error)) if error.is_busy()), "{refused:?}");
        let (status, retry, problem) = me(&address, &key).await;
        assert_eq!((status, retry.as_deref(), problem.code), (503, Some("1"), ProblemCode::Busy));
        leave.send(()).unwrap();
        while let Some(done) = waiting.join_next().await {
            done.unwrap().unwrap();
        }
        until.cancel();
        server.await.unwrap().unwrap();
    }
}
