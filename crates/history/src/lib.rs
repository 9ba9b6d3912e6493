//! SQLite: samples, slots, prices, rules, decisions, orders, trades.
//!
//! One file holds everything a household knows. One thread writes it, any number of threads read it.
//! All calls block; an async caller wraps them. Time is told, never asked for.
//!
//! What is durable when: orders, readings, settlements, slots, rules, membership and settings are on the
//! disk when their call returns (`synchronous = full` on that commit). Samples, decisions and prices
//! survive the death of the process once committed; a power cut may take those since the last durable
//! write, which comes at the latest with the next slot.

mod counter_events;
mod deals;
mod decisions;
mod error;
mod facts;
mod file;
mod handle;
mod keys;
mod lock;
mod logs;
mod memberships;
mod meter_edits;
mod orders;
mod outlook;
mod packed;
mod pending;
mod prices;
mod readings;
mod row;
mod rules;
mod samples;
mod schema;
mod settings;
mod settlements;
mod slots;
mod snapshots;
mod statements;
mod totals;
mod writer;

pub use counter_events::{CounterEvent, Register};
pub use deals::{DealErrand, DealNews, DealState, StoredDeal};
pub use decisions::{Decision, Verdict};
pub use error::HistoryError;
pub use facts::{MeterFacts, SettledFacts, SlotFacts};
pub use file::{OpenMode, Opened};
pub use handle::History;
pub use lock::{Lock, LockError};
pub use logs::{Log, LogAlarm, LogAlarmKind, LogEntry, LogPage, LogPromise, SeenCheckpoint};
pub use memberships::Membership;
pub use meter_edits::{MeterEdit, StoredEdit};
pub use orders::{
    CancelStarted, GatesPassed, OrderChange, OrderSelection, OrderState, OutgoingOrder, ProblemNote,
    StoredOrder,
};
pub use outlook::{ForecastOf, SlotForecast, SlotWeather, SpotPrice};
pub use pending::{MAX_PENDING_SAMPLES, SAMPLES_COMMIT_AFTER, SAMPLES_COMMIT_AT};
pub use prices::{AreaPrice, PriceKind, SlotPrice};
pub use readings::{
    OutgoingReading, ReadingChange, ReadingQueued, ReadingState, StoredReading, WholeRegisters,
};
pub use rules::RulesVersion;
pub use schema::{APPLICATION_ID, SCHEMA_VERSION};
pub use settlements::{DealTotal, DealTrade, Fill, Posting, Settlement, SettlementRecorded, Source, What};
pub use slots::{DayEnergy, SlotRecorded, SlotRow, StoredSlot};
pub use snapshots::{SNAPSHOTS_KEPT, Snapshot};
pub use statements::StatementRow;
pub use totals::Totals;
