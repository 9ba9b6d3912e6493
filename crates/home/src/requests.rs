//! Stop and resume from another process of the same computer.
//!
//! The history has one writer, so a second process cannot stop trading by itself. It leaves its wish as a
//! file in the data folder; the process that trades obeys within a second and takes the file away. A wish
//! that nobody could obey, since the power went, is obeyed by the next start before it trades.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use history::{HistoryError, OrderState};
use tokio_util::sync::CancellationToken;
use units::{OrderId, Slot};

use crate::config::write_in_place;
use crate::error::history_refusal;
use crate::house::{Access, Home, House};
use crate::view::frame::Refusal;

/// The name of the file in the data folder.
const REQUEST_FILE: &str = "trading.request";

/// How often a process looks whether the other one has done its part.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What an owner wants of trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Stop,
    Resume,
}

impl Request {
    const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Resume => "resume",
        }
    }
}

/// What stopping came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// The program that trades for this house, where it was another one.
    pub by: Option<String>,
    /// The exchange has let go of them, or never had them.
    pub cancelled: Vec<OrderId>,
    /// Shall be cancelled, but the exchange has not said yes yet.
    pub unconfirmed: Vec<OrderId>,
    /// Slots, running or ahead, whose orders can no longer be withdrawn.
    pub bound_slots: Vec<Slot>,
}

impl Home {
    /// Stops trading, here or through the process that trades, and waits until the exchange has let go of
    /// every open order, at most for `patience`.
    pub async fn stop_and_wait(&self, patience: Duration) -> Result<Stopped, Refusal> {
        let house = self.house()?;
        let refuse = |error: HistoryError| history_refusal(&error);
        let open = house.history.open_orders().map_err(refuse)?;
        let until = Instant::now() + patience;
        let by = match self.other_trader()? {
            Some(other) => {
                house.leave(Request::Stop, &other, until).await?;
                wait_for(until, || Ok(house.history.cancelling_orders()?.is_empty()))
                    .await
                    .map_err(refuse)?;
                Some(other)
            }
            None => {
                self.stop_trading()?;
                self.carry_cancellations(until).await.map_err(refuse)?;
                None
            }
        };
        let mut stopped =
            Stopped { by, bound_slots: house.bound_slots().map_err(refuse)?, ..Stopped::default() };
        for id in open.into_iter().map(|stored| stored.order.id) {
            match house.history.order(&id).map_err(refuse)?.map(|stored| stored.state) {
                Some(OrderState::Cancelled) => stopped.cancelled.push(id),
                Some(OrderState::Bound | OrderState::Cleared | OrderState::Refused | OrderState::Missed) => {}
                _ => stopped.unconfirmed.push(id),
            }
        }
        Ok(stopped)
    }

    /// Lets the rules trade again, here or in the process that trades; returns who that is.
    pub async fn resume_and_wait(&self, patience: Duration) -> Result<Option<String>, Refusal> {
        let Some(other) = self.other_trader()? else {
            return self.resume_trading().map(|_| None);
        };
        self.house()?.leave(Request::Resume, &other, Instant::now() + patience).await?;
        Ok(Some(other))
    }

    /// Returns the other program that trades for this house. A folder that cannot be written is a refusal.
    pub(crate) fn other_trader(&self) -> Result<Option<String>, Refusal> {
        let house = self.house()?;
        match &house.access {
            Access::Trades { .. } => Ok(None),
            Access::LooksOn { held_by: Some(other) } => Ok(Some(other.clone())),
            Access::LooksOn { held_by: None } => house.check_trades().map(|()| None),
        }
    }

    /// Runs the household for as long as the exchange has to be told of cancellations.
    async fn carry_cancellations(&self, until: Instant) -> Result<(), HistoryError> {
        let house = self.house().expect("stopping has just used it").clone();
        if house.history.cancelling_orders()?.is_empty() {
            return Ok(());
        }
        let stop = CancellationToken::new();
        let _ends = stop.clone().drop_guard();
        let running = tokio::spawn({
            let (home, stop) = (self.clone(), stop.clone());
            async move { home.run(stop).await }
        });
        let outcome = wait_for(until, || Ok(house.history.cancelling_orders()?.is_empty())).await;
        stop.cancel();
        // A task that panicked has said so; what it did not cancel is reported as unconfirmed.
        drop(running.await);
        outcome.map(drop)
    }
}

impl House {
    /// Does what another process left as its wish, if it left one.
    pub fn obey_request(&self) -> Result<(), HistoryError> {
        let path = self.dir.join(REQUEST_FILE);
        let failed = |attempt, cause| HistoryError::File { attempt, path: path.clone(), cause };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(failed("reading", cause)),
        };
        match [Request::Stop, Request::Resume].into_iter().find(|request| request.word() == text.trim()) {
            Some(Request::Stop) => self.stop_trading()?,
            Some(Request::Resume) => self.resume_trading()?,
            None => {
                tracing::warn!(path = %path.display(), "a request that is neither stop nor resume is ignored")
            }
        }
        // Last, so that a power cut before leaves the wish for the next start.
        std::fs::remove_file(&path).map_err(|cause| failed("removing", cause))
    }

    /// Leaves a wish and waits until the process that trades has obeyed it.
    async fn leave(&self, request: Request, other: &str, until: Instant) -> Result<(), Refusal> {
        let path = self.dir.join(REQUEST_FILE);
        write_in_place(&path, request.word()).map_err(|cause| Refusal {
            code: "data_read_only".to_owned(),
            message: format!("The wish could not be left in {}: {cause}. {other} trades on.", path.display()),
            hint: "Run this as the user that owns the data folder.".to_owned(),
        })?;
        let obeyed = wait_for(until, || Ok(!path.exists())).await.map_err(|error| history_refusal(&error))?;
        if obeyed {
            return Ok(());
        }
        Err(Refusal {
            code: "not_obeyed".to_owned(),
            message: format!(
                "{other} trades for this house and has not answered the wish to {} yet. The wish stays in the data \
                 folder and is obeyed as soon as a program looks.",
                request.word()
            ),
            hint: "Look whether that program still runs; end it to be sure, its lock ends with it."
                .to_owned(),
        })
    }
}

/// Looks until it is so or the time is over; returns whether it is so.
async fn wait_for(
    until: Instant,
    is_so: impl Fn() -> Result<bool, HistoryError>,
) -> Result<bool, HistoryError> {
    loop {
        if is_so()? {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
