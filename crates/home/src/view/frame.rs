//! The frame around every page: status line, banner, stop button.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Instant, Whole};

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
    pub meter: MeterStatus,
    pub exchange: ExchangeStatus,
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
    Other,
}

/// What a command answers when it cannot do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub hint: String,
}
