//! The frame around every page: status line, banner, stop button.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use specta::Type;

use units::Timestamp;

use super::{Instant, Whole};
use crate::config::Role;
use crate::error::history_refusal;
use crate::house::{Access, Home, House};
use crate::meters::diagnosis;
use history::{HistoryError, LogAlarm, LogAlarmKind, OrderState};
use rules::Trading;
use units::Slot;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct FrameView {
    pub home_name: String,
    pub currency: String,
    /// IANA zone of the home: every time of day is shown in it.
    pub zone: String,
    /// Market time now, and how fast it runs: 1 in the real world.
    pub market_time: Instant,
    pub speed: f64,
    /// The house is part of a simulated street.
    pub simulated: bool,
    /// The owner has told nothing yet: the first run is shown in place of the pages.
    pub new_home: bool,
    pub meter: MeterStatus,
    pub exchange: ExchangeStatus,
    pub log: LogStatus,
    pub trading: TradingStatus,
    /// Things the owner should know, most urgent first.
    pub notices: Vec<Notice>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct MeterStatus {
    pub state: MeterStateView,
    /// Age of the newest sample in market seconds.
    pub age_s: Option<Whole>,
    /// What the driver said last, while the meter is not fresh: a whole sentence.
    pub trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MeterStateView {
    /// No meter is set up.
    None,
    /// The first answer is awaited.
    Starting,
    Fresh,
    Stale,
    Silent,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Trouble {
    /// As in the contract: timeout, crc, wrong_unit, busy, permission and so on.
    pub code: String,
    pub message: String,
}

impl From<&drivers::ReadError> for Trouble {
    fn from(error: &drivers::ReadError) -> Self {
        Self {
            code: error.code().word().to_owned(),
            message: format!("{} {}", error.message(), error.hint()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
pub struct ExchangeStatus {
    pub state: ExchangeStateView,
    pub market_name: Option<String>,
    /// Orders and readings that wait in the outbox.
    pub waiting: Whole,
    /// Orders that were dropped since their gate closed before they could be sent, in the last day.
    pub missed_orders: Whole,
    pub trouble: Option<Trouble>,
    /// When the exchange last answered.
    pub last_contact: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeStateView {
    NotAMember,
    Connecting,
    Connected,
    Unreachable,
    /// The exchange refuses requests because this computer's clock is off.
    ClockOff,
    /// The exchange refuses this household: key revoked, terms not agreed.
    Refused,
}

/// How the exchange's log stands: what it acknowledged is there, and it only grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LogStatus {
    pub state: LogStateView,
    /// When all of it was found in order.
    pub verified_at: Option<Instant>,
    /// How many entries it had then.
    pub entries: Option<Whole>,
    /// What broke, until the log is in order again.
    pub alarm: Option<LogAlarmView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LogStateView {
    /// The home is in no market, so there is no log.
    None,
    /// It was not read yet.
    Waiting,
    Verified,
    /// It could not be read for some hours.
    Old,
    /// It broke a promise: trading stops until the owner says to go on.
    Alarm,
    /// It broke a promise, and the owner said to go on.
    Answered,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LogAlarmView {
    pub kind: LogAlarmKindView,
    pub at: Instant,
    /// What was found, a whole sentence.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LogAlarmKindView {
    Rollback,
    Fork,
    MissingEntry,
    WrongSignature,
    Unproved,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TradingStatus {
    pub state: TradingStateView,
    /// Slots whose gate had closed when trading was stopped: they can no longer be stopped.
    pub bound_slots: Vec<Instant>,
    /// Who trades from this data folder, if it is another program.
    pub held_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum TradingStateView {
    Running,
    Stopped,
    /// Another program trades for this house; this one only looks on.
    ReadOnly,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Notice {
    pub code: NoticeCode,
    /// A whole sentence: what happened, what it means, what to do. Shown below the UI's own headline.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum NoticeCode {
    /// The history was damaged and came back from its last good copy.
    HistoryRestored,
    /// The data folder cannot be written.
    DataReadOnly,
    /// The data folder belongs to a newer version.
    DataNewer,
    /// The private key lies in a passphrase-protected file, since there is no system keyring.
    KeyInFile,
    /// The keyring is locked.
    KeyLocked,
    /// There is no private key to sign with: no keyring and no passphrase.
    NoKey,
    /// Orders were dropped because the exchange could not be reached before their gate.
    OrdersMissed,
    /// A rule asks for less than feed-in or more than retail.
    RuleWorseThanContract,
    /// The meters contradict each other: one measures something else, or is turned round.
    MetersContradict,
    Other,
}

/// What a command answers when it cannot do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub hint: String,
}

impl Home {
    /// Returns the frame: how meter, exchange and trading stand.
    pub fn frame(&self) -> Result<FrameView, Refusal> {
        let house = self.house()?;
        frame(house).map_err(|error| history_refusal(&error))
    }
}

fn frame(house: &House) -> Result<FrameView, HistoryError> {
    let now = house.now();
    let missed = missed_slots(house, now)?;
    Ok(FrameView {
        home_name: house.config().name.clone(),
        currency: house.config().currency.to_string(),
        zone: house.config().zone.clone(),
        market_time: now.into(),
        speed: house.clock.speed(),
        simulated: house.config().simulation.is_some(),
        new_home: house.config().new && house.trades(),
        meter: meter_status(house, now),
        exchange: exchange_status(house, now, &missed)?,
        log: log_status(house, now)?,
        trading: trading_status(house)?,
        notices: notices(house, now, &missed),
    })
}

fn meter_status(house: &House, now: Timestamp) -> MeterStatus {
    let state = house.meter_state_view(now);
    let live = house.live();
    let age = live.last(Role::Grid).map(|sample| now.since(sample.at).as_secs());
    let trouble = live.meters.get(&Role::Grid).and_then(|meter| meter.trouble.clone());
    MeterStatus { state, age_s: age.map(|age| Whole::new(age as i64)), trouble }
}

fn exchange_status(house: &House, now: Timestamp, missed: &[Slot]) -> Result<ExchangeStatus, HistoryError> {
    let waiting = house.history.waiting_orders(now)?.len()
        + house.history.cancelling_orders()?.len()
        + house.history.waiting_readings(WAITING_SHOWN)?.len();
    let membership = house.membership()?;
    let last = house.history.last_settlement()?;
    let settled_lately = last.is_some_and(|last| now.since(last.slot.end()) < TWO_HOURS);
    let live = house.live();
    let state = match (&membership, live.exchange.state) {
        // Before the first contact a member is on its way.
        (Some(_), ExchangeStateView::NotAMember) if house.trades() => ExchangeStateView::Connecting,
        // Who only looks on sees from the books whether the other program is in contact.
        (Some(_), ExchangeStateView::NotAMember) if settled_lately => ExchangeStateView::Connected,
        (Some(_), ExchangeStateView::NotAMember) => ExchangeStateView::Unreachable,
        (_, state) => state,
    };
    Ok(ExchangeStatus {
        state,
        market_name: membership.map(|membership| membership.market_name),
        waiting: Whole::new(waiting as i64),
        missed_orders: Whole::new(missed.len() as i64),
        trouble: live.exchange.trouble.clone(),
        last_contact: live.exchange.last_contact.map(Instant::from),
    })
}

fn log_status(house: &House, now: Timestamp) -> Result<LogStatus, HistoryError> {
    let Some(membership) = house.membership()? else {
        return Ok(LogStatus { state: LogStateView::None, verified_at: None, entries: None, alarm: None });
    };
    let alarm = house.history.standing_log_alarm()?;
    let (mut verified_at, mut entries) = {
        let live = house.live();
        (live.log.verified_at, live.log.size)
    };
    // What was verified before the start, or by the program that trades, is in the file.
    if verified_at.is_none()
        && let Some(seen) = house.history.log(&membership.market)?.and_then(|log| log.checkpoint)
    {
        (verified_at, entries) = (Some(seen.checked_at), Some(seen.size));
    }
    let state = match (&alarm, verified_at) {
        (Some(alarm), _) if alarm.answered_at.is_none() => LogStateView::Alarm,
        (Some(_), _) => LogStateView::Answered,
        (None, None) => LogStateView::Waiting,
        (None, Some(at)) if now.since(at) > house.patience(TWO_HOURS) => LogStateView::Old,
        (None, Some(_)) => LogStateView::Verified,
    };
    Ok(LogStatus {
        state,
        verified_at: verified_at.map(Instant::from),
        entries: entries.map(|entries| Whole::new(i64::try_from(entries).unwrap_or(i64::MAX))),
        alarm: alarm.map(LogAlarmView::from),
    })
}

impl From<LogAlarm> for LogAlarmView {
    fn from(alarm: LogAlarm) -> Self {
        let kind = match alarm.kind {
            LogAlarmKind::Rollback => LogAlarmKindView::Rollback,
            LogAlarmKind::Fork => LogAlarmKindView::Fork,
            LogAlarmKind::MissingEntry => LogAlarmKindView::MissingEntry,
            LogAlarmKind::WrongSignature => LogAlarmKindView::WrongSignature,
            LogAlarmKind::Unproved => LogAlarmKindView::Unproved,
        };
        Self { kind, at: alarm.raised_at.into(), message: alarm.detail }
    }
}

/// Readings that wait are counted up to here; more are as bad.
const WAITING_SHOWN: u32 = 1000;

/// Slots in which dropped orders are counted, and in which the owner is told of them.
const DAY: i64 = 96;
const LATELY: i64 = 8;
const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

/// Returns the slots of the last day, once an order, whose orders were dropped because their gate closed before
/// they could be sent.
fn missed_slots(house: &House, now: Timestamp) -> Result<Vec<Slot>, HistoryError> {
    let running = Slot::containing(now);
    let recent = house.history.orders(running.offset(-DAY)..running.offset(8))?;
    let missed = recent.iter().filter(|stored| stored.state == OrderState::Missed);
    Ok(missed.map(|stored| stored.order.slot).collect())
}

fn trading_status(house: &House) -> Result<TradingStatus, HistoryError> {
    let state = trading_state(house)?;
    let held_by = match &house.access {
        Access::LooksOn { held_by } => held_by.clone(),
        Access::Trades { .. } => None,
    };
    let bound_slots = match state {
        TradingStateView::Stopped => {
            house.bound_slots()?.into_iter().map(|slot| slot.start().into()).collect()
        }
        TradingStateView::Running | TradingStateView::ReadOnly => Vec::new(),
    };
    Ok(TradingStatus { state, bound_slots, held_by })
}

pub(super) fn trading_state(house: &House) -> Result<TradingStateView, HistoryError> {
    if !house.trades() {
        return Ok(TradingStateView::ReadOnly);
    }
    Ok(match house.trading()? {
        Trading::Stopped => TradingStateView::Stopped,
        Trading::Running | Trading::Paused { .. } => TradingStateView::Running,
    })
}

/// Lists what the owner should know; what is about the rules is looked up, the rest was noted as it happened.
fn notices(house: &House, now: Timestamp, missed: &[Slot]) -> Vec<Notice> {
    let mut notices = house.live().notices.clone();
    let lately = Slot::containing(now).offset(-LATELY);
    if missed.iter().any(|slot| *slot >= lately) {
        notices.push(Notice {
            code: NoticeCode::OrdersMissed,
            message: "The exchange could not be reached in time, so some offers were dropped. What they would have \
                      traded goes to your utility. Check the internet connection; new offers are made by themselves."
                .to_owned(),
        });
    }
    if let Some(prices) = house.prices(Slot::containing(house.now())) {
        let findings = rules::check(&house.rules(), &prices, house.judged());
        notices.extend(findings.into_iter().map(|finding| Notice {
            code: match finding {
                rules::Finding::WorseThanContract { .. } => NoticeCode::RuleWorseThanContract,
                rules::Finding::NeverSpeaks { .. } | rules::Finding::CannotJudge { .. } => NoticeCode::Other,
            },
            message: finding.to_string(),
        }));
    }
    // One is enough to go and look: the Meters page tells each with its meters.
    notices.extend(diagnosis::findings(house).first().map(|finding| Notice {
        code: NoticeCode::MetersContradict,
        message: finding.code.message().to_owned(),
    }));
    notices.sort_by_key(|notice| urgency(notice.code));
    notices
}

/// The most urgent first: what stops everything, what costs money, what is good to know.
fn urgency(code: NoticeCode) -> u8 {
    match code {
        NoticeCode::DataReadOnly | NoticeCode::DataNewer => 0,
        NoticeCode::HistoryRestored | NoticeCode::KeyLocked | NoticeCode::NoKey => 1,
        NoticeCode::OrdersMissed | NoticeCode::RuleWorseThanContract | NoticeCode::MetersContradict => 2,
        NoticeCode::KeyInFile | NoticeCode::Other => 3,
    }
}
