//! Placing, cancelling and listing orders.

use exchange_api::{CancelOrders, Limits, Order, OrderOutcome, OrderState, ProblemCode};
use market::Side;
use units::{MarketId, MemberId, Money, OrderId, SystemClock};

use crate::street::{Home, NowPlus as _, Street, assert_accepted, assert_refused, price, slot, wh};

const ONE: &str = "2026-06-01T13:00:00Z";

async fn open_orders(home: &Home) -> Vec<(OrderId, OrderState)> {
    let list = home.client.orders(slot("2026-06-01T12:00:00Z"), slot("2026-06-03T12:00:00Z")).await.unwrap();
    list.orders.into_iter().map(|status| (status.order.id, status.state)).collect()
}

#[tokio::test]
async fn the_same_id_with_the_same_content_is_the_same_order() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let order = home.order(slot(ONE), Side::Sell, 500, 120_000);
    let first = home.place(order.clone()).await;
    assert_accepted(&first);
    street.at("2026-06-01T12:10:00Z").await;
    assert_eq!(home.place(order.clone()).await, first);
    // Also after its gate, when the answer to the first try was lost.
    street.at("2026-06-01T13:20:00Z").await;
    assert_eq!(home.place(order.clone()).await, first);
    let other = Order { quantity: wh(501), ..order };
    assert_refused(&home.place(other).await, ProblemCode::IdTaken);
    assert_eq!(open_orders(&home).await.len(), 1);
}

#[tokio::test]
async fn nobody_takes_anothers_id() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    let order = home.offer(slot(ONE), 500, 120_000).await;
    let copied = Order { member: other.member.clone(), ..order };
    assert_refused(&other.place(copied).await, ProblemCode::IdTaken);
}

#[tokio::test]
async fn each_refusal_has_its_reason() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let good = || home.order(slot(ONE), Side::Sell, 500, 120_000);
    let cases = [
        (Order { slot: slot("2026-06-01T12:00:00Z"), ..good() }, ProblemCode::PastSlot),
        (Order { slot: slot("2026-05-01T12:00:00Z"), ..good() }, ProblemCode::PastSlot),
        (Order { slot: slot("2026-06-02T12:15:00Z"), ..good() }, ProblemCode::TooFarAhead),
        (Order { limit: price(300_001), ..good() }, ProblemCode::OutsideCapAndFloor),
        (Order { limit: price(79_999), ..good() }, ProblemCode::OutsideCapAndFloor),
        (Order { quantity: wh(6_001), ..good() }, ProblemCode::BeyondFuse),
        (Order { quantity: wh(0), ..good() }, ProblemCode::NoQuantity),
        (Order { quantity: wh(-5), ..good() }, ProblemCode::NoQuantity),
        (Order { market: MarketId::new("other").unwrap(), ..good() }, ProblemCode::WrongMarket),
        (Order { member: MemberId::new("home-02").unwrap(), ..good() }, ProblemCode::NotYours),
        (Order { id: OrderId::new("mine").unwrap(), ..good() }, ProblemCode::BadRequest),
        (
            Order { id: OrderId::new("01890A5D-AC96-774B-BCCE-B302099A8057").unwrap(), ..good() },
            ProblemCode::BadRequest,
        ),
        (
            Order { id: OrderId::new("f47ac10b-58cc-4372-a567-0e02b2c3d479").unwrap(), ..good() },
            ProblemCode::BadRequest,
        ),
    ];
    for (order, code) in cases {
        assert_refused(&home.place(order).await, code);
    }
    let mut forged = home.sign(good());
    forged.body.limit = price(130_000);
    assert_refused(&home.place_signed(forged).await, ProblemCode::BadSignature);
    let mut unknown = home.sign(good());
    unknown.key = units::KeyId::new("nobody").unwrap();
    assert_refused(&home.place_signed(unknown).await, ProblemCode::UnknownKey);
    assert!(open_orders(&home).await.is_empty());
    // The limits themselves are within.
    for order in [
        Order { limit: price(300_000), ..good() },
        Order { limit: price(80_000), ..good() },
        Order { quantity: wh(6_000), ..good() },
        Order { slot: slot("2026-06-02T12:00:00Z"), ..good() },
    ] {
        assert_accepted(&home.place(order).await);
    }
}

#[tokio::test]
async fn an_unaligned_slot_is_refused_by_name() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let order = serde_json::to_string(&home.sign(home.order(slot(ONE), Side::Sell, 1, 120_000))).unwrap();
    let body = format!("{{\"orders\":[{}]}}", order.replace("13:00:00Z", "13:07:00Z"));
    let answer = crate::wire::post(&home, &street.address, "/v1/orders", body.as_bytes()).await;
    assert_eq!(answer.code, Some(ProblemCode::UnalignedSlot));
}

#[tokio::test]
async fn the_exchanges_time_decides_about_the_gate() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    street.at("2026-06-01T12:54:59.999Z").await;
    home.offer(slot(ONE), 500, 120_000).await;
    // No tick in between: the clock alone closes the gate.
    street.clock.set("2026-06-01T12:55:00Z".parse().unwrap());
    let late = home.order(slot(ONE), Side::Sell, 500, 120_000);
    assert_refused(&home.place(late).await, ProblemCode::GateClosed);
}

#[tokio::test]
async fn one_bad_order_does_not_spoil_the_others() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let order = |energy| home.sign(home.order(slot(ONE), Side::Buy, energy, 200_000));
    let outcomes = home.client.place_orders(vec![order(100), order(0), order(200)]).await.unwrap().outcomes;
    assert_accepted(&outcomes[0]);
    assert_refused(&outcomes[1], ProblemCode::NoQuantity);
    assert_accepted(&outcomes[2]);
}

#[tokio::test]
async fn a_days_purchases_stay_within_the_exposure() {
    let street = Street::new().await;
    // Enough for 1000 Wh at 0.20.
    let limits = Limits { fuse_w: 24_000, exposure: Money::from_nanos(200_000_000) };
    let invitation = street.invite_with("home-01", limits, SystemClock::now_plus(60)).await;
    let home = Home::new(&street.address, "home-01", exchange_api::DeviceKey::generate().unwrap());
    home.join(&invitation).await.unwrap();
    let first = home.bid(slot(ONE), 600, 200_000).await;
    let much = home.order(slot("2026-06-01T14:00:00Z"), Side::Buy, 401, 200_000);
    assert_refused(&home.place(much.clone()).await, ProblemCode::BeyondExposure);
    // A sale costs nothing, and the next local day (22:00 UTC in summer) counts for itself.
    home.offer(slot("2026-06-01T14:00:00Z"), 5_000, 200_000).await;
    home.bid(slot("2026-06-01T22:00:00Z"), 1_000, 200_000).await;
    let last_of_day = home.order(slot("2026-06-01T21:45:00Z"), Side::Buy, 401, 200_000);
    assert_refused(&home.place(last_of_day).await, ProblemCode::BeyondExposure);
    home.client.cancel_orders(&CancelOrders::Ids(vec![first.id])).await.unwrap();
    assert_accepted(&home.place(much).await);
}

#[tokio::test]
async fn orders_are_cancelled_before_the_gate_and_bound_after_it() {
    let street = Street::new().await;
    let (home, other) = (street.home("home-01").await, street.home("home-02").await);
    let soon = home.offer(slot("2026-06-01T12:15:00Z"), 100, 120_000).await;
    let later = home.offer(slot(ONE), 100, 120_000).await;
    let last = home.offer(slot(ONE), 100, 120_000).await;
    street.at("2026-06-01T12:10:00Z").await;
    let cancel = |ids: &[&Order]| CancelOrders::Ids(ids.iter().map(|order| order.id.clone()).collect());
    let outcomes = home.client.cancel_orders(&cancel(&[&soon, &later])).await.unwrap().outcomes;
    assert_eq!(outcomes[0], OrderOutcome::Bound { id: soon.id.clone() });
    assert!(matches!(&outcomes[1], OrderOutcome::Cancelled { id, index: Some(_) } if *id == later.id));
    // Again is no trouble; another's order is none at all.
    assert_eq!(home.client.cancel_orders(&cancel(&[&later])).await.unwrap().outcomes[0], outcomes[1]);
    let stranger = other.client.cancel_orders(&cancel(&[&last])).await.unwrap().outcomes.remove(0);
    assert_refused(&stranger, ProblemCode::NotFound);
    let all = home.client.cancel_orders(&CancelOrders::All).await.unwrap().outcomes;
    assert!(matches!(all.as_slice(), [OrderOutcome::Cancelled { id, index: Some(_) }] if *id == last.id));
    // A cancelled order does not come back by being sent again.
    assert_eq!([home.place(last.clone()).await].as_slice(), all);
    use OrderState::{Bound, Cancelled};
    assert_eq!(open_orders(&home).await, [(soon.id, Bound), (later.id, Cancelled), (last.id, Cancelled)]);
    assert!(open_orders(&other).await.is_empty());
}

#[tokio::test]
async fn a_slot_takes_a_limited_number_of_orders_of_a_member() {
    let street = Street::new().await;
    let home = street.home("home-01").await;
    let order = |_| home.sign(home.order(slot(ONE), Side::Sell, 1, 120_000));
    let outcomes = home.client.place_orders((0..33).map(order).collect()).await.unwrap().outcomes;
    assert_accepted(&outcomes[31]);
    assert_refused(&outcomes[32], ProblemCode::TooManyRequests);
}
