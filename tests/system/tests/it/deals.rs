//! A deal between two homes: proposed by one, accepted by the other, settled to the Wh on both sides.

use std::time::Duration;

use history::{DealState, DealTrade, Settlement, What};
use home::Home;
use home::view::market::{DealProposal, DealStateView};
use home::view::{SideView, Whole};
use market::Side;
use units::{DealId, Slot};

use crate::support::{Bench, Running, eventually, options};

const LIMIT: Duration = Duration::from_secs(60);
/// A quarter hour takes 15 s here, and the first one that is served begins within two.
const SETTLED: Duration = Duration::from_secs(150);
const PRICE: i64 = 140_000;

fn settled(home: &Home) -> Vec<Settlement> {
    let day = Slot::from_index(0)..Slot::from_index(i64::MAX / 2);
    home.history().unwrap().settlements(day).unwrap()
}

fn served(home: &Home, id: &DealId) -> Option<(Settlement, DealTrade)> {
    settled(home).into_iter().find_map(|settled| {
        let trade = settled.deals.iter().find(|trade| trade.deal == *id && !trade.filled.is_zero())?.clone();
        Some((settled, trade))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_homes_agree_on_a_deal_and_it_is_settled_to_the_watt_hour() {
    let bench = Bench::new(60.0).await;
    let running = Running::start(&bench.dir());
    let seller = running.home.clone();
    eventually("the home is a member", LIMIT, || seller.market().unwrap().member.is_some()).await;
    // The street runs the neighbour's home: whoever opens it beside looks on, and leaves his wishes to it.
    let neighbour = bench.street.neighbours().iter().find(|it| it.house.plan.roof.is_none()).unwrap();
    let buyer = Home::open(options(&neighbour.dir, "the neighbour's hand")).unwrap();
    eventually("the neighbour is a member", LIMIT, || buyer.market().unwrap().member.is_some()).await;

    let proposal = DealProposal {
        side: SideView::Sell,
        partner: neighbour.member.to_string(),
        price_micros_per_kwh: Whole::new(PRICE),
        cap_wh: Whole::new(40),
        cap_per_day_wh: None,
        days: Vec::new(),
        hours: None,
        from: None,
        until: None,
    };
    let view = seller.propose(proposal).await.unwrap();
    let made = view.deals.iter().find(|deal| deal.mine).unwrap();
    let id: DealId = made.id.parse().unwrap();
    assert_eq!(made.state, DealStateView::Proposed);
    eventually("the neighbour sees the proposal", LIMIT, || {
        buyer.deals().unwrap().iter().any(|deal| deal.id == id && deal.state == DealState::Proposed)
    })
    .await;
    let agreed = buyer.accept_deal(&id, Duration::from_secs(20)).await.unwrap();
    assert_eq!((agreed.state, agreed.errand), (DealState::Agreed, None));

    eventually("both homes' books hold what the deal brought", SETTLED, || {
        let slot = served(&seller, &id).map(|(settled, _)| settled.slot);
        slot.is_some() && settled(&buyer).iter().any(|settled| Some(settled.slot) == slot)
    })
    .await;
    let (sold, trade) = served(&seller, &id).unwrap();
    assert_eq!((trade.deal.clone(), trade.side), (id.clone(), Side::Sell));
    assert_eq!(trade.price.micros_per_kwh(), PRICE);
    let amount = trade.filled.at(trade.price).unwrap();
    let posted = |settled: &Settlement| {
        let own = settled.postings.iter();
        own.filter(|posting| posting.reference == id.as_str() && posting.what == What::Energy)
            .map(|posting| posting.amount)
            .sum::<units::Money>()
    };
    assert_eq!(posted(&sold), amount);
    let bought = settled(&buyer).into_iter().find(|settled| settled.slot == sold.slot).unwrap();
    assert_eq!(posted(&bought), -amount);
    let other = bought.deals.iter().find(|other| other.deal == id).unwrap();
    assert_eq!((other.filled, other.side), (trade.filled, Side::Buy));
    assert!(sold.sold >= trade.filled && bought.bought >= trade.filled);
    let audit = bench.street.exchange().audit().await.unwrap();
    assert!(audit.holds(), "{audit:?}");

    // The slot's book is there for everyone, holds, and tells the home of its own order.
    let book = seller.market_book(&sold.slot.to_string()).await.unwrap();
    assert!(book.check.holds, "{:?}", book.check.fault);
    assert!(book.trades.iter().any(|trade| trade.deal.as_deref() == Some(id.as_str())));
    let view = seller.end(id.as_str()).await.unwrap();
    let ended = view.deals.iter().find(|deal| deal.id == id.as_str()).unwrap();
    assert_eq!((ended.state, ended.ended_by_me), (DealStateView::Ended, Some(true)));
    drop(buyer);
    running.end().await;
    bench.street.finish().await;
}
