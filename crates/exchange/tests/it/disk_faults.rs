//! A disk that is full or fails: nothing is acknowledged that did not reach it, what is there can be read, and the
//! market goes on by itself once the disk does.

use exchange_api::{ClientError, OrderOutcome, ProblemCode, paths};
use market::Side;
use power_cut::{Disk, Unsynced};

use crate::promises::{Promise, Witness, judge, trade};
use crate::street::{Home, Street, noon, slot};
use crate::wire;

const NEXT: &str = "2026-06-01T12:15:00Z";

async fn street() -> (Street, Home, Disk) {
    let (street, disk) = Street::on_disk(Disk::record).await;
    let home = street.home("home-01").await;
    (street, home, disk)
}

async fn place(home: &Home, limit: i64) -> Result<OrderOutcome, ClientError> {
    let order = home.sign(home.order(slot(NEXT), Side::Sell, 10, limit));
    Ok(home.client.place_orders(vec![order]).await?.outcomes.remove(0))
}

/// Places orders until the disk has no more room.
async fn fill(home: &Home) -> ClientError {
    for number in 0.. {
        if let Err(error) = place(home, 100_000 + number).await {
            return error;
        }
    }
    unreachable!("the disk is full at some time")
}

#[tokio::test]
async fn a_full_disk_is_told_everything_can_still_be_read_and_trading_goes_on_when_there_is_room() {
    let (street, home, disk) = street().await;
    let kept = home.offer(slot(NEXT), 10, 90_000).await;
    disk.leave_room(Some(0));
    assert_eq!(fill(&home).await.code(), Some(ProblemCode::StorageFull));
    let list = home.client.orders(slot(NEXT), slot(NEXT).next()).await.unwrap();
    assert!(list.orders.iter().any(|status| status.order.id == kept.id));
    home.client.me().await.unwrap();
    home.client.log_checkpoint().await.unwrap();
    disk.leave_room(None);
    crate::street::assert_accepted(&place(&home, 95_000).await.unwrap());
    assert!(street.exchange.audit().await.unwrap().holds());
}

#[tokio::test]
async fn a_request_that_was_answered_while_the_disk_was_full_is_answered_once() {
    let (street, home, disk) = street().await;
    disk.leave_room(Some(0));
    fill(&home).await;
    let url = format!("{}{}", street.address, paths::ME);
    let headers = wire::sign(&home, "GET", &url, b"");
    assert_eq!(wire::send("GET", &url, Some(&headers), b"").await.status, 200);
    for room in [Some(0), None] {
        disk.leave_room(room);
        let again = wire::send("GET", &url, Some(&headers), b"").await;
        assert_eq!(again.code, Some(ProblemCode::Replayed), "{}", again.body);
    }
}

#[tokio::test]
async fn while_syncs_fail_nothing_is_acknowledged_and_a_power_cut_then_breaks_no_promise() {
    let (street, home, disk) = street().await;
    let witness = Witness::new(|| disk.position());
    trade(&home, slot(NEXT), 0, &witness).await.unwrap();
    let head = home.client.log_checkpoint().await.unwrap().to_string();
    disk.fail_syncs(true);
    for number in 0..5 {
        let refused = place(&home, 100_000 + number).await.unwrap_err();
        assert!(refused.is_transient(), "{refused:?}");
    }
    assert_eq!(home.client.log_checkpoint().await.unwrap().to_string(), head);
    let during = disk.position();
    disk.fail_syncs(false);
    for number in 0..4 {
        trade(&home, slot(NEXT), number, &witness).await.unwrap();
    }
    assert!(street.exchange.audit().await.unwrap().holds());
    check_cuts(&disk, during, &witness.told()).await;
}

/// Cuts the power while the syncs failed, and after.
async fn check_cuts(disk: &Disk, during: usize, told: &[(usize, Promise)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut replay = disk.replay();
    for at in [during, replay.steps()] {
        replay.forward(at);
        for seed in 0..6 {
            let image = folder.path().join(format!("{at}-{seed}"));
            let unsynced = if seed == 0 { Unsynced::Lost } else { Unsynced::Mixed(seed) };
            replay.image(unsynced).write_to(&image).unwrap();
            let clocks = exchange::Clocks {
                market: std::sync::Arc::new(units::ManualClock::at(noon())),
                real: std::sync::Arc::new(units::SystemClock),
            };
            let exchange = exchange::Exchange::open_with(&image, clocks).unwrap();
            let promised = told.partition_point(|(moment, _)| *moment <= at);
            judge(&exchange, &image, &told[..promised]).await.unwrap();
        }
    }
}
