//! One house: what is on its roof, in its cellar and in its people's habits, and what its meters count.

mod battery;
mod habits;
mod plan;
mod roof;
mod sleep;
mod trace;

pub use battery::{Battery, Charge};
pub use habits::Habits;
pub use plan::{HousePlan, PLACE, Terms, ZONE, feeders, plan_street, sleeper};
pub use roof::Roof;
pub use sleep::Naps;
pub use trace::{Counters, House, Powers, SlotRegisters};
