//! What was told, so that one cause is told once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use units::{DayKey, Timestamp};

use super::{Alert, EXCHANGE_PATIENCE, Facts, METER_PATIENCE, Topic, UnusualDay};

/// How long a cause must be gone before the next one is another: a line that comes and goes is one trouble.
const GONE_AFTER: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Causes that stand, or went a short time ago.
    standing: BTreeMap<Topic, Standing>,
    /// The newest month whose statement was told of.
    month: Option<String>,
    /// The newest day that was judged.
    judged: Option<DayKey>,
    /// What waits for the quiet hours to end.
    waiting: Option<WaitingDay>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    since: Timestamp,
    told: bool,
    /// When it was first seen to be gone.
    gone: Option<Timestamp>,
}

/// An unusual day that could not be told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WaitingDay {
    day: DayKey,
    used_milliwatt_hours: i64,
    usual_milliwatt_hours: i64,
}

impl Told {
    pub fn has_told_of(&self, month: &str) -> bool {
        self.month.as_deref() >= Some(month)
    }

    pub fn has_judged(&self, day: DayKey) -> bool {
        self.judged.is_some_and(|judged| judged >= day)
    }

    /// Takes in how the household stands and returns what is to be told now.
    ///
    /// `patience` stretches a time where market time runs fast; `may` says whether a topic may be told now.
    pub fn judge(
        &mut self,
        facts: &Facts,
        now: Timestamp,
        patience: impl Fn(Duration) -> Duration,
        may: impl Fn(Topic) -> bool,
    ) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let causes = [
            (Topic::LogAlarm, facts.log_alarm.is_some(), Duration::ZERO),
            (Topic::MeterSilent, facts.meter_silent, METER_PATIENCE),
            (Topic::ExchangeLost, facts.exchange_lost, EXCHANGE_PATIENCE),
        ];
        for (topic, stands, lasting) in causes {
            let gone_after = patience(GONE_AFTER);
            let Some(since) = self.stands_since(topic, stands, now, gone_after) else { continue };
            if now.since(since) < patience(lasting) || !may(topic) {
                continue;
            }
            if self.mark(topic) {
                alerts.push(match topic {
                    Topic::MeterSilent => Alert::MeterSilent { since },
                    Topic::ExchangeLost => Alert::ExchangeLost { since },
                    _ => Alert::LogAlarm { message: facts.log_alarm.clone().unwrap_or_default() },
                });
            }
        }
        alerts.extend(self.statement(facts, &may));
        alerts.extend(self.day(facts, &may));
        alerts
    }

    /// Returns since when a cause stands that was not told yet.
    fn stands_since(
        &mut self,
        topic: Topic,
        stands: bool,
        now: Timestamp,
        gone_after: Duration,
    ) -> Option<Timestamp> {
        if stands {
            let standing =
                self.standing.entry(topic).or_insert(Standing { since: now, told: false, gone: None });
            standing.gone = None;
            return (!standing.told).then_some(standing.since);
        }
        let standing = self.standing.get_mut(&topic)?;
        let gone = *standing.gone.get_or_insert(now);
        // What was never told leaves nothing behind.
        if !standing.told || now.since(gone) >= gone_after {
            self.standing.remove(&topic);
        }
        None
    }

    /// Notes that a cause is told; returns whether it was not before.
    fn mark(&mut self, topic: Topic) -> bool {
        self.standing.get_mut(&topic).is_some_and(|standing| !std::mem::replace(&mut standing.told, true))
    }

    fn statement(&mut self, facts: &Facts, may: impl Fn(Topic) -> bool) -> Option<Alert> {
        let month = facts.settled_month.as_ref()?;
        if self.has_told_of(month) || !may(Topic::StatementReady) {
            return None;
        }
        self.month = Some(month.clone());
        Some(Alert::StatementReady { month: month.clone() })
    }

    fn day(&mut self, facts: &Facts, may: impl Fn(Topic) -> bool) -> Option<Alert> {
        if let Some((day, unusual)) = &facts.judged {
            self.judged = Some(*day);
            self.waiting = unusual.map(WaitingDay::from);
        }
        let waiting = self.waiting?;
        if !may(Topic::UnusualDay) {
            return None;
        }
        self.waiting = None;
        Some(Alert::UnusualDay(waiting.into()))
    }
}

impl From<UnusualDay> for WaitingDay {
    fn from(unusual: UnusualDay) -> Self {
        Self {
            day: unusual.day,
            used_milliwatt_hours: unusual.used.milliwatt_hours(),
            usual_milliwatt_hours: unusual.usual.milliwatt_hours(),
        }
    }
}

impl From<WaitingDay> for UnusualDay {
    fn from(waiting: WaitingDay) -> Self {
        Self {
            day: waiting.day,
            used: units::Energy::from_milliwatt_hours(waiting.used_milliwatt_hours),
            usual: units::Energy::from_milliwatt_hours(waiting.usual_milliwatt_hours),
        }
    }
}

#[cfg(test)]
mod tests {
    use units::Energy;

    use super::*;

    const MINUTE: i64 = 60;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_780_000_000 + minutes * MINUTE)
    }

    fn silent(meter_silent: bool) -> Facts {
        Facts { meter_silent, ..Facts::default() }
    }

    fn tell(told: &mut Told, facts: &Facts, minutes: i64) -> Vec<Alert> {
        told.judge(facts, at(minutes), |time| time, |_| true)
    }

    #[test]
    fn a_silent_meter_is_told_once_after_it_lasted() {
        let mut told = Told::default();
        assert_eq!(tell(&mut told, &silent(true), 0), []);
        assert_eq!(tell(&mut told, &silent(true), 14), []);
        assert_eq!(tell(&mut told, &silent(true), 15), [Alert::MeterSilent { since: at(0) }]);
        assert_eq!(tell(&mut told, &silent(true), 600), []);
    }

    #[test]
    fn a_line_that_comes_and_goes_is_one_cause_and_one_that_was_well_for_an_hour_another() {
        let mut told = Told::default();
        tell(&mut told, &silent(true), 0);
        assert_eq!(tell(&mut told, &silent(true), 20).len(), 1);
        tell(&mut told, &silent(false), 30);
        tell(&mut told, &silent(true), 60);
        assert_eq!(tell(&mut told, &silent(true), 89), []);
        tell(&mut told, &silent(false), 90);
        tell(&mut told, &silent(false), 150);
        tell(&mut told, &silent(true), 160);
        assert_eq!(tell(&mut told, &silent(true), 175), [Alert::MeterSilent { since: at(160) }]);
    }

    #[test]
    fn a_short_silence_leaves_nothing_behind() {
        let mut told = Told::default();
        tell(&mut told, &silent(true), 0);
        tell(&mut told, &silent(false), 10);
        assert_eq!(told, Told::default());
    }

    #[test]
    fn what_comes_in_quiet_hours_is_told_after_them_if_it_still_stands() {
        let mut told = Told::default();
        let quiet = |told: &mut Told, facts: &Facts, minutes| {
            told.judge(facts, at(minutes), |time| time, Topic::is_urgent)
        };
        let facts = Facts { log_alarm: Some("a fork".to_owned()), exchange_lost: true, ..silent(true) };
        let alarm = Alert::LogAlarm { message: "a fork".to_owned() };
        assert_eq!(quiet(&mut told, &facts, 0), [alarm]);
        assert_eq!(quiet(&mut told, &facts, 120), []);
        let morning = Facts { exchange_lost: false, ..facts };
        assert_eq!(tell(&mut told, &morning, 480), [Alert::MeterSilent { since: at(0) }]);
    }

    #[test]
    fn a_month_and_a_day_are_told_once_and_a_day_waits_for_the_morning() {
        let mut told = Told::default();
        let day = "2026-06-30".parse().unwrap();
        let unusual =
            UnusualDay { day, used: Energy::from_watt_hours(20_000), usual: Energy::from_watt_hours(9_000) };
        let facts = Facts {
            settled_month: Some("2026-06".to_owned()),
            judged: Some((day, Some(unusual))),
            ..Facts::default()
        };
        assert_eq!(told.judge(&facts, at(0), |time| time, Topic::is_urgent), []);
        assert!(told.has_judged(day));
        // What was told outlives a restart.
        let mut told: Told = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
        let later = Facts { judged: None, ..facts };
        let month = Alert::StatementReady { month: "2026-06".to_owned() };
        assert_eq!(tell(&mut told, &later, 500), [month, Alert::UnusualDay(unusual)]);
        assert_eq!(tell(&mut told, &later, 501), []);
        let newer = Facts { settled_month: Some("2026-07".to_owned()), ..later };
        assert_eq!(tell(&mut told, &newer, 502).len(), 1);
    }
}
