//! One task a meter: asks it at its times and hands on what it said. One line is shared by all its units.
//!
//! When the meters are changed, or somebody wants a line for a while, all readers let go of their lines and
//! begin anew with the configuration that is in force then: that takes less than a reading.

use std::sync::Arc;
use std::time::Duration;

use drivers::{Lines, Meter, Observation, ReadError};
use metering::{Flag, Freshness, NetCounter, Sample};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use units::{Energy, MeterId, Slot, Timestamp};

use super::sleep_until;
use crate::config::{MeterConfig, Netting};
use crate::house::{House, ViewName};
use crate::meters::{ToldToBooks, Wanted};
use crate::view::frame::Trouble;

/// The farthest that two samples may lie apart whose powers are joined: as the market's borders of slots.
const JOINED: Duration = Duration::from_secs(30);

/// Reads the meters until the household stops.
pub async fn run(house: Arc<House>, samples: mpsc::Sender<ToldToBooks>, stop: CancellationToken) {
    let mut wanted = house.lines.follow();
    loop {
        let want = wanted.borrow_and_update().clone();
        let readers = Readers::start(&house, &want, &samples);
        house.lines.followed(Some(want.version));
        tokio::select! {
            () = stop.cancelled() => {
                readers.end().await;
                break;
            }
            changed = wanted.changed() => {
                readers.end().await;
                if changed.is_err() {
                    break;
                }
            }
        }
    }
    house.lines.followed(None);
}

/// The readers of one configuration.
struct Readers {
    meters: Vec<Meter>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Readers {
    fn start(house: &Arc<House>, want: &Wanted, samples: &mpsc::Sender<ToldToBooks>) -> Self {
        let mut readers =
            Self { meters: Vec::new(), tasks: TaskTracker::new(), stop: CancellationToken::new() };
        let mut lines = Lines::default();
        let profiles = house.profiles();
        for meter in &house.config().meters {
            let endpoint = profiles
                .of(meter)
                .and_then(|profile| meter.endpoint(profile).ok().map(|endpoint| (profile.clone(), endpoint)));
            let Some((profile, endpoint)) = endpoint else {
                // The owner took the file away while the house ran.
                let trouble = Trouble {
                    code: "no_profile".to_owned(),
                    message: format!(
                        "The profile \"{}\" of this meter is not there any more, so it is not read. Put its file back \
                         into {}.",
                        meter.profile,
                        profiles.folder().display()
                    ),
                };
                house.live().silent(meter.role, trouble);
                continue;
            };
            if want.holds(&endpoint.name()) {
                continue;
            }
            let line = lines.meter(endpoint, &profile, meter.settings());
            readers.meters.push(line.clone());
            let reader = Reader {
                house: house.clone(),
                line,
                meter: meter.clone(),
                freshness: profile.limits.stale_after.map(Freshness::new),
                net: None,
                nets: !profile.netting && meter.netting == Netting::Power,
                samples: samples.clone(),
            };
            readers.tasks.spawn(reader.run(readers.stop.clone()));
        }
        readers.tasks.close();
        readers
    }

    /// Lets go of the lines, and waits until the ports are free.
    async fn end(self) {
        self.stop.cancel();
        self.tasks.wait().await;
        for meter in &self.meters {
            meter.close().await;
        }
    }
}

struct Reader {
    house: Arc<House>,
    line: Meter,
    meter: MeterConfig,
    freshness: Option<Freshness>,
    /// Counts up from power, for a meter that does not net its phases.
    net: Option<Net>,
    nets: bool,
    samples: mpsc::Sender<ToldToBooks>,
}

impl Reader {
    async fn run(mut self, stop: CancellationToken) {
        if self.nets {
            let id = self.meter.id.clone();
            self.net = Some(self.house.blocking(move |house| Net::resume(house, &id)).await);
        }
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                outcome = self.line.read() => outcome,
            };
            match outcome {
                Ok(observation) => {
                    let sample = self.sample(observation).await;
                    let told = ToldToBooks::Sample(self.meter.role, sample);
                    // The receiver is gone only when the household stops.
                    if self.samples.send(told).await.is_err() {
                        break;
                    }
                }
                Err(error) => self.note(&error),
            }
            let next = next_turn(self.house.now(), self.meter.every());
            if !sleep_until(&self.house, next, &stop).await {
                break;
            }
        }
        // The line is closed with the last of its readers.
    }

    /// Stamps what was read with market time, as of the middle of the reading.
    async fn sample(&mut self, observation: Observation) -> Sample {
        let at = self.house.time_of(observation.taken);
        let mut sample = observation.sample(at);
        self.house.live().observed(self.meter.role, at, observation, self.line.tally());
        if let Some(freshness) = &mut self.freshness {
            freshness.judge(&mut sample);
        }
        if let Some(net) = &mut self.net
            && !sample.flags.contains(&Flag::Stale)
            && let Some(kept) = net.push(&mut sample)
        {
            let id = self.meter.id.clone();
            self.house.blocking(move |house| kept.keep(house, &id)).await;
        }
        sample
    }

    fn note(&self, error: &ReadError) {
        let mut live = self.house.live();
        let news = live.silent(self.meter.role, Trouble::from(error));
        live.counted(self.meter.role, self.line.tally());
        drop(live);
        self.house.changed(ViewName::Meters);
        if news {
            tracing::warn!(meter = %self.meter.id, code = error.code().word(), "the meter did not answer");
            self.house.changed(ViewName::Frame);
            self.house.changed(ViewName::Now);
        }
    }
}

/// A net counter with what of it outlives a restart.
struct Net {
    counter: NetCounter,
    kept_for: Option<Slot>,
}

/// Where the registers stood: the netted ones, and the difference of the meter's own.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kept {
    netted_milliwatt_hours: i64,
    own_milliwatt_hours: i64,
}

impl Net {
    fn resume(house: &House, meter: &MeterId) -> Self {
        let last = house.history.latest_sample(meter).ok().flatten();
        let stood = last.as_ref().and_then(|last| Some((last.at, last.import?, last.export?)));
        let (import, export) =
            stood.map_or((Energy::ZERO, Energy::ZERO), |(_, import, export)| (import, export));
        let mut counter = NetCounter::resume(import, export, JOINED);
        let kept = house.history.setting(&key(meter)).ok().flatten();
        let kept: Option<Kept> = kept.and_then(|text| serde_json::from_str(&text).ok());
        if let (Some((at, ..)), Some(kept)) = (stood, kept) {
            // What was counted since it was kept, the meter's own registers have counted, too.
            let since = (import - export).milliwatt_hours() - kept.netted_milliwatt_hours;
            counter.bridge_from(at, Energy::from_milliwatt_hours(kept.own_milliwatt_hours + since));
        }
        Self { counter, kept_for: None }
    }

    /// Puts the netted registers into a sample; returns what is to be kept, once a slot.
    fn push(&mut self, sample: &mut Sample) -> Option<Kept> {
        let own = sample.import.zip(sample.export).map(|(import, export)| import - export);
        self.counter.push(sample);
        let slot = Slot::containing(sample.at);
        let (own, import, export) = (own?, sample.import?, sample.export?);
        if self.kept_for == Some(slot) {
            return None;
        }
        self.kept_for = Some(slot);
        Some(Kept {
            netted_milliwatt_hours: (import - export).milliwatt_hours(),
            own_milliwatt_hours: own.milliwatt_hours(),
        })
    }
}

impl Kept {
    fn keep(self, house: &House, meter: &MeterId) {
        let text = serde_json::to_string(&self).expect("two numbers are plain data");
        if let Err(error) = house.history.set_setting(&key(meter), &text) {
            tracing::error!(%error, %meter, "the net counter could not be kept");
        }
    }
}

fn key(meter: &MeterId) -> String {
    format!("net_counter:{meter}")
}

/// Returns the next multiple of the period, so that samples lie close after the borders of slots.
fn next_turn(now: Timestamp, every: Duration) -> Timestamp {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis((now.millis().div_euclid(every) + 1) * every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_fall_on_multiples_of_the_period() {
        let every = Duration::from_secs(10);
        assert_eq!(next_turn(Timestamp::from_millis(899_999), every), Timestamp::from_seconds(900));
        assert_eq!(next_turn(Timestamp::from_seconds(900), every), Timestamp::from_seconds(910));
    }
}
