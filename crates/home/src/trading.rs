//! Whether the household trades: stop and resume, and how the meter stands.

use std::time::Duration;

use history::{HistoryError, OrderSelection, OrderState};
use rules::{MeterState, Trading};
use units::{Slot, Timestamp};

use crate::config::Role;
use crate::error::history_refusal;
use crate::house::{Access, Home, House, ViewName};
use crate::view::frame::{FrameView, MeterStateView, Refusal};

const STOPPED_SETTING: &str = "trading_stopped";

/// No decision rests on a meter that was silent for longer.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(120);

impl Home {
    /// Withdraws every order that can still be withdrawn and makes no new ones, also without contact to
    /// the exchange. The answer names the slots that can no longer be stopped.
    pub fn stop_trading(&self) -> Result<FrameView, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        house.stop_trading().map_err(|error| history_refusal(&error))?;
        self.frame()
    }

    /// Lets the rules trade again.
    pub fn resume_trading(&self) -> Result<FrameView, Refusal> {
        let house = self.house()?;
        house.check_trades()?;
        house.resume_trading().map_err(|error| history_refusal(&error))?;
        self.frame()
    }
}

impl House {
    pub fn stop_trading(&self) -> Result<(), HistoryError> {
        self.history.set_setting(STOPPED_SETTING, "1")?;
        let cancelled = self.history.cancel_orders(OrderSelection::All, self.now())?;
        tracing::info!(
            cancelled = cancelled.cancelled.len() + cancelled.cancelling.len(),
            bound = cancelled.bound.len(),
            "the owner stopped trading"
        );
        self.trading_changed();
        Ok(())
    }

    pub fn resume_trading(&self) -> Result<(), HistoryError> {
        self.answer_alarms()?;
        self.history.clear_setting(STOPPED_SETTING)?;
        tracing::info!("the owner resumed trading");
        self.trading_changed();
        Ok(())
    }

    fn trading_changed(&self) {
        self.wake.courier.notify_one();
        self.wake.trader.notify_one();
        self.changed(ViewName::Frame);
        self.changed(ViewName::Rules);
        self.changed(ViewName::Market);
        self.changed(ViewName::Now);
    }

    pub fn trading(&self) -> Result<Trading, HistoryError> {
        let stopped = self.history.setting(STOPPED_SETTING)?.is_some();
        Ok(if stopped { Trading::Stopped } else { Trading::Running })
    }

    /// Refuses what only the process that trades may do.
    pub fn check_trades(&self) -> Result<(), Refusal> {
        let Access::LooksOn { held_by } = &self.access else { return Ok(()) };
        let (message, hint) = match held_by {
            Some(program) => (
                format!("{program} trades for this house, so nothing can be changed here."),
                "Change it there, or close that program and start this one again.",
            ),
            None => (
                "The data folder cannot be written, so nothing can be changed.".to_owned(),
                "Check who owns the folder and whether its disk is mounted for writing.",
            ),
        };
        Err(Refusal { code: "read_only".to_owned(), message, hint: hint.to_owned() })
    }

    /// Returns the slots, running or ahead, whose orders can no longer be withdrawn.
    pub fn bound_slots(&self) -> Result<Vec<Slot>, HistoryError> {
        let now = self.now();
        let running = Slot::containing(now);
        let orders = self.history.orders(running..running.offset(8))?;
        let is_bound = |state: OrderState, gate: Timestamp| match state {
            OrderState::Bound => true,
            OrderState::Accepted | OrderState::Cancelling => gate <= now,
            _ => false,
        };
        let mut slots: Vec<Slot> = orders
            .iter()
            .filter(|stored| is_bound(stored.state, stored.order.gate))
            .map(|stored| stored.order.slot)
            .collect();
        slots.dedup();
        Ok(slots)
    }

    /// Returns how old the grid meter's newest sample is, as decisions see it.
    pub fn meter_state(&self, now: Timestamp) -> MeterState {
        let last = self.live().last(Role::Grid).map(|sample| sample.at);
        let Some(last) = last else { return MeterState::Silent { age: None } };
        let age = now.since(last);
        if age > self.patience(SILENT_AFTER) {
            MeterState::Silent { age: Some(age) }
        } else if age > self.patience(self.late_after()) {
            MeterState::Stale { age }
        } else {
            MeterState::Fresh { age }
        }
    }

    /// Returns how the window shows the grid meter.
    pub fn meter_state_view(&self, now: Timestamp) -> MeterStateView {
        if !self.config().has(Role::Grid) {
            return MeterStateView::None;
        }
        match self.meter_state(now) {
            MeterState::Fresh { .. } => MeterStateView::Fresh,
            MeterState::Stale { .. } => MeterStateView::Stale,
            MeterState::Silent { age: None }
                if self.live().meters.is_empty() && !self.has_been_silent_for_long() =>
            {
                MeterStateView::Starting
            }
            MeterState::Silent { .. } => MeterStateView::Silent,
        }
    }

    /// Returns whether the meter had time enough to answer since the start.
    pub fn has_been_silent_for_long(&self) -> bool {
        self.now().since(self.opened_at) > self.patience(SILENT_AFTER)
    }

    /// Three of its periods.
    fn late_after(&self) -> Duration {
        self.config().meter_of(Role::Grid).map_or(SILENT_AFTER, |meter| meter.every() * 3)
    }
}
