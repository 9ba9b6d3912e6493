//! Where the time comes from: the system, a test's hand, or a simulated street.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Tells the time. Only programs, `home` and `exchange` hold one; everything else is told.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns the present instant.
    fn now(&self) -> Timestamp;

    /// Returns how long to wait in real time until the clock shows `time`; zero if it does.
    fn real_until(&self, time: Timestamp) -> Duration;

    /// Returns how many seconds of this clock pass in a real second.
    fn speed(&self) -> f64 {
        1.0
    }
}

/// A clock that tasks share.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock: real time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        system_now()
    }

    fn real_until(&self, time: Timestamp) -> Duration {
        time.since(self.now())
    }
}

/// A clock that moves only when a test says so.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.millis()))
    }

    pub fn set(&self, time: Timestamp) {
        self.0.store(time.millis(), Ordering::SeqCst);
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    /// A waiting task looks again after two real milliseconds, since the hand may move at any time.
    fn real_until(&self, time: Timestamp) -> Duration {
        if self.now() >= time { Duration::ZERO } else { Duration::from_millis(2) }
    }
}

/// Market time of a simulated street: so many simulated seconds a real second, from an origin.
///
/// Every process of the street is told the same three numbers and so shows the same time. A step of
/// the system's clock during the run does not move it: the system is asked once, at the start.
#[derive(Clone, Copy, Debug)]
pub struct ScaledClock {
    scale: Scale,
    started: Instant,
    started_at: f64,
}

/// What processes tell each other so that their scaled clocks agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Market time at the origin.
    pub market_origin: Timestamp,
    /// Real time at the origin.
    pub real_origin: Timestamp,
    /// Simulated seconds in a real second.
    pub speed: f64,
}

impl ScaledClock {
    pub fn new(scale: Scale) -> Self {
        let since_origin = system_now().millis() - scale.real_origin.millis();
        let started_at = scale.market_origin.millis() as f64 + since_origin as f64 * scale.speed;
        Self { scale, started: Instant::now(), started_at }
    }

    /// Starts a clock that shows `market_origin` now.
    pub fn starting_at(market_origin: Timestamp, speed: f64) -> Self {
        Self::new(Scale { market_origin, real_origin: system_now(), speed })
    }

    pub fn scale(&self) -> Scale {
        self.scale
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        let passed = self.started.elapsed().as_secs_f64() * 1000.0 * self.scale.speed;
        Timestamp::from_millis((self.started_at + passed) as i64)
    }

    fn real_until(&self, time: Timestamp) -> Duration {
        time.since(self.now()).div_f64(self.scale.speed)
    }

    fn speed(&self) -> f64 {
        self.scale.speed
    }
}

fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_until_it_is_moved() {
        let clock = ManualClock::at(Timestamp::from_seconds(100));
        let later = clock.now() + Duration::from_secs(900);
        assert!(clock.real_until(later) > Duration::ZERO);
        clock.advance(Duration::from_secs(900));
        assert_eq!((clock.now(), clock.real_until(later)), (later, Duration::ZERO));
    }

    #[test]
    fn two_scaled_clocks_of_one_street_agree() {
        let scale = ScaledClock::starting_at(Timestamp::from_seconds(1_780_000_000), 60.0).scale();
        let (one, other) = (ScaledClock::new(scale), ScaledClock::new(scale));
        assert!((one.now().millis() - other.now().millis()).abs() < 60 * 500);
        let slot_away = one.now() + Duration::from_secs(900);
        assert!(one.real_until(slot_away) <= Duration::from_secs(15));
    }
}
