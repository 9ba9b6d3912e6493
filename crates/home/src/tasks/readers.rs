//! One task a meter: asks it at its times and hands on what it said. One line is shared by all its units.

use std::sync::Arc;
use std::time::Duration;

use drivers::{Lines, Meter, Observation, ReadError};
use metering::{Freshness, Sample};
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
    let mut lines = Lines::default();
    for meter in &house.config().meters {
        let endpoint = meter.endpoint().expect("the configuration was checked");
        let profile = metering::profile(&meter.profile).expect("the configuration was checked");
        let reader = Reader {
            house: house.clone(),
            line: lines.meter(endpoint, profile, meter.settings()),
            meter: meter.clone(),
            freshness: profile.limits.stale_after.map(Freshness::new),
            samples: samples.clone(),
        };
        tasks.spawn(reader.run(stop.clone()));
    }
}

struct Reader {
    house: Arc<House>,
    line: Meter,
    meter: MeterConfig,
    freshness: Option<Freshness>,
    samples: mpsc::Sender<Heard>,
}

impl Reader {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                outcome = self.line.read() => outcome,
            };
            match outcome {
                Ok(observation) => {
                    let sample = self.sample(&observation);
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
    fn sample(&mut self, observation: &Observation) -> Sample {
        let ago = observation.taken.elapsed().mul_f64(self.house.clock.speed());
        let mut sample = observation.sample(self.house.now() - ago);
        if let Some(freshness) = &mut self.freshness {
            freshness.judge(&mut sample);
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
