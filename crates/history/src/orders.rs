//! Orders this household signed, and how far each got. Those still waiting are the outbox.
//!
//! An order is queued before it is sent, so that nothing that was sent is ever unknown here; it carries
//! its id, so that sending it twice is sending it once.

mod calls;
mod rows;

use market::Side;
use units::{KeyId, MarketId, MemberId, OrderId, Price, Slot, Timestamp, WattHours};

use crate::row::worded;

pub(crate) use rows::{mark, problem};

/// A signed order as it goes to the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingOrder {
    pub id: OrderId,
    pub market: MarketId,
    pub member: MemberId,
    pub slot: Slot,
    pub side: Side,
    pub quantity: WattHours,
    pub limit: Price,
    pub key: KeyId,
    pub salt: String,
    pub signature: String,
    /// When its gate closes: from then on it can neither be placed nor cancelled.
    pub gate: Timestamp,
    pub queued_at: Timestamp,
    /// Placed by hand: the rules leave it alone.
    pub by_owner: bool,
}

worded!(
    /// How far an order got.
    OrderState {
        /// Not sent yet.
        Waiting = "waiting",
        /// Sent; no answer yet. It may have arrived.
        Sent = "sent",
        /// The exchange has it; it can still be cancelled.
        Accepted = "accepted",
        Refused = "refused",
        /// Its gate closed before it could be sent.
        Missed = "missed",
        /// Shall be cancelled; the exchange has not confirmed it.
        Cancelling = "cancelling",
        Cancelled = "cancelled",
        /// Its gate has closed: it stands.
        Bound = "bound",
        /// Its slot is cleared; `filled` is what it got.
        Cleared = "cleared",
    }
);

/// Why the exchange said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemNote {
    pub code: String,
    pub detail: String,
}

/// An order with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrder {
    pub order: OutgoingOrder,
    pub state: OrderState,
    pub problem: Option<ProblemNote>,
    pub filled: WattHours,
    pub sent_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub changed_at: Timestamp,
}

/// What has become known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderChange {
    Sent,
    Accepted { accepted_at: Timestamp },
    Refused(ProblemNote),
    Missed,
    Cancelled,
    Bound,
    Cleared { filled: WattHours },
}

/// Which open orders shall be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSelection {
    All,
    Ids(Vec<OrderId>),
}

/// What wanting to cancel came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelStarted {
    /// Never sent, so nothing more is to do.
    pub cancelled: Vec<OrderId>,
    /// Sent or accepted: the exchange must be told.
    pub cancelling: Vec<OrderId>,
    /// Too late: the gate has closed.
    pub bound: Vec<OrderId>,
}

/// What closing gates did to orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatesPassed {
    pub missed: Vec<OrderId>,
    pub bound: Vec<OrderId>,
}

impl OrderState {
    /// Tells whether an order can come from this state to another by what is told of it.
    ///
    /// Answers may overtake each other: an acceptance that comes after the owner wanted to cancel must
    /// not bring the order back to life here.
    const fn can_become(self, next: Self) -> bool {
        use OrderState::{Accepted, Bound, Cancelled, Cancelling, Cleared, Missed, Refused, Sent, Waiting};
        match self {
            Waiting => !matches!(next, Waiting),
            Sent => !matches!(next, Waiting | Sent),
            Accepted => matches!(next, Cancelling | Cancelled | Bound | Cleared),
            Cancelling => matches!(next, Cancelled | Refused | Bound | Cleared),
            Bound => matches!(next, Cleared),
            // An adjustment may change what an order got, never that its slot is cleared.
            Cleared => matches!(next, Cleared),
            // The exchange cleared what this household thought it never sent: after a restored
            // snapshot, or a power cut between sending and noting it.
            Missed | Cancelled => matches!(next, Cleared),
            Refused => false,
        }
    }
}

impl OrderChange {
    const fn state(&self) -> OrderState {
        match self {
            Self::Sent => OrderState::Sent,
            Self::Accepted { .. } => OrderState::Accepted,
            Self::Refused(_) => OrderState::Refused,
            Self::Missed => OrderState::Missed,
            Self::Cancelled => OrderState::Cancelled,
            Self::Bound => OrderState::Bound,
            Self::Cleared { .. } => OrderState::Cleared,
        }
    }
}
