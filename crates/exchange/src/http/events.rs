//! Server-sent events: what happens, as it happens, resumable and bounded.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use exchange_api::{Event, LAST_EVENT_ID, Problem, ProblemCode};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::Http;
use super::caller::Caller;
use super::refusal::Refusal;
use crate::exchange::chain;
use crate::service::Failure;
use crate::service::events::{self, Place};

/// Events that wait for a slow reader; what does not fit stays in the database and is not lost.
const QUEUE: usize = 64;
/// How many events are read at once.
const BATCH: usize = 64;
/// A silent stream says that it lives. It also shows what another process wrote, such as `announce`.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a reader may take nothing before its stream ends; it comes back with the last id.
const SLOW: Duration = Duration::from_secs(30);

/// Streams from the place that `Last-Event-ID` names, or from now on.
pub(super) async fn events(
    State(http): State<Http>,
    headers: HeaderMap,
    caller: Caller,
) -> Result<Response, Refusal> {
    let turn = http.limits.stream(&caller.member)?;
    let start = match headers.get(LAST_EVENT_ID) {
        Some(text) => text.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Problem::new(ProblemCode::BadRequest, "Last-Event-ID is none that this exchange gave out.")
        })?,
        None => http.exchange.store().read(events::newest).await?,
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    let tasks = http.tasks.clone();
    tasks.spawn(async move {
        if let Err(failure) = produce(&http, &caller, start, &sender).await {
            tracing::info!(member = %caller.member, reason = %chain(&failure), "an event stream ended");
        }
        drop(turn);
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::new(Stream(receiver))).into_response())
}

/// Sends what happens until the reader goes, is too slow, loses its key, or the exchange closes.
async fn produce(
    http: &Http,
    caller: &Caller,
    mut place: Place,
    sender: &mpsc::Sender<Bytes>,
) -> Result<(), Failure> {
    let mut happened = http.exchange.happened();
    // The id from which to resume although nothing happened yet.
    let mut frames = vec![frame(place, &Event::Start)];
    loop {
        for frame in frames.drain(..) {
            tokio::select! {
                sent = sender.send_timeout(frame, SLOW) => if sent.is_err() { return Ok(()) },
                () = http.closing.cancelled() => return Ok(()),
            }
        }
        // Marked as seen before looking, so that what comes in between wakes the wait.
        happened.mark_unchanged();
        let (member, key) = (caller.member.clone(), caller.key.clone());
        let look = move |db: &rusqlite::Connection| events::after(db, &member, &key, place, BATCH);
        for (behind, event) in http.exchange.store().read(look).await? {
            place = behind;
            frames.push(frame(place, &event));
        }
        if !frames.is_empty() {
            continue;
        }
        tokio::select! {
            changed = happened.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep(HEARTBEAT) => frames.push(Bytes::from_static(b":\n\n")),
            () = sender.closed() => return Ok(()),
            () = http.closing.cancelled() => return Ok(()),
        }
    }
}

fn frame(place: Place, event: &Event) -> Bytes {
    let data = serde_json::to_string(event).expect("an event has text keys and finite numbers");
    Bytes::from(format!("id: {place}\nevent: {}\ndata: {data}\n\n", event.name()))
}

/// The body of the answer: what the producer has queued.
struct Stream(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
