//! One endpoint and everything that is asked over it: a handle that units share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::device::{Device, DeviceSettings};
use crate::endpoint::Endpoint;
use crate::frame::{Answer, Request};
use crate::owner::Owner;
use crate::serial::BY_ID;
use crate::trouble::{Tally, Trouble};

/// Requests that wait for a line. Each device asks one at a time, and a line has at most 247 of them,
/// but a line that is this far behind will not catch up.
pub(crate) const QUEUE: usize = 64;

/// How a line is treated, whoever is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusSettings {
    /// Extra silence before another unit is asked. Some meters mistake the answer of a neighbour for a
    /// request if the next one follows at once (mbmd waits here, too).
    pub unit_change_gap: Duration,
    /// How long a late answer is waited for before a unit on a serial line is asked again.
    pub settle: Duration,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// After so long without a request the connection is ended, for devices that serve one program only.
    pub release_after: Option<Duration>,
    /// Where serial adapters are listed by maker and serial number.
    pub adapters: PathBuf,
    /// Whether an address that has never answered is asked in the other kind of frames, too: whoever set it up
    /// may have taken a gateway of serial frames for Modbus TCP, or the reverse.
    pub tries_other_frames: bool,
}

impl BusSettings {
    /// Returns what suits an endpoint in a home.
    pub fn of(endpoint: &Endpoint) -> Self {
        let unit_change_gap = if endpoint.speaks_rtu() { Duration::from_millis(50) } else { Duration::ZERO };
        Self {
            unit_change_gap,
            settle: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(3),
            release_after: None,
            adapters: BY_ID.into(),
            tries_other_frames: true,
        }
    }
}

/// Whether there is a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    Connected,
    Disconnected,
}

/// The handle of a line. Clones are cheap and mean the same connection; the line is closed with the last.
#[derive(Clone, Debug)]
pub struct Bus {
    endpoint: Endpoint,
    jobs: mpsc::Sender<Job>,
    state: watch::Receiver<LineState>,
    /// How often a connection was made.
    connections: Arc<AtomicU64>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl Bus {
    /// Starts the task that owns the line. It connects when the first request comes.
    ///
    /// Panics outside a tokio runtime.
    pub fn open(endpoint: Endpoint, settings: BusSettings) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (told, state) = watch::channel(LineState::Disconnected);
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let connections = Arc::new(AtomicU64::new(0));
        let owner = Owner::new(endpoint.clone(), settings, queue, told, connections.clone());
        let cancelled = cancel.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = owner.run() => {}
            }
        });
        tasks.close();
        Self { endpoint, jobs, state, connections, cancel, tasks }
    }

    /// Returns a unit on this line.
    pub fn device(&self, unit: u8, settings: DeviceSettings) -> Device {
        Device::new(self.clone(), unit, settings)
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns whether there is a connection, and a way to wait for a change.
    pub fn state(&self) -> watch::Receiver<LineState> {
        self.state.clone()
    }

    /// Returns how often a connection was made: what is behind it may be another after each.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Acquire)
    }

    /// Ends the line for all its handles, and waits until the port is free.
    pub async fn close(&self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }

    /// Asks one request and waits for its answer, until the deadline at the latest.
    pub(crate) async fn ask(
        &self,
        request: Request,
        pace: Pace,
        deadline: Instant,
        record: &Arc<Record>,
    ) -> Result<Answered, Trouble> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            request,
            pace,
            deadline,
            record: record.clone(),
            reply,
            attempts: 0,
            refusals: 0,
            spent: Duration::ZERO,
            queued: Instant::now(),
            last: None,
        };
        self.jobs.send(job).await.map_err(|_| Trouble::ShutDown)?;
        answer.await.unwrap_or(Err(Trouble::ShutDown))
    }
}

/// How a device wants to be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub gap: Duration,
    pub timeout: Duration,
    pub connect_delay: Duration,
}

/// An answer, and when its request went out and it came.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub answer: Answer,
    pub sent: Instant,
    pub came: Instant,
}

/// A request on its way through the line's queue.
#[derive(Debug)]
pub(crate) struct Job {
    pub request: Request,
    pub pace: Pace,
    pub deadline: Instant,
    pub record: Arc<Record>,
    pub reply: oneshot::Sender<Result<Answered, Trouble>>,
    /// How often it was asked without success.
    pub attempts: u32,
    /// How often the device said that it is busy.
    pub refusals: u32,
    /// Time of the line that it took.
    pub spent: Duration,
    pub queued: Instant,
    /// Why it failed last.
    pub last: Option<Trouble>,
}

impl Job {
    /// Notes trouble with it in its device's record.
    pub fn note(&mut self, trouble: &Trouble) {
        self.record.note(trouble);
        self.last = Some(trouble.clone());
    }
}

/// Troubles that nobody has taken yet. A reader that is this far behind wants the counts only.
const MOST_RECENT: usize = 64;

/// What is known about a device's reads; the line writes it, the device reads it.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<Known>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    pub tally: Tally,
    recent: Vec<Trouble>,
}

impl Record {
    pub fn note(&self, trouble: &Trouble) {
        let mut known = self.lock();
        *known.tally.trouble.entry(trouble.code()).or_default() += 1;
        if known.recent.len() < MOST_RECENT {
            known.recent.push(trouble.clone());
        }
    }

    pub fn take_recent(&self) -> Vec<Trouble> {
        std::mem::take(&mut self.lock().recent)
    }

    /// Counters stay true even if a thread died while it counted.
    pub fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
