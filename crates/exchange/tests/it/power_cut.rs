//! The power goes at any step of a busy market: what was acknowledged is there again, once, and the books hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use exchange::{Clocks, Exchange};
use power_cut::{Disk, Unsynced};
use units::{Clock as _, ManualClock, Slot, SystemClock, Timestamp};

use crate::promises::{Promise, Witness, agree, from_environment, judge, report, settled, trade};
use crate::street::{Home, Street, slot};

const HOMES: usize = 4;
const ROUNDS: i64 = 4;
const FIRST: &str = "2026-06-01T12:00:00Z";

/// A market that was busy on a disk which kept everything.
struct Recording {
    disk: Disk,
    /// From here on the homes had joined.
    joined: usize,
    told: Vec<(usize, Promise)>,
    end: Timestamp,
}

async fn record(prepare: impl FnOnce(&Disk)) -> Recording {
    let (street, disk) = Street::on_disk(|dir| {
        let disk = Disk::record(dir);
        prepare(&disk);
        disk
    })
    .await;
    let mut homes = Vec::new();
    for number in 1..=HOMES {
        homes.push(street.home(&format!("home-{number:02}")).await);
    }
    let joined = disk.position();
    let witness = Witness::new(|| disk.position());
    for round in 0..ROUNDS {
        busy_slot(&street, &homes, slot(FIRST).offset(round), &witness).await;
    }
    let (told, end) = (witness.told(), street.clock.now());
    drop(witness);
    Recording { disk, joined, told, end }
}

/// A slot in which all homes order at once, two agree on a deal, all report, and the slot is settled.
async fn busy_slot(street: &Street, homes: &[Home], current: Slot, witness: &Witness<'_>) {
    let day = async |home: &Home| {
        for number in 0..7 {
            trade(home, current.offset(1 + number as i64 % 4), number, witness).await.unwrap();
        }
    };
    let [a, b, c, d] = homes else { panic!("{HOMES} homes") };
    let ends = current.index() % 2 == 0;
    let deal = async { agree(a, b, current.next(), ends, witness).await.unwrap() };
    tokio::join!(day(a), day(b), day(c), day(d), deal);
    street.at(&current.end().to_string()).await;
    let report = async |home: &Home| report(home, current, slot(FIRST), witness).await.unwrap();
    tokio::join!(report(a), report(b), report(c), report(d));
    street.exchange.tick().await.unwrap();
    for home in homes {
        settled(home, 0, witness).await.unwrap();
    }
}

/// Cuts the power so many times, spread over the recording; returns what was wrong afterwards.
async fn cut(recording: &Recording, images: u64, seed: u64) -> Vec<String> {
    let folder = fast_folder();
    let mut replay = recording.disk.replay();
    let steps = (replay.steps() - recording.joined) as u64;
    let mut wrong = Vec::new();
    for number in 0..images {
        let at = recording.joined + (steps * (number + 1) / images) as usize;
        let unsynced = match number % 5 {
            0 => Unsynced::Lost,
            1 => Unsynced::Written,
            _ => Unsynced::Mixed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        };
        replay.forward(at);
        let image = folder.path().join(number.to_string());
        replay.image(unsynced).write_to(&image).unwrap();
        let promised = recording.told.partition_point(|(moment, _)| *moment <= at);
        if let Err(why) = recover(&image, recording.end, &recording.told[..promised]).await {
            wrong.push(format!("image {number}, cut at {at}, {unsynced:?}: {why}"));
        }
        std::fs::remove_dir_all(image).unwrap();
    }
    wrong
}

/// Opens what a cut left as the program does, lets what is due happen, and judges it.
async fn recover(image: &Path, now: Timestamp, promises: &[(usize, Promise)]) -> Result<(), String> {
    let clocks = Clocks { market: Arc::new(ManualClock::at(now)), real: Arc::new(SystemClock) };
    let exchange = Exchange::open_with(image, clocks).map_err(|error| format!("does not open: {error:?}"))?;
    exchange.tick().await.map_err(|error| format!("does not go on: {error:?}"))?;
    judge(&exchange, image, promises).await
}

/// Returns a folder in memory where there is one: thousands of images need no disk.
fn fast_folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

#[tokio::test]
async fn whenever_the_power_goes_nothing_acknowledged_is_lost_or_doubled() {
    let images = from_environment("WATTLE_POWER_CUT_IMAGES", 60);
    let seed = from_environment("WATTLE_POWER_CUT_SEED", 1);
    let recording = record(|_| {}).await;
    let began = Instant::now();
    let wrong = cut(&recording, images, seed).await;
    println!(
        "power cut: {images} images of {} steps with {} promises, {} wrong, {:.1} s",
        recording.disk.position(),
        recording.told.len(),
        wrong.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(recording.told.len() > 200, "{} promises", recording.told.len());
    assert!(wrong.is_empty(), "{} of {images}: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

#[tokio::test]
async fn without_syncs_the_same_cuts_find_losses() {
    let images = from_environment("WATTLE_POWER_CUT_IMAGES", 60).min(200);
    let recording = record(Disk::ignore_synchronous_full).await;
    let wrong = cut(&recording, images, 1).await;
    println!("power cut, synchronous = off: {images} images, {} with losses", wrong.len());
    assert!(wrong.len() as u64 > images / 5, "losses in {} of {images} images", wrong.len());
}
