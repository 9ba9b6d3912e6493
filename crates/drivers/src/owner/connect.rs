//! Makes the connection, and makes it again: less and less often where it is in vain.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Owner;
use crate::bus::{Job, LineState};
use crate::trouble::Trouble;
use crate::unit::Unit;

/// Pauses between tries to connect: doubled from the first to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Looking whether a serial adapter is back costs nothing and disturbs nobody.
const LONGEST_ABSENCE: Duration = Duration::from_secs(1);

/// A device that hangs up at once serves another program. It is asked less and less often, after a few
/// quick tries, since a proxy whose device restarts looks the same.
pub(super) const QUICK_HANG_UPS: u32 = 3;
const HANG_UP_PAUSES_S: [u64; 5] = [5, 5, 10, 20, 60];

/// When to try to connect again.
#[derive(Debug, Default)]
pub(super) struct Retry {
    pub failures: u32,
    pub hang_ups: u32,
    pub not_before: Option<(Instant, Trouble)>,
}

impl Owner {
    /// Makes a connection if there is none.
    pub(super) async fn connect(&mut self, job: &Job) -> Result<(), Trouble> {
        if self.link.is_some() {
            return Ok(());
        }
        let patience = job.deadline.saturating_duration_since(Instant::now()).max(FIRST_RETRY);
        match self.way.connect(self.settings.connect_timeout.min(patience)).await {
            Ok(link) => {
                tracing::debug!(endpoint = %self.endpoint, "connected");
                self.retry.not_before = None;
                if !self.endpoint.speaks_rtu() {
                    // Answers of Modbus TCP belong to their connection.
                    self.units.values_mut().for_each(Unit::settle);
                }
                self.link = Some(link);
                self.connections.fetch_add(1, Ordering::AcqRel);
                self.traffic = None;
                self.state.send_if_modified(|state| {
                    std::mem::replace(state, LineState::Connected) != LineState::Connected
                });
                tokio::time::sleep(job.pace.connect_delay).await;
                Ok(())
            }
            Err(trouble) => {
                let pause = pause_after(self.retry.failures, &trouble);
                self.retry.failures += 1;
                self.disconnected(&trouble, pause);
                Err(trouble)
            }
        }
    }

    /// Drops the connection after trouble on it.
    pub(super) fn drop_link(&mut self, trouble: Trouble) -> Trouble {
        let Some(link) = self.link.take() else { return trouble };
        let at_once = matches!(trouble, Trouble::HungUp) && !link.proven;
        if !at_once {
            self.disconnected(&trouble, Duration::ZERO);
            return trouble;
        }
        let pause = match self.retry.hang_ups.checked_sub(QUICK_HANG_UPS) {
            None => FIRST_RETRY * 2u32.pow(self.retry.hang_ups),
            Some(more) => {
                Duration::from_secs(HANG_UP_PAUSES_S[(more as usize).min(HANG_UP_PAUSES_S.len() - 1)])
            }
        };
        self.retry.hang_ups += 1;
        self.disconnected(&Trouble::HungUpAtOnce, pause);
        Trouble::HungUpAtOnce
    }

    fn disconnected(&mut self, trouble: &Trouble, pause: Duration) {
        tracing::debug!(endpoint = %self.endpoint, code = %trouble.code(), ?pause, "no connection");
        self.retry.not_before = Some((Instant::now() + jittered(pause), trouble.clone()));
        self.state.send_if_modified(|state| {
            std::mem::replace(state, LineState::Disconnected) != LineState::Disconnected
        });
    }
}

/// Returns how long to wait after so many failures in a row and one more.
pub(crate) fn pause_after(failures: u32, trouble: &Trouble) -> Duration {
    let doubled = FIRST_RETRY * 2u32.pow(failures.min(5));
    match trouble {
        Trouble::Absent => doubled.min(LONGEST_ABSENCE),
        trouble if trouble.lasts() => LONGEST_RETRY,
        _ => doubled.min(LONGEST_RETRY),
    }
}

/// Returns a pause longer or shorter by up to a fifth, so that programs do not knock in step.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    pause.mul_f64(0.8 + 0.4 * (random % 1000) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_is_away_is_looked_for_each_second_and_a_host_less_and_less_often() {
        let pauses = |trouble: Trouble| (0..40).map(move |failures| pause_after(failures, &trouble));
        assert!(pauses(Trouble::Absent).skip(2).all(|pause| pause == Duration::from_secs(1)));
        let refused: Vec<u128> = pauses(Trouble::Refused).take(7).map(|pause| pause.as_millis()).collect();
        assert_eq!(refused, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert!(pauses(Trouble::PermissionDenied).all(|pause| pause == LONGEST_RETRY));
    }
}
