//! An exchange that rewrites its past: the household finds out, stops trading, and keeps the evidence.

use std::path::Path;
use std::time::Duration;

use exchange::{Exchange, MarketConfig};
use history::LogAlarmKind;
use home::view::frame::{FrameView, LogStateView, LogStatus, TradingStateView};

use crate::support::{Encrypted, Running, eventually};

const LIMIT: Duration = Duration::from_secs(40);

/// Lets a household join, so that the log grows.
async fn grow(served: &Encrypted, member: &str, dir: &Path) {
    served.ready_to_join(&served.invite(member).await, dir).await;
    let running = Running::start(dir);
    let joined = || running.home.history().unwrap().membership().unwrap().is_some();
    eventually("a neighbour joins", LIMIT, joined).await;
    running.end().await;
}

/// Runs the household until its log shows what is asked for.
async fn look(home_dir: &Path, what: &str, wanted: impl Fn(&LogStatus) -> bool) -> (Running, FrameView) {
    let running = Running::start(home_dir);
    eventually(what, LIMIT, || wanted(&running.home.frame().unwrap().log)).await;
    let shown = running.home.frame().unwrap();
    (running, shown)
}

fn is_alarm(log: &LogStatus) -> bool {
    log.state == LogStateView::Alarm
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_goes_back_or_tells_another_past_is_caught_and_trading_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (market_dir, other_dir, home_dir) = (path("exchange"), path("restored"), path("home"));
    Exchange::init(&market_dir, &MarketConfig::new(units::MarketId::new("test").unwrap(), "Test")).unwrap();
    let served = Encrypted::at(&market_dir, "127.0.0.1:0").await;
    let address = served.address.to_string();
    grow(&served, "home-01", &home_dir).await;
    exchange::backup(&market_dir, &path("backup")).unwrap();
    grow(&served, "home-02", &path("neighbour")).await;
    let entries = served.exchange.audit().await.unwrap().log.entries;
    let sees_all = |log: &LogStatus| {
        log.state == LogStateView::Verified && log.entries.is_some_and(|seen| seen.get() == entries as i64)
    };
    let (running, _) = look(&home_dir, "all of the log is verified", sees_all).await;
    assert!(running.home.history().unwrap().standing_log_alarm().unwrap().is_none());
    running.end().await;
    served.end().await;

    // What was seen is gone.
    exchange::restore(&other_dir, &path("backup")).await.unwrap();
    let served = Encrypted::at(&other_dir, &address).await;
    let (running, frame) = look(&home_dir, "the alarm", is_alarm).await;
    let alarm = running.home.history().unwrap().standing_log_alarm().unwrap().unwrap();
    assert_eq!(alarm.kind, LogAlarmKind::Rollback, "{}", alarm.detail);
    let kept = running.home.history().unwrap().log_alarms().unwrap();
    // Both heads, as they were signed: who sees them can judge for himself.
    assert!(kept[0].evidence_json.matches("wattle/test").count() >= 2, "{}", kept[0].evidence_json);
    assert_eq!(frame.trading.state, TradingStateView::Stopped);
    running.end().await;

    // The owner goes on; then the first exchange comes back, with a past that this one never had.
    grow(&served, "home-03", &path("stranger")).await;
    let (running, _) = look(&home_dir, "the alarm", is_alarm).await;
    running.home.resume_trading().unwrap();
    let frame = || running.home.frame().unwrap();
    eventually("it follows anew", LIMIT, || frame().log.state == LogStateView::Verified).await;
    running.end().await;
    served.end().await;
    let served = Encrypted::at(&market_dir, &address).await;
    grow(&served, "home-04", &path("fourth")).await;
    let (running, frame) = look(&home_dir, "the alarm", is_alarm).await;
    let alarm = running.home.history().unwrap().standing_log_alarm().unwrap().unwrap();
    assert_eq!(alarm.kind, LogAlarmKind::Fork, "{}", alarm.detail);
    assert_eq!(frame.trading.state, TradingStateView::Stopped);
    running.end().await;
    served.end().await;
}
