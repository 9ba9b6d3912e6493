//! The log: its head, tiles and growth for everyone; opened entries and proofs for members.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use exchange_api::{EntriesProof, EntryPage, LogGrowth, Problem, ProblemCode, ProveEntries, paths};
use ledger::Tile;
use rusqlite::Connection;

use super::Http;
use super::caller::Caller;
use super::refusal::Refusal;
use super::routes::number;
use crate::service::{Failure, log};

/// How soon it is looked again after the log grew: a busy market commits a hundred times a second.
const BREATH: Duration = Duration::from_millis(100);
/// How long another process, such as an import of readings, can make the log grow unnoticed.
const UNNOTICED: Duration = Duration::from_secs(2);

pub(super) async fn checkpoint(State(http): State<Http>) -> Result<impl IntoResponse, Refusal> {
    let head = http.exchange.store().read(log::newest_head).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], head.to_string()))
}

pub(super) async fn tile(
    State(http): State<Http>,
    Path(path): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    let tile: Tile = format!("tile/{path}")
        .parse()
        .map_err(|error| Problem::new(ProblemCode::NotFound, format!("{error}.")))?;
    let bytes = http.exchange.store().read(move |db: &Connection| log::tile(db, tile)).await?;
    // Its hashes will never be others.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes))
}

pub(super) async fn consistency(
    State(http): State<Http>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<LogGrowth>, Refusal> {
    let size = |name: &str| -> Result<u64, Problem> {
        number(&query, name)?
            .ok_or_else(|| Problem::new(ProblemCode::BadRequest, format!("{name}: a size of the log.")))
    };
    let (from, to) = (size("from")?, size("to")?);
    Ok(Json(http.exchange.store().read(move |db: &Connection| log::growth(db, from, to)).await?))
}

pub(super) async fn prove(State(http): State<Http>, caller: Caller) -> Result<Json<EntriesProof>, Refusal> {
    let wanted: ProveEntries = caller.json()?;
    Ok(Json(http.exchange.store().read(move |db: &Connection| log::prove(db, &wanted)).await?))
}

/// Answers at once if there is something newer, else when there is, else empty after the wait.
pub(super) async fn entries(
    State(http): State<Http>,
    Query(query): Query<HashMap<String, String>>,
    caller: Caller,
) -> Result<Json<EntryPage>, Refusal> {
    let _turn = http.limits.poll()?;
    let after: Option<u64> = number(&query, "after")?;
    let limit: usize = number(&query, "limit")?.unwrap_or(paths::ENTRY_PAGE).clamp(1, paths::ENTRY_PAGE);
    let wait_s: u32 = number(&query, "wait_s")?.unwrap_or(0);
    let wait = Duration::from_secs(wait_s.min(paths::MAX_WAIT_S).into());
    let until = tokio::time::Instant::now() + wait;
    let mut grown = http.exchange.store().grown();
    loop {
        // Marked as seen before looking, so that what comes in between wakes the wait.
        grown.mark_unchanged();
        let member = caller.member.clone();
        let look = move |db: &Connection| log::page(db, &member, after, limit);
        let page = http.exchange.store().read::<_, Failure>(look).await?;
        if !page.entries.is_empty() || tokio::time::Instant::now() >= until {
            return Ok(Json(page));
        }
        tokio::select! {
            changed = grown.changed() => if changed.is_err() { return Ok(Json(page)) },
            () = tokio::time::sleep(UNNOTICED) => {}
            () = tokio::time::sleep_until(until) => {}
            () = http.closing.cancelled() => return Ok(Json(page)),
        }
        tokio::time::sleep(BREATH).await;
    }
}
