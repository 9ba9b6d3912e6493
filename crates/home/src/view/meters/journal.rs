//! What a meter's counters did where they did not simply rise, and what the owner did about it.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::{Instant, Whole};

/// The newest entries, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct JournalView {
    pub meter: String,
    pub entries: Vec<JournalEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct JournalEntry {
    /// Names the entry in [`JournalAsk`].
    pub entry: String,
    pub kind: JournalKind,
    /// Which of the meter's counters; missing where it is about both.
    pub register: Option<RegisterName>,
    /// When it happened, or from when on it counts.
    pub at: Instant,
    /// When it was entered, where a person did it.
    pub made_at: Option<Instant>,
    pub before_milliwatt_hours: Option<Whole>,
    pub after_milliwatt_hours: Option<Whole>,
    /// Energy that the entry added to the books, or took from them.
    pub booked_milliwatt_hours: Option<Whole>,
    /// The serial number of the meter that came, where it is known.
    pub serial: Option<String>,
    /// Whether it can be reversed or undone now.
    pub reversible: bool,
    /// Whether a later entry has reversed it.
    pub reversed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum RegisterName {
    Import,
    Export,
}

/// The first eight are what a counter did, the others what a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum JournalKind {
    Glitch,
    Dip,
    Reset,
    Wrap,
    OtherMeter,
    Gap,
    JumpHeld,
    JumpReleased,
    Added,
    Removed,
    /// A person said that the meter was replaced.
    Replaced,
    /// It is read the other way round from then on.
    Inverted,
    /// What a counter did was judged otherwise.
    Reversed,
    /// An earlier entry was undone.
    Undone,
}

/// Reverses what was made of a counter's event, or undoes what a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct JournalAsk {
    pub meter: String,
    pub entry: String,
}
