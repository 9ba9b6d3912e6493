//! One house: what is on its roof, in its cellar and in its people's habits, and what its meters count.

mod battery;
mod habits;
mod plan;
mod roof;
mod trace;

pub use battery::{Battery, Charge};
pub use habits::Habits;
pub use plan::{HousePlan, PLACE, Terms, ZONE, plan_street};
pub use roof::Roof;
pub use trace::{Counters, House, Powers, SlotRegisters};
