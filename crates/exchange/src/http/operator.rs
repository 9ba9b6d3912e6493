//! The operator's page: signing in by a one-time link, the page's files, and what it shows, as JSON.
//!
//! Read-only by design: what changes the market is done by the commands on the exchange's own machine. So a stolen
//! session sees everything and moves nothing, and no request from another site is worth forging.

mod session;

use std::collections::HashMap;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use exchange_api::{Problem, ProblemCode};
use serde::Serialize;
use units::DayKey;

use super::refusal::Refusal;
use super::{Http, caller};
use crate::service::operator::{OperatorView, Role};
pub(super) use session::Sessions;

const PAGE: &str = "/operator";
const LOGIN: &str = "/operator/login";
/// A form with a code has some thirty bytes.
const MAX_FORM: usize = 1024;

/// Only the page's own files, no inline script or style, no other site, no frame; and what is written into the page
/// can never be taken for markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'";

/// The page's files, by name.
const FILES: &[(&str, &str, &str)] = &[
    ("operator.css", "text/css; charset=utf-8", include_str!("operator/page/operator.css")),
    ("operator.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/operator.mjs")),
    ("login.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/login.mjs")),
    ("attention.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/attention.mjs")),
    ("today.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/today.mjs")),
    ("members.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/members.mjs")),
    ("books.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/books.mjs")),
    ("parts.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/parts.mjs")),
    ("chart.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/chart.mjs")),
    ("words.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/words.mjs")),
    ("format.mjs", "text/javascript; charset=utf-8", include_str!("operator/page/format.mjs")),
    ("icon.svg", "image/svg+xml", include_str!("operator/page/icon.svg")),
];

pub(super) fn routes(http: &Http) -> Router<Http> {
    Router::new()
        .route(PAGE, get(page))
        .route(LOGIN, get(login_page).post(login))
        .route("/operator/logout", post(logout))
        .route("/operator/data", get(data))
        .route("/operator/files/{name}", get(file))
        .route_layer(from_fn_with_state(http.clone(), guard))
}

/// Answers only to the exchange's own names, so that no other site's name leads here, and sets what holds of all answers.
async fn guard(State(http): State<Http>, request: Request, next: Next) -> Response {
    let mut response = match caller::target(request.uri(), request.headers(), &http) {
        Ok(_) => next.run(request).await,
        Err(problem) => Refusal(problem).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: with that browsers say "null" for the origin of a form.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn page(State(http): State<Http>, headers: HeaderMap) -> Response {
    match role(&http, &headers) {
        Some(_) => html(include_str!("operator/page/operator.html")),
        None => to(LOGIN),
    }
}

async fn login_page() -> Response {
    html(include_str!("operator/page/login.html"))
}

async fn file(axum::extract::Path(name): axum::extract::Path<String>) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => ([(header::CONTENT_TYPE, *kind)], *text).into_response(),
        None => Refusal(Problem::new(ProblemCode::NotFound, "The page has no such file.")).into_response(),
    }
}

/// What the page shows, and to whom.
#[derive(Serialize)]
struct Shown {
    role: Role,
    #[serde(flatten)]
    view: OperatorView,
}

async fn data(
    State(http): State<Http>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Json<Shown>, Refusal> {
    let Some(role) = role(&http, &headers) else {
        let detail = "Open the page with a link from `wattle-exchange operator-link`.";
        return Err(Problem::new(ProblemCode::Unsigned, detail).into());
    };
    let day = query.get("day").map(|text| day(text)).transpose()?;
    Ok(Json(Shown { role, view: http.exchange.operator_view(day).await? }))
}

/// Reads a day of four digits a year: beyond them calendars end.
fn day(text: &str) -> Result<DayKey, Problem> {
    let day = text.parse().ok().filter(|_| text.len() == "2026-06-01".len());
    day.ok_or_else(|| Problem::new(ProblemCode::BadRequest, "day: it must be a date such as 2026-06-01."))
}

/// Signs in with the code of a link. The link carries it behind `#`, where no server, log or preview sees it.
async fn login(State(http): State<Http>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    if !is_from_here(&parts.headers) {
        return Err(Problem::new(ProblemCode::BadRequest, "Sign in on the exchange's own page.").into());
    }
    let Some(code) = form_code(body).await else { return Ok(to("/operator/login?refused")) };
    let Some(role) = http.exchange.redeem_link(code).await? else {
        tracing::warn!("someone tried to open the operator's page with a link that is not valid");
        return Ok(to("/operator/login?refused"));
    };
    let token = http
        .sessions
        .begin(role, Instant::now())
        .map_err(|error| Problem::new(ProblemCode::Internal, error.to_string()))?;
    tracing::info!(?role, "the operator's page was opened");
    Ok(with_cookie(to(PAGE), &session::cookie(&token, is_encrypted(&parts.headers))))
}

async fn logout(State(http): State<Http>, headers: HeaderMap) -> Result<Response, Refusal> {
    if !is_from_here(&headers) {
        return Err(Problem::new(ProblemCode::BadRequest, "Sign out on the exchange's own page.").into());
    }
    if let Some(token) = session::token(&headers) {
        http.sessions.end(token);
    }
    Ok(with_cookie(to(LOGIN), &session::no_cookie()))
}

fn role(http: &Http, headers: &HeaderMap) -> Option<Role> {
    http.sessions.role(session::token(headers)?, Instant::now())
}

/// Returns whether a form was sent from a page of this exchange. Browsers say so themselves.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, host)| Some(host) == text(header::HOST))
}

/// Returns whether the browser reached the page by TLS, also where something in front of the exchange encrypts.
fn is_encrypted(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

async fn form_code(body: Body) -> Option<String> {
    let bytes = axum::body::to_bytes(body, MAX_FORM).await.ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    let code = text.split('&').find_map(|field| field.strip_prefix("code="))?;
    // Spaces around a code that was copied by hand.
    Some(code.replace("%20", "").replace('+', ""))
}

fn html(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

/// Sends the browser on with a GET.
fn to(path: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
