//! HTTP on loopback: paths, limits, signatures; every refusal is a problem document.

mod caller;
mod limits;
mod refusal;
mod routes;

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use exchange_api::{Problem, ProblemCode, paths};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::exchange::Exchange;
use limits::{Limits, REQUEST_TIMEOUT};
use refusal::Refusal;

/// What every handler may use.
#[derive(Clone)]
struct Http {
    exchange: Exchange,
    /// The names by which this exchange may be called: a request signed for another is of no use here.
    hosts: Arc<HashSet<String>>,
    limits: Arc<Limits>,
    closing: CancellationToken,
}

pub(crate) async fn serve(
    exchange: Exchange,
    listener: TcpListener,
    until: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let port = address.port();
    let hosts =
        HashSet::from([address.to_string(), format!("localhost:{port}"), format!("127.0.0.1:{port}")]);
    let http = Http { exchange, hosts: Arc::new(hosts), limits: Arc::default(), closing: until.clone() };
    let listener = limits::Counted::new(listener);
    axum::serve(listener, router(http)).with_graceful_shutdown(until.cancelled_owned()).await
}

fn router(http: Http) -> Router {
    Router::new()
        .route(paths::MARKET, get(routes::market))
        .route(paths::MEMBERS, post(routes::join))
        .route(paths::ME, get(routes::me))
        .route(paths::CONTRACT, put(routes::change_contract))
        .route(paths::TERMS, put(routes::agree_to_terms))
        .route(paths::ORDERS, post(routes::place_orders).get(routes::list_orders))
        .route(paths::CANCEL, post(routes::cancel_orders))
        .route(paths::DEALS, post(routes::propose_deal).get(routes::list_deals))
        .route(paths::ACCEPT_DEAL, post(routes::accept_deal))
        .route(paths::END_DEAL, post(routes::end_deal))
        .route(paths::READINGS, post(routes::report_readings))
        .route(paths::SLOTS, get(routes::slots))
        .layer(from_fn_with_state(http.clone(), limited))
        // A long poll waits by design, so it has limits of its own.
        .route(paths::SETTLEMENTS, get(routes::settlements))
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
