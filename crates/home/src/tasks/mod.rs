//! The household's tasks: each has an owner, a name and an end.

pub(crate) mod bookkeeper;
mod caretaker;
mod contract_word;
mod courier;
mod notary;
mod onlooker;
mod outlook;
mod readers;
mod settler;
mod situations;
mod trader;
mod watcher;

pub use notary::{look as look_at_log, sound as sound_alarm};

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::house::House;

pub use courier::{carry_once, client, read_invitation};
pub(crate) use situations::Situations;
pub use watcher::look_at_deals;

/// Samples on their way to the bookkeeper: a minute of three meters read every second. A bookkeeper that
/// is further behind makes the readers wait.
const SAMPLES: usize = 180;

/// Runs everything until it is told to stop, and returns when all has been written.
pub async fn run(house: Arc<House>, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    if house.trades() {
        house.set_running(true);
        // Who wished to stop while nothing ran must not see a new order.
        caretaker::obey(&house).await;
        // The market's rules say how far apart samples may lie, so they are asked for first.
        courier::introduce(&house, &stop).await;
        let (samples, received) = mpsc::channel(SAMPLES);
        house.lines.keeps_books(samples.downgrade());
        tasks.spawn(readers::run(house.clone(), samples, stop.clone()));
        tasks.spawn(bookkeeper::run(house.clone(), received));
        tasks.spawn(trader::run(house.clone(), stop.clone()));
        tasks.spawn(courier::run(house.clone(), stop.clone()));
        tasks.spawn(settler::run(house.clone(), stop.clone()));
        tasks.spawn(watcher::run(house.clone(), stop.clone()));
        tasks.spawn(notary::run(house.clone(), stop.clone()));
        tasks.spawn(caretaker::run(house.clone(), stop.clone()));
        tasks.spawn(outlook::run(house.clone(), stop.clone()));
    } else {
        tasks.spawn(onlooker::run(house.clone(), stop.clone()));
    }
    tasks.close();
    stop.cancelled().await;
    tasks.wait().await;
    house.set_running(false);
    if house.trades()
        && let Err(error) = house.blocking(|house| house.history.flush()).await
    {
        tracing::error!(%error, "the last samples could not be written");
    }
}

/// Sleeps until market time shows `time`, or the household stops; says whether it goes on.
async fn sleep_until(house: &House, time: units::Timestamp, stop: &CancellationToken) -> bool {
    loop {
        let left = house.clock.real_until(time);
        if left.is_zero() {
            return !stop.is_cancelled();
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(left) => {}
        }
    }
}
