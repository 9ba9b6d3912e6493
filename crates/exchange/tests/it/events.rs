//! The stream of events: what happens as it happens, one's own only, resumable, bounded.

use std::time::Duration;

use exchange_api::{Event, EventStream, LAST_EVENT_ID, ProblemCode, Received, SlotState};

use crate::street::{Home, Street, slot};

const NOON: &str = "2026-06-01T12:00:00Z";

/// Long enough for a busy machine, should something never come.
const PATIENCE: Duration = Duration::from_secs(20);

async fn next(stream: &mut EventStream) -> Received {
    let received = tokio::time::timeout(PATIENCE, stream.next()).await.expect("an event comes in time");
    received.unwrap().expect("the stream goes on")
}

async fn started(home: &Home, last: Option<&str>) -> (EventStream, String) {
    let mut stream = home.client.events(last).await.unwrap();
    let first = next(&mut stream).await;
    assert_eq!(first.event, Event::Start);
    (stream, first.id)
}

/// Reads until an event, and returns those before it as well.
async fn until(stream: &mut EventStream, wanted: impl Fn(&Event) -> bool) -> Vec<Received> {
    let mut seen = Vec::new();
    loop {
        seen.push(next(stream).await);
        if wanted(&seen.last().unwrap().event) {
            return seen;
        }
    }
}

fn is_settlement(event: &Event) -> bool {
    matches!(event, Event::Settlement { .. })
}

#[tokio::test]
async fn a_slots_life_and_ones_own_settlements_come_as_they_happen() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    let (mut stream, _) = started(&home, None).await;
    street.at("2026-06-01T12:15:00Z").await;
    home.report(slot(NOON), Some([0, 100, 0, 0])).await;
    other.report(slot(NOON), Some([0, 200, 0, 0])).await;
    street.exchange.tick().await.unwrap();
    let seen = until(&mut stream, is_settlement).await;
    let steps: Vec<SlotState> = seen
        .iter()
        .filter_map(|received| match &received.event {
            Event::Slot { slot: of, state, .. } if *of == slot(NOON) => Some(*state),
            _ => None,
        })
        .collect();
    use SlotState::{Cleared, Delivered, ReadingsClosed, Settled};
    assert_eq!(steps, [Delivered, ReadingsClosed, Cleared, Settled]);
    let own = home.client.settlements(0, 0).await.unwrap().settlements.remove(0);
    let told = Event::Settlement { cursor: own.cursor, slot: slot(NOON), version: 1 };
    assert_eq!(seen.last().unwrap().event, told);
    street.exchange.announce("The line is mended tomorrow.").await.unwrap();
    let announced = until(&mut stream, |event| matches!(event, Event::Announcement { .. })).await;
    // The neighbour's settlement was not among them.
    assert!(!announced.iter().any(|received| is_settlement(&received.event)));
}

#[tokio::test]
async fn a_stream_goes_on_where_the_last_one_broke_also_across_a_restart() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let (stream, start) = started(&home, None).await;
    drop(stream);
    street.at("2026-06-01T12:15:00Z").await;
    home.report(slot(NOON), None).await;
    street.exchange.tick().await.unwrap();
    let (mut stream, _) = started(&home, Some(&start)).await;
    let whole = until(&mut stream, is_settlement).await;
    assert!(whole.len() >= 5, "{whole:?}");
    let middle = whole[2].id.clone();
    drop(stream);
    let street = street.restart().await;
    let home = home.moved_to(&street);
    let (mut stream, at) = started(&home, Some(&middle)).await;
    assert_eq!(at, middle);
    assert_eq!(until(&mut stream, is_settlement).await, whole[3..]);
    let wrong = home.client.events(Some("yesterday")).await.unwrap_err();
    assert_eq!(wrong.code(), Some(ProblemCode::BadRequest));
    assert_eq!(LAST_EVENT_ID, "last-event-id");
}

#[tokio::test]
async fn a_member_has_four_streams_and_who_leaves_makes_room() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(started(&home, None).await);
    }
    let fifth = home.client.events(None).await.unwrap_err();
    assert_eq!(fifth.code(), Some(ProblemCode::TooManyRequests));
    started(&other, None).await;
    streams.pop();
    let again = async {
        while home.client.events(None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_with_its_key_and_with_the_exchange() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    let ((mut revoked, _), (mut kept, _)) = (started(&home, None).await, started(&other, None).await);
    street.exchange.revoke(home.key.key_id()).await.unwrap();
    street.exchange.announce("One key less.").await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, revoked.next()).await.unwrap();
    assert_eq!(ended.unwrap(), None);
    assert!(matches!(next(&mut kept).await.event, Event::Announcement { .. }));
    // A restart waits for what is under way; a stream does not hold it up.
    let street = tokio::time::timeout(PATIENCE, street.restart()).await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, kept.next()).await.unwrap().unwrap(), None);
    let error = street.exchange.announce("two\nlines").await.unwrap_err();
    assert!(matches!(error, exchange::Failure::Refused(_)), "{error}");
}
