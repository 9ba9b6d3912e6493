//! The exchange goes away and comes back; a clock that is off; what waits and what is dropped.

use std::sync::Arc;
use std::time::Duration;

use exchange::{Clocks, Exchange, MarketConfig};
use home::view::frame::{ExchangeStateView, NoticeCode};
use home::view::rules::LimitChange;
use home::view::{OrderStateView, SideView, Whole};
use tokio_util::sync::CancellationToken;
use units::{Clock, ManualClock, SystemClock};

use crate::support::{Bench, Encrypted, Running, eventually, options};

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn without_the_exchange_orders_wait_and_those_past_their_gate_are_dropped_and_shown() {
    let bench = Bench::new(300.0).await;
    let running = Running::start(&bench.dir());
    let frame = || running.home.frame().unwrap();
    let orders = |state| {
        let ahead = running.home.rules().unwrap().ahead;
        ahead.iter().filter(|order| order.state == state).count()
    };
    eventually("orders at the exchange", LIMIT, || orders(OrderStateView::Open) > 0).await;
    bench.street.cut_exchange().await;
    eventually("the loss is noticed", LIMIT, || frame().exchange.state == ExchangeStateView::Unreachable)
        .await;
    // A new price makes new offers for the very next slots. Their gates pass soon, so that the cut is over before
    // the household has lost patience and asks only every half a minute.
    let selling = running.home.rules().unwrap().rules.into_iter().find(|rule| rule.side == SideView::Sell);
    let price = Whole::new(141_000);
    let change = LimitChange { rule: selling.unwrap().name, micros_per_kwh: price, confirmed: false };
    running.home.set_limit(&change).unwrap();
    eventually("new orders wait", LIMIT, || frame().exchange.waiting.get() > 0).await;
    eventually("orders are missed", LIMIT, || frame().exchange.missed_orders.get() > 0).await;
    assert!(frame().notices.iter().any(|notice| notice.code == NoticeCode::OrdersMissed));
    bench.street.mend_exchange().await.unwrap();
    eventually("contact again", LIMIT, || frame().exchange.state == ExchangeStateView::Connected).await;
    eventually("orders at the exchange again", LIMIT, || orders(OrderStateView::Open) > 0).await;
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (market_dir, home_dir) = (folder.path().join("exchange"), folder.path().join("home"));
    let config = MarketConfig::new(units::MarketId::new("test").unwrap(), "Test");
    Exchange::init(&market_dir, &config).unwrap();
    // The exchange's clock is ten minutes ahead: to it, the household's is behind.
    let real = Arc::new(ManualClock::at(SystemClock.now() + Duration::from_secs(600)));
    let exchange = Exchange::open_with(&market_dir, Clocks { market: Arc::new(SystemClock), real }).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let until = CancellationToken::new();
    let serving = tokio::spawn({
        let (exchange, until) = (exchange.clone(), until.clone());
        async move { exchange.serve(listener, until).await.unwrap() }
    });

    std::fs::create_dir(&home_dir).unwrap();
    std::fs::write(home_dir.join("passphrase"), "a passphrase").unwrap();
    let mut home_config = home::config::HomeConfig::starter();
    home_config.market = Some(home::config::MarketConfig { agreed_terms: config.terms.version.clone() });
    let valid_from = "2020-01-01".parse().unwrap();
    home_config.contracts = vec![pricing::ContractTable::fixed(valid_from, "0.320 EUR/kWh", "0.080 EUR/kWh")];
    home_config.save(&home_dir).unwrap();
    let invitation = exchange_api::Invitation {
        address,
        market: config.market.clone(),
        exchange_key: exchange.info().exchange_key,
        log_key: exchange.info().log_key,
        tls_key_hash: None,
        code: "any".to_owned(),
        expires: SystemClock.now() + Duration::from_secs(3600),
    };
    std::fs::write(home_dir.join("invitation.txt"), invitation.to_string()).unwrap();

    let running = Running::start(&home_dir);
    let exchange_status = || running.home.frame().unwrap().exchange;
    eventually("the clock is found off", LIMIT, || exchange_status().state == ExchangeStateView::ClockOff)
        .await;
    let message = exchange_status().trouble.unwrap().message;
    assert!(message.to_lowercase().contains("clock"), "{message}");
    running.end().await;
    until.cancel();
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_joins_by_tls_follows_a_new_key_and_believes_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (market_dir, home_dir) = (folder.path().join("exchange"), folder.path().join("home"));
    let config = MarketConfig::new(units::MarketId::new("test").unwrap(), "Test");
    Exchange::init(&market_dir, &config).unwrap();
    let served = Encrypted::at(&market_dir, "127.0.0.1:0").await;
    let address = served.address.to_string();
    let invitation = served.invite("home-01").await;
    served.ready_to_join(&invitation, &home_dir).await;

    let running = Running::start(&home_dir);
    let state = || running.home.frame().unwrap().exchange.state;
    eventually("it joins", LIMIT, || state() == ExchangeStateView::Connected).await;
    assert!(running.home.history().unwrap().membership().unwrap().is_some());
    running.end().await;
    served.end().await;

    let new = Exchange::renew_tls_key(&market_dir, None).unwrap();
    let served = Encrypted::at(&market_dir, &address).await;
    let running = Running::start(&home_dir);
    let state = || running.home.frame().unwrap().exchange.state;
    eventually("it follows", LIMIT, || state() == ExchangeStateView::Connected).await;
    let kept = running.home.history().unwrap().setting("server_key").unwrap().unwrap();
    assert!(kept.contains(&new), "{kept}");
    running.end().await;
    served.end().await;

    let other_dir = folder.path().join("other");
    Exchange::init(&other_dir, &config).unwrap();
    let other = Encrypted::at(&other_dir, &address).await;
    let running = Running::start(&home_dir);
    let frame = || running.home.frame().unwrap().exchange;
    eventually("the other is refused", LIMIT, || frame().state == ExchangeStateView::Refused).await;
    assert_eq!(frame().trouble.unwrap().code, "other_key");
    let lured = home::join::look_at(&invitation.to_string()).await.unwrap_err();
    assert_eq!(lured.code(), "other_key");
    running.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_traded_before_the_terms_are_agreed_to() {
    let bench = Bench::new(300.0).await;
    bench.configure(|config| config.market = None);
    let running = Running::start(&bench.dir());
    let exchange = || running.home.frame().unwrap().exchange;
    eventually("consent is asked for", LIMIT, || exchange().state == ExchangeStateView::Refused).await;
    let message = exchange().trouble.unwrap().message;
    assert!(message.contains("terms") && message.contains("agreed_terms"), "{message}");
    assert!(running.home.history().unwrap().membership().unwrap().is_none());
    assert!(running.home.rules().unwrap().ahead.is_empty());
    running.end().await;
    bench.street.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_passphrase_it_measures_says_why_it_cannot_sign_and_does_not_trade() {
    let bench = Bench::new(300.0).await;
    std::fs::remove_file(bench.dir().join("passphrase")).unwrap();
    let home = home::Home::open(options(&bench.dir(), "the test")).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let (home, stop) = (home.clone(), stop.clone());
        async move { home.run(stop).await }
    });
    let grid = units::MeterId::new("grid").unwrap();
    let history = home.history().unwrap().clone();
    eventually("a sample", LIMIT, || history.latest_sample(&grid).unwrap().is_some()).await;
    let frame = home.frame().unwrap();
    assert!(frame.notices.iter().any(|notice| notice.code == NoticeCode::NoKey), "{:?}", frame.notices);
    assert!(home.rules().unwrap().ahead.is_empty());
    stop.cancel();
    task.await.unwrap();
    bench.street.finish().await;
}
