//! The words of the house: exact power, energy, price and money; quarter-hour slots; local days; clocks.
//!
//! Everything is an integer. Nothing here asks the system for the time, except [`SystemClock`] and
//! [`ScaledClock`], which exist to be asked. Operators panic on overflow in every build profile;
//! input that a stranger sent goes through the `checked_` functions.

mod clock;
mod day;
mod ids;
mod money;
mod quantity;
#[cfg(feature = "schema")]
mod schema;
mod serde_forms;
mod slot;
mod time;
mod wall;

pub use clock::{Clock, ManualClock, Scale, ScaledClock, SharedClock, SystemClock};
pub use day::{DayKey, LocalDay, UnknownZone, Zone, zone};
pub use ids::{AreaId, DealId, InvalidId, KeyId, MAX_ID_BYTES, MarketId, MemberId, MeterId, OrderId};
pub use money::{Currency, InvalidCurrency, Money, Overflow, Price, div_half_even, largest_remainder};
pub use quantity::{Current, Energy, Frequency, Percent, Power, Voltage, WattHours};
pub use serde_forms::thousandths;
pub use slot::{SLOT_SECONDS, Slot, UnalignedSlot};
pub use time::{InvalidTimestamp, Timestamp};
pub use wall::{Hours, WallTime};
