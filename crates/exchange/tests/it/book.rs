//! The published book of a settled slot, and the guess at its price before it is cleared.

use exchange_api::{Deal, Indicative, ProblemCode, Signed, SlotBook, SlotSummary, new_deal_id, new_salt};
use market::Side;
use units::{MarketId, Slot};

use crate::street::{Home, Street, price, slot, wh};

const FIRST: &str = "2026-06-01T12:15:00Z";
const SECOND: &str = "2026-06-01T12:30:00Z";

/// Lets a slot end and the homes report import and export.
async fn pass(street: &Street, slot: Slot, energies: &[(&Home, [i64; 4])]) {
    street.at(&slot.end().to_string()).await;
    for (home, registers) in energies {
        home.report(slot, Some(*registers)).await;
    }
    street.exchange.tick().await.unwrap();
}

async fn summary(home: &Home, slot: Slot) -> SlotSummary {
    home.client.slots(slot, slot.next()).await.unwrap().slots.remove(0)
}

#[tokio::test]
async fn everyone_can_clear_a_published_book_again_and_finds_only_his_own_orders() {
    let street = Street::with(|config| config.operator_fee_micros_per_kwh = price(4_000)).await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let stranger = street.home("home-03").await;
    let slot = slot(FIRST);
    let deal = Deal {
        id: new_deal_id(),
        market: MarketId::new("lindenweg").unwrap(),
        seller: seller.member.clone(),
        buyer: buyer.member.clone(),
        price: price(120_000),
        cap: wh(100),
        cap_per_day: None,
        days: exchange_api::Day::ALL.to_vec(),
        hours: None,
        zone: "Europe/Berlin".to_owned(),
        from: slot,
        until: None,
    };
    let sign = |home: &Home| Signed::sign(deal.clone(), &home.key, new_salt().unwrap()).unwrap();
    seller.client.propose_deal(&sign(&seller)).await.unwrap();
    buyer.client.accept_deal(&sign(&buyer)).await.unwrap();
    let offer = seller.offer(slot, 700, 100_000).await;
    let bid = buyer.bid(slot, 400, 200_000).await;
    let idle = stranger.bid(slot, 400, 90_000).await;

    let early = stranger.client.book(slot).await.unwrap_err();
    assert_eq!(early.code(), Some(ProblemCode::NotFound));
    let readings: [(&Home, [i64; 4]); 3] =
        [(&seller, [0, 0, 0, 600]), (&buyer, [0, 300, 0, 0]), (&stranger, [0, 50, 0, 0])];
    pass(&street, slot, &readings).await;

    let book: SlotBook = stranger.client.book(slot).await.unwrap();
    let text = serde_json::to_string(&book).unwrap();
    for secret in ["home-01", "home-02", offer.id.as_str(), bid.id.as_str()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let auction = book.auction().unwrap();
    market::verify_after_deals(&auction.book, &auction.capacities, &auction.clearing).unwrap();
    // The deal had 100 Wh before: 500 Wh are left to sell, 200 to buy; limits are without half the fee.
    let row = book.row_of(&offer.id).unwrap();
    assert_eq!((row.side, row.quantity_wh, row.filled_wh), (Side::Sell, wh(500), wh(200)));
    assert_eq!(row.limit_price_micros_per_kwh, price(102_000));
    let row = book.row_of(&bid.id).unwrap();
    assert_eq!((row.quantity_wh, row.filled_wh), (wh(200), wh(200)));
    assert_eq!(book.row_of(&idle.id).unwrap().filled_wh, wh(0));
    assert_eq!(book.orders.len(), 3);
    let settled = seller.client.settlements(0, 0).await.unwrap().settlements.pop().unwrap();
    assert_eq!(book.areas[0].price_micros_per_kwh, settled.price);

    let id = &book.row_of(&offer.id).unwrap().id;
    let told = market::explain_after_deals(&auction.book, &auction.capacities, &auction.clearing, id);
    let told = told.unwrap();
    assert_eq!((told.filled, told.marginal), (wh(200), market::Marginal::Seller));

    let unsigned = unsigned_get(&street, FIRST).await;
    assert!(unsigned.contains(r#""code":"unsigned""#), "{unsigned}");
}

/// Asks without a signature.
async fn unsigned_get(street: &Street, slot: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = street.address.trim_start_matches("http://").to_owned();
    let mut line = tokio::net::TcpStream::connect(&host).await.unwrap();
    let request = format!("GET /v1/slots/{slot}/book HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    line.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn until_it_is_cleared_a_slot_has_an_indicative_price_from_the_latest_readings() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    let (first, second) = (slot(FIRST), slot(SECOND));
    for slot in [first, second] {
        seller.offer(slot, 700, 100_000).await;
        buyer.bid(slot, 400, 200_000).await;
    }
    assert_eq!(summary(&seller, second).await.indicative, None, "its gate is open");
    street.at("2026-06-01T12:25:00Z").await;
    let guess = |summary: SlotSummary| summary.indicative.map(|Indicative { areas, .. }| areas[0].price);
    assert_eq!(guess(summary(&seller, second).await), Some(None), "no meter has told anything");

    // The first slot's surplus is larger than its use, so its seller is at the margin.
    let readings = [(&seller, [0, 0, 0, 600]), (&buyer, [0, 300, 0, 0])];
    pass(&street, first, &readings).await;
    let cleared = summary(&seller, first).await;
    assert_eq!((cleared.indicative, cleared.areas[0].price), (None, Some(price(100_000))));
    let about = summary(&buyer, second).await.indicative.unwrap();
    assert_eq!(about.areas[0].price, Some(price(100_000)));
    assert_eq!(about.at, first.end());

    // It is made anew once a minute, not with each question.
    street.at("2026-06-01T12:30:59Z").await;
    assert_eq!(summary(&buyer, second).await.indicative.unwrap().at, first.end());
    street.at("2026-06-01T12:31:00Z").await;
    assert_eq!(summary(&buyer, second).await.indicative.unwrap().at.to_string(), "2026-06-01T12:31:00Z");
    pass(&street, second, &[(&seller, [0, 0, 600, 900]), (&buyer, [300, 800, 0, 0])]).await;
    // Now the buyer is: 300 Wh for the 400 it would have taken.
    let cleared = summary(&seller, second).await;
    assert_eq!((cleared.indicative, cleared.areas[0].price), (None, Some(price(200_000))));
}
