//! Direct deals: proposed, agreed to, served before the auction, ended.

use exchange_api::{
    ClientError, Day, Deal, DealFill, DealState, DealStatus, MemberSettlement, ProblemCode, Signed,
    new_deal_id, new_salt,
};
use market::Side;
use units::{DealId, MarketId, MemberId, Price};

use crate::street::{Home, Street, assert_refused, price, slot, wh};

const NOON: &str = "2026-06-01T12:00:00Z";
const NEXT: &str = "2026-06-01T12:15:00Z";
const THIRD: &str = "2026-06-01T12:30:00Z";

fn deal(seller: &Home, buyer: &Home, micros: i64, cap: i64) -> Deal {
    Deal {
        id: new_deal_id(),
        market: MarketId::new("lindenweg").unwrap(),
        seller: seller.member.clone(),
        buyer: buyer.member.clone(),
        price: price(micros),
        cap: wh(cap),
        cap_per_day: None,
        days: Day::ALL.to_vec(),
        hours: None,
        zone: "Europe/Berlin".to_owned(),
        from: slot(NOON),
        until: None,
    }
}

async fn propose(home: &Home, deal: &Deal) -> Result<DealStatus, ClientError> {
    let signed = Signed::sign(deal.clone(), &home.key, new_salt().unwrap()).unwrap();
    home.client.propose_deal(&signed).await
}

async fn accept(home: &Home, deal: &Deal) -> Result<DealStatus, ClientError> {
    let signed = Signed::sign(deal.clone(), &home.key, new_salt().unwrap()).unwrap();
    home.client.accept_deal(&signed).await
}

async fn agree(seller: &Home, buyer: &Home, deal: &Deal) {
    propose(seller, deal).await.unwrap();
    assert_eq!(accept(buyer, deal).await.unwrap().state, DealState::Agreed);
}

fn code<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> Option<ProblemCode> {
    outcome.unwrap_err().code()
}

/// Lets a slot pass: each home reports import and export, the registers telescope from zero.
async fn pass(street: &Street, at: &str, energies: &[(&Home, i64, i64)]) {
    let one = slot(at);
    if one.end() > street.exchange.now() {
        street.at(&one.end().to_string()).await;
    }
    for (home, import, export) in energies {
        home.report(one, Some([0, *import, 0, *export])).await;
    }
    street.exchange.tick().await.unwrap();
}

async fn settlement(home: &Home, at: &str) -> MemberSettlement {
    let page = home.client.settlements(0, 0).await.unwrap();
    page.settlements.into_iter().rfind(|settlement| settlement.slot == slot(at)).expect("the slot is settled")
}

#[tokio::test]
async fn a_deal_is_served_before_the_auction_at_its_own_price() {
    let street = Street::with(|config| config.operator_fee_micros_per_kwh = price(4_000)).await;
    let [seller, friend, other] =
        [street.home("home-01").await, street.home("home-02").await, street.home("home-03").await];
    let gift = deal(&seller, &friend, 0, 300);
    agree(&seller, &friend, &gift).await;
    seller.offer(slot(NEXT), 1000, 100_000).await;
    other.bid(slot(NEXT), 1000, 250_000).await;
    for home in [&seller, &friend, &other] {
        street.clock.set("2026-06-01T12:15:00Z".parse().unwrap());
        home.report(slot(NOON), None).await;
    }
    pass(&street, NEXT, &[(&seller, 0, 800), (&friend, 500, 0), (&other, 900, 0)]).await;
    let sold = settlement(&seller, NEXT).await;
    let fill = |side, partner: &Home| DealFill {
        deal: gift.id.clone(),
        side,
        partner: partner.member.clone(),
        filled: wh(300),
        price: Price::ZERO,
        grid_fee: units::Money::ZERO,
    };
    assert_eq!(sold.deals, [fill(Side::Sell, &friend)]);
    // 300 to the friend, the rest to the auction.
    assert_eq!((sold.sold, sold.fills[0].filled, sold.to_utility), (wh(800), wh(500), wh(0)));
    let bought = settlement(&friend, NEXT).await;
    assert_eq!(bought.deals, [fill(Side::Buy, &seller)]);
    assert_eq!((bought.bought, bought.from_utility), (wh(300), wh(200)));
    // A gift costs half of the operator's fee, and the rest is the utility's.
    let amounts: Vec<_> = bought
        .postings
        .iter()
        .map(|it| (it.reference.as_str(), it.what.as_str(), it.amount.nanos()))
        .collect();
    assert_eq!(
        amounts,
        [(gift.id.as_str(), "operator_fee", -300 * 2_000), ("home-02", "retail", -200 * 300_000)]
    );
    assert!(settlement(&other, NEXT).await.deals.is_empty());
    let audit = street.exchange.audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");
}

#[tokio::test]
async fn the_earliest_agreed_deal_is_served_first_whatever_its_price() {
    let street = Street::new().await;
    let [seller, early, late] =
        [street.home("home-01").await, street.home("home-02").await, street.home("home-03").await];
    let second = deal(&seller, &late, 200_000, 500);
    propose(&seller, &second).await.unwrap();
    let first = deal(&seller, &early, 90_000, 500);
    agree(&seller, &early, &first).await;
    street.at("2026-06-01T12:01:00Z").await;
    accept(&late, &second).await.unwrap();
    street.at("2026-06-01T12:15:00Z").await;
    for home in [&seller, &early, &late] {
        home.report(slot(NOON), None).await;
    }
    pass(&street, NEXT, &[(&seller, 0, 600), (&early, 500, 0), (&late, 500, 0)]).await;
    assert_eq!(settlement(&early, NEXT).await.bought, wh(500));
    assert_eq!(settlement(&late, NEXT).await.bought, wh(100));
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn what_a_day_may_bring_is_honoured_in_whatever_order_slots_settle() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let daily = Deal { cap_per_day: Some(wh(700)), ..deal(&seller, &buyer, 150_000, 500) };
    agree(&seller, &buyer, &daily).await;
    street.at("2026-06-01T13:00:00Z").await;
    for home in [&seller, &buyer] {
        home.report(slot(NOON), None).await;
    }
    let registers = |start: i64| (Some([0, 0, start, start + 600]), Some([start, start + 600, 0, 0]));
    // The later slot is complete first.
    for (at, start) in [(THIRD, 600), (NEXT, 0), ("2026-06-01T12:45:00Z", 1200)] {
        let (sold, bought) = registers(start);
        seller.report(slot(at), sold).await;
        buyer.report(slot(at), bought).await;
        street.exchange.tick().await.unwrap();
    }
    assert_eq!(settlement(&buyer, THIRD).await.bought, wh(500));
    assert_eq!(settlement(&buyer, NEXT).await.bought, wh(200));
    let exhausted = settlement(&buyer, "2026-06-01T12:45:00Z").await;
    assert_eq!((exhausted.bought, exhausted.from_utility, exhausted.deals.len()), (wh(0), wh(600), 0));
    // The next local day begins at 22:00 UTC.
    street.at("2026-06-01T22:15:00Z").await;
    let (sold, bought) = registers(1800);
    seller.report(slot("2026-06-01T22:00:00Z"), sold).await;
    buyer.report(slot("2026-06-01T22:00:00Z"), bought).await;
    street.at("2026-06-01T23:15:00Z").await;
    assert_eq!(settlement(&buyer, "2026-06-01T22:00:00Z").await.bought, wh(500));
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn a_deal_holds_from_the_next_open_gate_and_ends_at_the_next() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let open = deal(&seller, &buyer, 150_000, 500);
    street.at("2026-06-01T12:10:00Z").await;
    propose(&seller, &open).await.unwrap();
    let agreed = accept(&buyer, &open).await.unwrap();
    // The gate of 12:15 closed this moment.
    assert_eq!((agreed.served_from, agreed.served_until), (Some(slot(THIRD)), None));
    street.at("2026-06-01T12:26:00Z").await;
    let ended = buyer.client.end_deal(&open.id).await.unwrap();
    let expected = (DealState::Ended, Some(buyer.member.clone()), Some(slot("2026-06-01T12:45:00Z")));
    assert_eq!((ended.state, ended.ended_by.clone(), ended.served_until), expected);
    // Again is the same, also by the other side.
    street.at("2026-06-01T13:00:00Z").await;
    assert_eq!(seller.client.end_deal(&open.id).await.unwrap(), ended);
    for home in [&seller, &buyer] {
        home.report(slot(NOON), None).await;
    }
    for (at, start) in [(NEXT, 0), (THIRD, 100), ("2026-06-01T12:45:00Z", 200)] {
        seller.report(slot(at), Some([0, 0, start, start + 100])).await;
        buyer.report(slot(at), Some([start, start + 100, 0, 0])).await;
    }
    street.exchange.tick().await.unwrap();
    for (at, bought) in [(NEXT, 0), (THIRD, 100), ("2026-06-01T12:45:00Z", 0)] {
        assert_eq!(settlement(&buyer, at).await.bought, wh(bought), "{at}");
    }
    assert_eq!(code(accept(&buyer, &deal(&seller, &buyer, 1, 1)).await), Some(ProblemCode::NotFound));
    // An ended deal does not come back by being sent again.
    assert_eq!(propose(&seller, &open).await.unwrap().state, DealState::Ended);
}

#[tokio::test]
async fn both_sides_sign_the_same_words() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let said = deal(&seller, &buyer, 150_000, 500);
    let first = propose(&seller, &said).await.unwrap();
    assert_eq!(
        (first.state, first.agreed_at, first.proposed_by.clone()),
        (DealState::Proposed, None, seller.member.clone())
    );
    assert_eq!(propose(&seller, &said).await.unwrap(), first);
    assert_eq!(
        code(propose(&seller, &Deal { cap: wh(501), ..said.clone() }).await),
        Some(ProblemCode::IdTaken)
    );
    assert_eq!(code(propose(&buyer, &said).await), Some(ProblemCode::IdTaken));
    assert_eq!(
        code(accept(&buyer, &Deal { price: price(149_999), ..said.clone() }).await),
        Some(ProblemCode::IdTaken)
    );
    assert_eq!(code(accept(&seller, &said).await), Some(ProblemCode::NotYours));
    // The seller's signature is not the buyer's.
    let by_seller = Signed::sign(said.clone(), &seller.key, new_salt().unwrap()).unwrap();
    assert_eq!(code(buyer.client.accept_deal(&by_seller).await), Some(ProblemCode::UnknownKey));
    let mut forged = Signed::sign(said.clone(), &buyer.key, new_salt().unwrap()).unwrap();
    forged.body.price = price(0);
    assert_eq!(code(buyer.client.accept_deal(&forged).await), Some(ProblemCode::BadSignature));
    let agreed = accept(&buyer, &said).await.unwrap();
    street.at("2026-06-01T12:03:00Z").await;
    assert_eq!(accept(&buyer, &said).await.unwrap(), agreed);
    assert_eq!(seller.client.deals().await.unwrap().deals, std::slice::from_ref(&agreed));
    assert_eq!(buyer.client.deals().await.unwrap().deals, [agreed]);
}

#[tokio::test]
async fn anothers_deal_is_not_there() {
    let street = Street::new().await;
    let [seller, buyer, stranger] =
        [street.home("home-01").await, street.home("home-02").await, street.home("home-03").await];
    let secret = deal(&seller, &buyer, 150_000, 500);
    propose(&seller, &secret).await.unwrap();
    let missing = stranger.client.end_deal(&new_deal_id()).await.unwrap_err();
    for error in [
        stranger.client.end_deal(&secret.id).await.unwrap_err(),
        accept(&stranger, &secret).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), missing.to_string());
    }
    assert_eq!(code(propose(&stranger, &deal(&seller, &buyer, 1, 1)).await), Some(ProblemCode::NotYours));
    assert!(stranger.client.deals().await.unwrap().deals.is_empty());
    // Its id is taken, for orders as well.
    let mut order = stranger.order(slot("2026-06-01T13:00:00Z"), Side::Buy, 1, 200_000);
    order.id = units::OrderId::new(secret.id.as_str()).unwrap();
    assert_refused(&stranger.place(order).await, ProblemCode::IdTaken);
}

#[tokio::test]
async fn each_refusal_of_a_deal_has_its_reason() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    street.invite("home-03").await;
    let good = || deal(&seller, &buyer, 150_000, 500);
    let ordered = seller.offer(slot("2026-06-01T13:00:00Z"), 10, 100_000).await;
    let member = |id: &str| MemberId::new(id).unwrap();
    for (bad, expected) in [
        (Deal { price: price(-1), ..good() }, ProblemCode::OutsideCapAndFloor),
        (Deal { price: price(300_001), ..good() }, ProblemCode::OutsideCapAndFloor),
        (Deal { cap: wh(0), ..good() }, ProblemCode::NoQuantity),
        (Deal { cap_per_day: Some(wh(0)), ..good() }, ProblemCode::NoQuantity),
        (Deal { cap: wh((1 << 40) + 1), ..good() }, ProblemCode::BadRequest),
        (Deal { buyer: seller.member.clone(), ..good() }, ProblemCode::DealWithOneself),
        (Deal { buyer: member("nobody"), ..good() }, ProblemCode::NotFound),
        // Invited, and not there yet.
        (Deal { buyer: member("home-03"), ..good() }, ProblemCode::NotFound),
        (Deal { market: MarketId::new("other").unwrap(), ..good() }, ProblemCode::WrongMarket),
        (Deal { zone: "Middle/Earth".to_owned(), ..good() }, ProblemCode::BadRequest),
        (Deal { days: vec![Day::Sun, Day::Mon], ..good() }, ProblemCode::BadRequest),
        (Deal { id: DealId::new("mine").unwrap(), ..good() }, ProblemCode::BadRequest),
        (Deal { id: DealId::new(ordered.id.as_str()).unwrap(), ..good() }, ProblemCode::IdTaken),
        (
            Deal { from: slot("2026-06-01T11:00:00Z"), until: Some(slot(NEXT)), ..good() },
            ProblemCode::DealEnded,
        ),
    ] {
        assert_eq!(code(propose(&seller, &bad).await), Some(expected), "{bad:?}");
    }
    assert!(seller.client.deals().await.unwrap().deals.is_empty());
    let short = Deal { until: Some(slot("2026-06-01T12:45:00Z")), ..good() };
    let withdrawn = good();
    for proposed in [&short, &withdrawn] {
        propose(&seller, proposed).await.unwrap();
    }
    seller.client.end_deal(&withdrawn.id).await.unwrap();
    street.at("2026-06-01T12:40:00Z").await;
    for over in [&short, &withdrawn] {
        assert_eq!(code(accept(&buyer, over).await), Some(ProblemCode::DealEnded));
    }
    for _ in 0..32 {
        propose(&seller, &good()).await.unwrap();
    }
    assert_eq!(code(propose(&seller, &good()).await), Some(ProblemCode::TooManyRequests));
}

#[tokio::test]
async fn a_deal_over_a_fee_and_a_tight_line_survives_a_restart() {
    let street = Street::with(|config| {
        let root = config.areas[0].id.clone();
        config.areas.push(exchange::AreaConfig {
            id: units::AreaId::new("feeder-2").unwrap(),
            parent: Some(root),
            fee_micros_per_kwh: Some(price(10_000)),
            capacity_wh: Some(wh(250)),
            metering_point: None,
        });
    })
    .await;
    let seller = street.home("home-01").await;
    let invitation = street.invite_into("home-02", "feeder-2").await;
    let buyer = Home::new(&street.address, "home-02", exchange_api::DeviceKey::generate().unwrap());
    buyer.join(&invitation).await.unwrap();
    street.exchange.tick().await.unwrap();
    agree(&seller, &buyer, &deal(&seller, &buyer, 150_000, 500)).await;
    let street = street.restart().await;
    let (seller, buyer) = (seller.moved_to(&street), buyer.moved_to(&street));
    assert_eq!(buyer.client.deals().await.unwrap().deals[0].state, DealState::Agreed);
    street.at("2026-06-01T12:15:00Z").await;
    for home in [&seller, &buyer] {
        home.report(slot(NOON), None).await;
    }
    pass(&street, NEXT, &[(&seller, 0, 600), (&buyer, 600, 0)]).await;
    let bought = settlement(&buyer, NEXT).await;
    assert_eq!((bought.bought, bought.deals[0].grid_fee.nanos()), (wh(250), 250 * 10_000));
    assert!(street.exchange.audit().await.unwrap().holds());
}
