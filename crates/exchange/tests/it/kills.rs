//! `kill -9` of the served program under load, again and again: its clients find all that they were told.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use exchange::Exchange;
use exchange_api::{ClientError, DeviceKey};
use units::{Clock as _, ScaledClock, Slot};

use crate::program::{Served, init, invitation, speed_up};
use crate::promises::{Witness, agree, from_environment, judge, report, settled, trade};
use crate::street::Home;

const MEMBERS: [&str; 4] = ["home-01", "home-02", "home-03", "home-04"];

/// What a home does until its exchange is gone.
async fn live(
    home: &Home,
    neighbour: &Home,
    first: Slot,
    clock: &ScaledClock,
    witness: &Witness<'_>,
) -> ClientError {
    let mut cursor = 0;
    for number in 0.. {
        let current = Slot::containing(clock.now());
        let deeds = async {
            trade(home, current.offset(2 + number as i64 % 8), number, witness).await?;
            report(home, current.offset(-1), first, witness).await?;
            if number.is_multiple_of(6) {
                agree(home, neighbour, current.offset(2), number.is_multiple_of(12), witness).await?;
            }
            cursor = settled(home, cursor, witness).await?;
            Ok(())
        };
        match deeds.await {
            // The gate may have closed on the way.
            Ok(()) | Err(ClientError::Problem(_)) => {}
            Err(gone) => return gone,
        }
    }
    unreachable!("the loop ends with the exchange")
}

#[tokio::test]
async fn killed_again_and_again_under_load_it_keeps_every_promise() {
    let kills = from_environment("WATTLE_KILLS", 3);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("exchange");
    init(dir.to_str().unwrap());
    let clock = speed_up(&dir, "2026-06-01T12:00:00Z".parse().unwrap());
    let dir = dir.to_str().unwrap();
    let keys = MEMBERS.map(|_| DeviceKey::generate().unwrap());
    let homes_at = |address: &str| -> Vec<Home> {
        MEMBERS.iter().zip(&keys).map(|(member, key)| Home::new(address, member, key.clone())).collect()
    };
    let mut served = Served::start(dir);
    for home in homes_at(&served.address) {
        home.join(&invitation(dir, home.member.as_str(), &served.address)).await.unwrap();
    }
    let first = Slot::containing(clock.now());
    // A promise holds from the kill before which it was made.
    let killed = AtomicUsize::new(0);
    let witness = Witness::new(|| killed.load(Ordering::SeqCst));
    for kill in 0..kills {
        let homes = homes_at(&served.address);
        let [a, b, c, d] = &homes[..] else { panic!("four homes") };
        let known = witness.count();
        // Not at the same stage of a commit each time: after other counts of promises.
        let enough = known + 25 + (kill as usize * 37) % 60;
        let strike = async {
            while witness.count() < enough {
                tokio::task::yield_now().await;
            }
            served.child.kill().unwrap();
        };
        tokio::join!(
            live(a, b, first, &clock, &witness),
            live(b, c, first, &clock, &witness),
            live(c, d, first, &clock, &witness),
            live(d, a, first, &clock, &witness),
            strike
        );
        drop(served);
        killed.fetch_add(1, Ordering::SeqCst);
        let exchange = Exchange::open_beside(Path::new(dir)).unwrap();
        let verdict = judge(&exchange, Path::new(dir), &witness.told()).await;
        assert!(verdict.is_ok(), "after kill {}: {verdict:?}", kill + 1);
        drop(exchange);
        served = Served::start(dir);
    }
    println!("kills: {kills}, {} promises, all kept", witness.count());
    assert!(witness.count() as u64 >= kills * 25);
}
