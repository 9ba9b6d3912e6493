//! What happens, told as it happens: `GET /v1/events` as server-sent events.

use serde::{Deserialize, Serialize};
use units::{Slot, Timestamp};

use crate::wire::SlotState;

/// The header that says where a stream goes on. The signature does not cover it: it chooses a place, no more.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// The data of one server-sent event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of every stream; its id is where the stream begins.
    Start,
    /// A slot took a step of its life.
    Slot { slot: Slot, state: SlotState, at: Timestamp },
    /// One's own settlement; `GET /v1/settlements` with a lower cursor has it.
    Settlement { cursor: i64, slot: Slot, version: u32 },
    /// A word of the operator to all members.
    Announcement { at: Timestamp, text: String },
    /// Something that a newer exchange tells and this version does not know.
    #[serde(other)]
    Other,
}

impl Event {
    /// Returns the word for it in the stream.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Slot { .. } => "slot",
            Self::Settlement { .. } => "settlement",
            Self::Announcement { .. } => "announcement",
            Self::Other => "other",
        }
    }
}
