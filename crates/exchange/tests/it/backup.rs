//! A market in one file: taken while it is served, restored where it proves itself, refused where not.

use std::path::Path;

use exchange::{BackupError, Exchange, ExchangeError};
use units::SystemClock;

use crate::street::{Home, Street, slot};

const NOON: &str = "2026-06-01T12:00:00Z";
const NEXT: &str = "2026-06-01T12:15:00Z";

async fn trade(street: &Street, seller: &Home, buyer: &Home) {
    seller.offer(slot(NEXT), 1000, 100_000).await;
    buyer.bid(slot(NEXT), 1000, 200_000).await;
    street.at("2026-06-01T12:30:00Z").await;
    for (home, registers) in [(seller, [0, 0, 0, 700]), (buyer, [0, 900, 0, 0])] {
        home.report(slot(NOON), None).await;
        home.report(slot(NEXT), Some(registers)).await;
    }
    street.exchange.tick().await.unwrap();
}

fn reason(error: ExchangeError) -> BackupError {
    match error {
        ExchangeError::Backup(error) => error,
        other => panic!("{other:?} is no refusal of a backup"),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_market_is_backed_up_while_orders_come_in_and_restored_whole() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    trade(&street, &seller, &buyer).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("market.backup");
    let last = slot("2026-06-01T14:00:00Z");
    let before = seller.offer(last, 1, 100_000).await;
    let backing_up = tokio::task::spawn_blocking({
        let (dir, file) = (street.dir().to_owned(), file.clone());
        move || exchange::backup(&dir, &file).unwrap()
    });
    for _ in 0..20 {
        seller.offer(last, 1, 100_000).await;
    }
    backing_up.await.unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(names(folder.path()), ["market.backup"]);

    let restored = folder.path().join("restored");
    let audit = exchange::restore(&restored, &file).await.unwrap();
    // The log alone may be longer by now.
    let now = exchange_audit_of(&street).await;
    assert!(audit.holds() && audit.log.entries <= now.log.entries);
    assert_eq!(exchange::Audit { log: now.log.clone(), ..audit }, now);
    let clock = std::sync::Arc::new(SystemClock);
    let again = Exchange::open(&restored, clock).unwrap();
    assert_eq!(again.info().exchange_key, street.exchange.info().exchange_key);
    let report = again.slot_report(slot(NEXT)).await.unwrap();
    assert_eq!(report, street.exchange.slot_report(slot(NEXT)).await.unwrap());
    let orders = again.slots(last..last.next()).await.unwrap().slots[0].orders;
    assert!((1..=21).contains(&orders), "order {} is among {orders}", before.id);
    assert_eq!(again.members().await.unwrap().len(), 2);
}

async fn exchange_audit_of(street: &Street) -> exchange::Audit {
    street.exchange.audit().await.unwrap()
}

#[tokio::test]
async fn nothing_is_overwritten_by_a_backup_or_a_restore() {
    let street = Street::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("market.backup");
    exchange::backup(street.dir(), &file).unwrap();
    let error = reason(exchange::backup(street.dir(), &file).unwrap_err());
    assert!(matches!(error, BackupError::FileExists(_)), "{error}");
    let error = reason(exchange::restore(street.dir(), &file).await.unwrap_err());
    assert!(matches!(error, BackupError::NotEmpty(_)), "{error}");
    // An empty folder is as good as none.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    exchange::restore(&empty, &file).await.unwrap();
}

#[tokio::test]
async fn a_backup_that_was_tampered_with_or_is_none_restores_nothing() {
    let street = Street::new().await;
    let (seller, buyer) = (street.home("home-01").await, street.home("home-02").await);
    trade(&street, &seller, &buyer).await;
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good");
    exchange::backup(street.dir(), &good).unwrap();
    let target = folder.path().join("restored");
    let statements = [
        // A payment that nobody made; one that sums to zero but is not what settling gives; a missing part.
        ("update posting set nanos = nanos + 1 where account = 'member:home-01' and what = 'energy'", true),
        (
            "update posting set nanos = nanos + case account when 'member:home-01' then 5 else -5 end
             where what = 'energy' and account like 'member:%'",
            true,
        ),
        ("delete from backup_part where name = 'exchange.key'", false),
        ("drop table backup_part", false),
    ];
    for (index, (statement, proven_wrong)) in statements.into_iter().enumerate() {
        let bad = folder.path().join(format!("bad-{index}"));
        std::fs::copy(&good, &bad).unwrap();
        let db = rusqlite::Connection::open(&bad).unwrap();
        assert!(db.execute(statement, []).is_ok());
        drop(db);
        let error = reason(exchange::restore(&target, &bad).await.unwrap_err());
        match proven_wrong {
            true => assert!(matches!(error, BackupError::Unproven { .. }), "{error}"),
            false => assert!(matches!(error, BackupError::NoBackup { .. }), "{error}"),
        }
    }
    let noise = folder.path().join("noise");
    std::fs::write(&noise, "no database at all, but long enough to look at; ".repeat(100)).unwrap();
    let error = reason(exchange::restore(&target, &noise).await.unwrap_err());
    assert!(matches!(error, BackupError::NoBackup { .. }), "{error}");
    assert!(!target.exists());
    assert!(names(folder.path()).iter().all(|name| !name.starts_with('.')), "{:?}", names(folder.path()));
    exchange::restore(&target, &good).await.unwrap();
}
