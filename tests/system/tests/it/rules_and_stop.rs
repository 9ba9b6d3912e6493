//! The owner's hand: a new price reaches the next offer, a bad one is refused, and stop means stop.

use std::time::Duration;

use home::view::earnings::{EarningsSlot, TotalsView};
use home::view::frame::TradingStateView;
use home::view::rules::LimitChange;
use home::view::{OrderStateView, SideView, Whole};

use crate::support::{Bench, Running, eventually};

const LIMIT: Duration = Duration::from_secs(40);

fn selling(home: &home::Home) -> home::view::rules::RuleView {
    home.rules().unwrap().rules.into_iter().find(|rule| rule.side == SideView::Sell).unwrap()
}

fn open_sells(home: &home::Home) -> Vec<i64> {
    let ahead = home.rules().unwrap().ahead;
    let open =
        ahead.iter().filter(|order| order.side == SideView::Sell && order.state == OrderStateView::Open);
    open.map(|order| order.limit_micros_per_kwh.get()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_reaches_the_offers_that_can_still_change_and_the_exchange() {
    let bench = Bench::new(60.0).await;
    let running = Running::start(&bench.dir());
    eventually("offers", LIMIT, || !open_sells(&running.home).is_empty()).await;
    let change = LimitChange {
        rule: selling(&running.home).name,
        micros_per_kwh: Whole::new(141_000),
        confirmed: false,
    };
    running.home.set_limit(&change).unwrap();
    eventually("all open offers carry the new price", LIMIT, || {
        let open = open_sells(&running.home);
        !open.is_empty() && open.iter().all(|limit| *limit == 141_000)
    })
    .await;
    // The file holds it too, so a restart keeps it.
    assert!(std::fs::read_to_string(bench.dir().join("rules.toml")).unwrap().contains("0.141"));
    let log = running.home.rules().unwrap().log;
    assert_eq!(log[0].who, "owner");
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_below_feed_in_or_above_retail_is_refused_unless_confirmed() {
    let bench = Bench::new(60.0).await;
    let running = Running::start(&bench.dir());
    let rules = running.home.rules().unwrap();
    let feed_in = rules.feed_in_micros_per_kwh.unwrap().get();
    let retail = rules.retail_micros_per_kwh.unwrap().get();
    let buying = rules.rules.iter().find(|rule| rule.side == SideView::Buy).unwrap().name.clone();
    let change = |rule: &str, micros, confirmed| LimitChange {
        rule: rule.to_owned(),
        micros_per_kwh: Whole::new(micros),
        confirmed,
    };
    let selling_name = selling(&running.home).name;
    let below = running.home.set_limit(&change(&selling_name, feed_in - 1, false)).unwrap_err();
    let above = running.home.set_limit(&change(&buying, retail + 1, false)).unwrap_err();
    assert_eq!((below.code.as_str(), above.code.as_str()), ("worse_than_contract", "worse_than_contract"));
    assert!(selling(&running.home).limit_micros_per_kwh.unwrap().get() > feed_in, "nothing has changed");
    let view = running.home.set_limit(&change(&selling_name, feed_in - 1, true)).unwrap();
    assert!(view.rules.iter().any(|rule| rule.name == selling_name && rule.worse_than_contract));
    // What is offered is never worse than the contract all the same.
    eventually("offers at feed-in", LIMIT, || {
        let open = open_sells(&running.home);
        !open.is_empty() && open.iter().all(|limit| *limit == feed_in)
    })
    .await;
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_withdraws_everything_open_and_resume_offers_again() {
    let bench = Bench::new(60.0).await;
    let running = Running::start(&bench.dir());
    eventually("offers", LIMIT, || open_sells(&running.home).len() >= 2).await;
    let frame = running.home.stop_trading().unwrap();
    assert_eq!(frame.trading.state, TradingStateView::Stopped);
    let history = running.home.history().unwrap();
    eventually("nothing is open", LIMIT, || {
        history.open_orders().unwrap().is_empty() && history.cancelling_orders().unwrap().is_empty()
    })
    .await;
    // The exchange agrees: what it cleared or bound is all that is left of the household's orders.
    let slots = history.membership().unwrap().unwrap();
    let books = bench.dir().with_file_name("exchange").join("exchange.sqlite");
    assert_eq!(withdrawable_orders(&books, slots.member.as_str(), running.home.now_in_market().unwrap()), 0);
    running.home.resume_trading().unwrap();
    eventually("offers again", LIMIT, || !open_sells(&running.home).is_empty()).await;
    running.end().await;
    bench.street.finish().await;
}

/// Counts a member's orders in the exchange's own books that could still be withdrawn.
fn withdrawable_orders(books: &std::path::Path, member: &str, now: units::Timestamp) -> i64 {
    let books =
        rusqlite::Connection::open_with_flags(books, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let gate_s = 300;
    let first_open = units::Slot::containing(now + Duration::from_secs(gate_s + 60)).next();
    books
        .query_row(
            "select count(*) from \"order\" where member = ?1 and slot >= ?2 and cancelled_at_ms is null",
            (member, first_open.index()),
            |row| row.get(0),
        )
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_works_without_the_exchange_and_is_carried_out_when_it_is_back() {
    let bench = Bench::new(60.0).await;
    let running = Running::start(&bench.dir());
    eventually("offers", LIMIT, || open_sells(&running.home).len() >= 2).await;
    bench.street.cut_exchange().await;
    let frame = running.home.stop_trading().unwrap();
    assert_eq!(frame.trading.state, TradingStateView::Stopped);
    let history = running.home.history().unwrap();
    assert!(!history.cancelling_orders().unwrap().is_empty(), "the exchange must still be told");
    bench.street.mend_exchange().await.unwrap();
    eventually("the exchange was told", LIMIT, || history.cancelling_orders().unwrap().is_empty()).await;
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_becomes_a_row_of_earnings_that_adds_up() {
    let bench = Bench::new(300.0).await;
    let running = Running::start(&bench.dir());
    let totals = || running.home.earnings(None).unwrap().totals;
    eventually("something is sold", Duration::from_secs(60), || totals().sold_wh.get() > 0).await;
    let view = running.home.earnings(None).unwrap();
    let day = running.home.earnings_day(&view.days[0].day).unwrap();
    adds_up(&view.totals);
    adds_up(&day.totals);
    let sold: i64 = day.slots.iter().map(|slot| slot.totals.sold_wh.get()).sum();
    assert_eq!(sold, day.totals.sold_wh.get(), "slots add up to the day");
    let net: i64 = day.slots.iter().map(|slot| nanos(&slot.totals.net)).sum();
    assert_eq!(net, nanos(&day.totals.net), "slots add up to the day's money");
    let traded: i64 = day.slots.iter().flat_map(|slot| &slot.trades).map(|trade| trade.energy_wh.get()).sum();
    assert_eq!(
        traded,
        day.totals.sold_wh.get() + day.totals.bought_wh.get(),
        "trades add up to what was traded"
    );
    for slot in &day.slots {
        adds_up(&slot.totals);
        is_what_the_exchange_settled(&bench, slot).await;
    }
    running.end().await;
    bench.street.finish().await;
}

fn nanos(amount: &home::view::Amount) -> i64 {
    serde_json::to_value(amount).unwrap().as_str().unwrap().parse().unwrap()
}

fn adds_up(totals: &TotalsView) {
    let lines = [&totals.sold, &totals.to_grid, &totals.bought, &totals.from_grid, &totals.fees];
    assert_eq!(lines.into_iter().map(nanos).sum::<i64>(), nanos(&totals.net), "{totals:?}");
    let gain = nanos(&totals.net) - nanos(&totals.utility_only);
    assert_eq!(gain, nanos(&totals.earned) + nanos(&totals.saved), "{totals:?}");
}

/// The owner sees the price of the feeder that the house hangs on, and the same money as the books.
async fn is_what_the_exchange_settled(bench: &Bench, shown: &EarningsSlot) {
    let slot = serde_json::to_value(&shown.slot).unwrap().as_str().unwrap().parse().unwrap();
    let line = bench.street.slot_line(slot).await.unwrap().unwrap();
    let plan = &bench.street.neighbours()[0].house.plan;
    let feeder = format!("feeder-{}", plan.feeder);
    let area = line.areas.iter().find(|area| area.id.as_str() == feeder).unwrap();
    let price = area.price.map(|price| price.micros_per_kwh());
    assert_eq!(shown.price_micros_per_kwh.map(Whole::get), price, "{slot}");
    let house = line.houses.iter().find(|house| house.id.as_str() == plan.id).unwrap();
    let settled = house.earned_nanos.nanos() + house.saved_nanos.nanos();
    assert_eq!(nanos(&shown.totals.earned) + nanos(&shown.totals.saved), settled, "{slot}");
}
