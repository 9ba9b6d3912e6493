//! One task a meter: asks it at its times and hands on what it said. One line is shared by all its units.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drivers::{Bus, BusSettings, Device, DeviceSettings, ReadError};
use metering::{Freshness, Profile, Read, Sample};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use units::Timestamp;

use super::sleep_until;
use crate::config::{MeterConfig, Role};
use crate::house::{House, ViewName};
use crate::view::frame::Trouble;

/// A sample with the meter it came from.
pub type Heard = (Role, Sample);

/// Starts a task for each meter of the home.
pub fn spawn(
    house: &Arc<House>,
    samples: mpsc::Sender<Heard>,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let mut lines = BTreeMap::new();
    for meter in &house.config.meters {
        let endpoint = meter.endpoint().expect("the configuration was checked");
        let profile = metering::profile(&meter.profile).expect("the configuration was checked");
        let bus = lines.entry(endpoint.clone()).or_insert_with(|| {
            let mut settings = BusSettings::of(&endpoint);
            if meter.gap_ms.is_some() {
                settings.unit_change_gap = Duration::ZERO;
            }
            Bus::open(endpoint, settings)
        });
        let mut settings = DeviceSettings::of(profile);
        if let Some(gap_ms) = meter.gap_ms {
            settings.gap = Duration::from_millis(gap_ms.into());
        }
        let reader = Reader {
            house: house.clone(),
            device: bus.device(meter.unit, settings),
            meter: meter.clone(),
            profile,
            reads: profile.reads(),
            freshness: profile.limits.stale_after.map(Freshness::new),
            samples: samples.clone(),
        };
        tasks.spawn(reader.run(stop.clone()));
    }
}

struct Reader {
    house: Arc<House>,
    device: Device,
    meter: MeterConfig,
    profile: &'static Profile,
    reads: Vec<Read>,
    freshness: Option<Freshness>,
    samples: mpsc::Sender<Heard>,
}

impl Reader {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                outcome = self.device.read(&self.reads) => outcome,
            };
            match outcome {
                Ok(reading) => {
                    let sample = self.sample(&reading);
                    // The receiver is gone only when the household stops.
                    if self.samples.send((self.meter.role, sample)).await.is_err() {
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

    /// Stamps what was read with market time: now, less the real time since the middle of the reading.
    fn sample(&mut self, reading: &drivers::Reading) -> Sample {
        let ago = reading.taken.elapsed().mul_f64(self.house.clock.speed());
        let mut sample =
            self.profile.decode(&reading.registers, self.house.now() - ago, self.meter.orientation());
        if let Some(freshness) = &mut self.freshness {
            freshness.judge(&mut sample);
        }
        if self.device.tally().reduced_reads {
            sample.flags.push(metering::Flag::ReducedReads);
        }
        sample
    }

    fn note(&self, error: &ReadError) {
        let trouble = Trouble {
            code: error.code().word().to_owned(),
            message: format!("{} {}", error.message(), error.hint()),
        };
        let news = self.house.live().silent(self.meter.role, trouble);
        if news {
            tracing::warn!(meter = %self.meter.id, code = error.code().word(), "the meter did not answer");
            self.house.changed(ViewName::Frame);
            self.house.changed(ViewName::Now);
        }
    }
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
