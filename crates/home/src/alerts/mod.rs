//! Alerts: what is worth a word of the desktop while nobody looks at the window.
//!
//! Each cause is told once, after it has lasted, and not in the quiet hours; a log that broke its promise is told at
//! any hour. What was told outlives a restart.

mod told;
mod unusual;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use history::HistoryError;
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{DayKey, Hours, LocalDay, Slot, Timestamp};

use self::told::Told;
pub use self::unusual::UnusualDay;
use crate::house::House;
use crate::view::frame::{ExchangeStateView, MeterStateView};

/// Under which key the history keeps what was told.
const SETTING: &str = "alerts";

/// How long a meter is silent, or the exchange away, before it is worth a word: a restart of the router is not.
const METER_PATIENCE: Duration = Duration::from_secs(15 * 60);
const EXCHANGE_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The length of a month's name, `2026-06`.
const MONTH_TEXT: usize = 7;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    MeterSilent,
    ExchangeLost,
    LogAlarm,
    StatementReady,
    UnusualDay,
}

impl Topic {
    pub const ALL: [Self; 5] =
        [Self::MeterSilent, Self::ExchangeLost, Self::LogAlarm, Self::StatementReady, Self::UnusualDay];

    /// Whether it is told in the quiet hours too: it stops trading, and somebody may be cheating.
    fn is_urgent(self) -> bool {
        self == Self::LogAlarm
    }
}

/// One word to the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    MeterSilent {
        since: Timestamp,
    },
    ExchangeLost {
        since: Timestamp,
    },
    LogAlarm {
        message: String,
    },
    /// All quarter hours of the month, `2026-06`, are settled.
    StatementReady {
        month: String,
    },
    UnusualDay(UnusualDay),
}

impl Alert {
    pub fn topic(&self) -> Topic {
        match self {
            Self::MeterSilent { .. } => Topic::MeterSilent,
            Self::ExchangeLost { .. } => Topic::ExchangeLost,
            Self::LogAlarm { .. } => Topic::LogAlarm,
            Self::StatementReady { .. } => Topic::StatementReady,
            Self::UnusualDay(_) => Topic::UnusualDay,
        }
    }
}

/// What the owner wants to be told, and when: `[notifications]` in `home.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationsConfig {
    /// What is not told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub off: BTreeSet<Topic>,
    /// Hours in which only what is urgent is told, such as "22:00-07:00".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<String>,
}

impl NotificationsConfig {
    /// Returns the quiet hours, or why they are none.
    pub fn quiet_hours(&self) -> Result<Option<Hours>, String> {
        let Some(text) = &self.quiet else { return Ok(None) };
        let hours = text.split_once('-').and_then(|(from, to)| Hours::between(from.trim(), to.trim()));
        hours.map(Some).ok_or_else(|| format!("quiet = \"{text}\" are no hours: write them as 22:00-07:00"))
    }
}

/// How the household stands, as far as it is worth a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Facts {
    meter_silent: bool,
    exchange_lost: bool,
    log_alarm: Option<String>,
    /// The newest month of which every slot is settled.
    settled_month: Option<String>,
    /// The day that was judged now, and what was unusual in it.
    judged: Option<(DayKey, Option<UnusualDay>)>,
}

/// Looks at the household and tells what is due.
pub(crate) async fn look(house: &Arc<House>) {
    let looked = house.blocking(due).await;
    match looked {
        Ok(alerts) => alerts.into_iter().for_each(|alert| house.alert(alert)),
        Err(error) => tracing::error!(%error, "what is worth a word could not be found out"),
    }
}

fn due(house: &House) -> Result<Vec<Alert>, HistoryError> {
    let now = house.now();
    let mut told = match house.history.setting(SETTING)? {
        // What another version wrote is begun anew: at worst something is told twice.
        Some(text) => serde_json::from_str(&text).unwrap_or_default(),
        None => Told::default(),
    };
    let before = told.clone();
    let facts = facts(house, now, &told)?;
    let config = house.config();
    let choices = config.notifications.clone().unwrap_or_default();
    let minute = LocalDay::minute_of_day(now, house.zone());
    let quiet = choices.quiet_hours().unwrap_or_default().is_some_and(|hours| hours.contain(minute));
    let patience = |patience| house.patience(patience);
    let alerts = told
        .judge(&facts, now, patience, |topic| !choices.off.contains(&topic) && (!quiet || topic.is_urgent()));
    if told != before {
        let text = serde_json::to_string(&told).expect("what was told is plain data");
        house.history.set_setting(SETTING, &text)?;
    }
    Ok(alerts)
}

fn facts(house: &House, now: Timestamp, told: &Told) -> Result<Facts, HistoryError> {
    let lost = [ExchangeStateView::Unreachable, ExchangeStateView::Refused, ExchangeStateView::ClockOff];
    let alarm = house.history.standing_log_alarm()?.filter(|alarm| alarm.answered_at.is_none());
    let yesterday = house.today().previous().key();
    // A day is judged once, when it is over; the walk through two months is not repeated each minute.
    let judged = match told.has_judged(yesterday) {
        true => None,
        false => Some((yesterday, unusual::look(house, yesterday)?)),
    };
    Ok(Facts {
        meter_silent: house.meter_state_view(now) == MeterStateView::Silent,
        exchange_lost: lost.contains(&house.live().exchange.state),
        log_alarm: alarm.map(|alarm| alarm.detail),
        settled_month: settled_month(house, told)?,
        judged,
    })
}

/// Returns the month before the running one, if the home was a member in it and all of it is settled.
fn settled_month(house: &House, told: &Told) -> Result<Option<String>, HistoryError> {
    let this_month = house.today().key().month_start();
    let month = this_month.previous().to_string()[..MONTH_TEXT].to_owned();
    if told.has_told_of(&month) {
        return Ok(None);
    }
    let begins = LocalDay::new(this_month, house.zone()).slots().start;
    // What lies before joining is not in the market's log, so nobody can prove a statement of it.
    let joined = house.membership()?.is_some_and(|it| Slot::containing(it.joined_at) < begins);
    // A member is settled in every slot, one after the other: with one of this month, those of the month before are.
    let settled = joined && house.history.last_settlement()?.is_some_and(|last| last.slot >= begins);
    Ok(settled.then_some(month))
}
