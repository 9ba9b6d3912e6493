//! A meter that speaks by itself: takes its telegrams as they come, over a serial port or a socket.
//!
//! Only the newest telegram is kept. Its parser keeps a bounded part of one that has begun, so a line that
//! is noise for a week costs no memory.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metering::{DecodeError, Telegram, p1, sml};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{LineState, Record};
use crate::endpoint::Endpoint;
use crate::link::{Link, Way};
use crate::owner::connect::{jittered, pause_after};
use crate::read_error::ReadError;
use crate::serial::BY_ID;
use crate::trouble::{Tally, Trouble};

/// P1 before DSMR 5 speaks every 10 s, and SML meters every 1 to 4 s. One telegram may be damaged.
const PATIENCE: Duration = Duration::from_secs(22);

/// How long a reading waits for a connection that is away.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A bridge that restarted without a word leaves a connection that is open and dead. No meter is silent
/// for so long.
const DEAD_AFTER: Duration = Duration::from_secs(25);

/// A telegram and when its last byte came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub telegram: Telegram,
    pub came: Instant,
}

/// What such a meter speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    P1,
    Sml,
}

/// The handle of a line on which a meter speaks. Clones hear each telegram once among them; the line is
/// closed with the last.
#[derive(Clone, Debug)]
pub struct Listener {
    endpoint: Endpoint,
    patience: Duration,
    news: Arc<Mutex<News>>,
    state: watch::Receiver<LineState>,
    record: Arc<Record>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct News {
    now: watch::Receiver<Now>,
    /// The number of the last telegram that was handed out.
    told: u64,
}

/// What the line hears at this moment.
#[derive(Clone, Debug, Default)]
struct Now {
    newest: Option<(u64, Heard)>,
    /// Why there is no connection.
    broken: Option<Trouble>,
    /// Bytes since the last telegram, and the last telegram's fault since the last whole one.
    bytes: usize,
    damaged: Option<DecodeError>,
}

impl Listener {
    /// Starts the task that listens. It connects at once.
    ///
    /// Panics outside a tokio runtime.
    pub fn open(endpoint: Endpoint, tongue: Tongue) -> Self {
        let (now, news) = watch::channel(Now::default());
        let (told, state) = watch::channel(LineState::Disconnected);
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let record = Arc::<Record>::default();
        let task = Task { endpoint: endpoint.clone(), tongue, now, told, record: record.clone(), number: 0 };
        let cancelled = cancel.clone();
        tasks.spawn(async move {
            let gone = task.now.clone();
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = gone.closed() => {}
                () = task.run() => {}
            }
        });
        tasks.close();
        let news = Arc::new(Mutex::new(News { now: news, told: 0 }));
        Self { endpoint, patience: PATIENCE, news, state, record, cancel, tasks }
    }

    /// Gives up on a telegram after another time.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns whether there is a connection, and a way to wait for a change.
    pub fn state(&self) -> watch::Receiver<LineState> {
        self.state.clone()
    }

    /// Returns the counters of everything that was heard so far.
    pub fn tally(&self) -> Tally {
        self.record.lock().tally.clone()
    }

    /// Takes the troubles since the last call, up to 64 of them.
    pub fn take_troubles(&self) -> Vec<ReadError> {
        self.record.take_recent().into_iter().map(|trouble| self.error(trouble)).collect()
    }

    /// Returns the newest telegram that was not returned before, or waits for the next.
    pub async fn next(&self) -> Result<Heard, ReadError> {
        let outcome = self.await_telegram().await;
        let tally = &mut self.record.lock().tally;
        tally.polls += 1;
        tally.good += u64::from(outcome.is_ok());
        outcome.map_err(|trouble| self.error(trouble))
    }

    /// Ends the line for all its handles, and waits until the port is free.
    pub async fn close(&self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }

    async fn await_telegram(&self) -> Result<Heard, Trouble> {
        let mut news = self.news.lock().await;
        let began = Instant::now();
        loop {
            let now = news.now.borrow_and_update().clone();
            if let Some((number, heard)) = now.newest.filter(|(number, _)| *number > news.told) {
                news.told = number;
                return Ok(heard);
            }
            let patience = if now.broken.is_some() { CONNECT_PATIENCE } else { self.patience };
            let until = began + patience.min(self.patience);
            match now.broken {
                // It was counted when it happened.
                Some(trouble) if trouble.lasts() || until <= Instant::now() => return Err(trouble),
                Some(_) => {}
                None if until <= Instant::now() => {
                    return Err(self.silence(now.damaged, now.bytes, began.elapsed()));
                }
                None => {}
            }
            if let Ok(Err(_)) = timeout_at(until.into(), news.now.changed()).await {
                return Err(Trouble::ShutDown);
            }
        }
    }

    /// Says what there was instead of a telegram.
    fn silence(&self, damaged: Option<DecodeError>, bytes: usize, waited: Duration) -> Trouble {
        let trouble = match damaged {
            // It was counted when it came.
            Some(error) => return Trouble::Telegram(error),
            None if bytes > 0 => Trouble::Babble { bytes },
            None => Trouble::Mute { waited },
        };
        self.record.note(&trouble);
        trouble
    }

    fn error(&self, trouble: Trouble) -> ReadError {
        ReadError { endpoint: self.endpoint.clone(), unit: None, trouble }
    }
}

/// The side that owns the connection.
struct Task {
    endpoint: Endpoint,
    tongue: Tongue,
    now: watch::Sender<Now>,
    told: watch::Sender<LineState>,
    record: Arc<Record>,
    number: u64,
}

impl Task {
    async fn run(mut self) {
        let mut way = Way::to(&self.endpoint, Path::new(BY_ID));
        let mut failures = 0;
        loop {
            let trouble = match way.connect(CONNECT_TIMEOUT).await {
                Ok(link) => {
                    tracing::debug!(endpoint = %self.endpoint, "connected");
                    self.now.send_modify(|now| *now = Now { newest: now.newest.take(), ..Now::default() });
                    self.tell(LineState::Connected);
                    let (trouble, heard) = self.listen(link).await;
                    if heard {
                        failures = 0;
                    }
                    trouble
                }
                Err(trouble) => trouble,
            };
            self.record.note(&trouble);
            let pause = jittered(pause_after(failures, &trouble));
            tracing::debug!(endpoint = %self.endpoint, code = %trouble.code(), ?pause, "no connection");
            failures += 1;
            self.now.send_modify(|now| now.broken = Some(trouble));
            self.tell(LineState::Disconnected);
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes what comes until the connection ends. Returns why it ended, and whether a telegram came.
    async fn listen(&mut self, mut link: Link) -> (Trouble, bool) {
        let mut parser = Parser::of(self.tongue);
        let serial = matches!(self.endpoint, Endpoint::Serial { .. });
        let (first, mut any, mut last) = (self.number, false, Instant::now());
        loop {
            let received = match timeout_at((last + DEAD_AFTER).into(), link.receive()).await {
                Ok(received) => received,
                // A serial port is either there or gone.
                Err(_) if serial => {
                    last = Instant::now();
                    continue;
                }
                Err(_) => Err(Trouble::Mute { waited: DEAD_AFTER }),
            };
            match received {
                Ok(()) => (any, last) = (true, Instant::now()),
                Err(Trouble::HungUp) if !any => return (Trouble::HungUpAtOnce, false),
                Err(trouble) => return (trouble, self.number > first),
            }
            let bytes = std::mem::take(&mut link.inbox);
            self.take(&mut parser, &bytes, last);
        }
    }

    fn take(&mut self, parser: &mut Parser, bytes: &[u8], came: Instant) {
        let mut telegrams = parser.push(bytes);
        for error in telegrams.iter().filter_map(|telegram| telegram.as_ref().err()) {
            self.record.note(&Trouble::Telegram(*error));
        }
        let last = telegrams.pop();
        // What came along with it and is whole is older: only the newest counts.
        let whole = telegrams.into_iter().rev().find_map(Result::ok);
        let (whole, damaged) = match last {
            Some(Ok(telegram)) => (Some(telegram), None),
            Some(Err(error)) => (whole, Some(error)),
            None => (None, None),
        };
        self.now.send_modify(|now| {
            now.bytes = now.bytes.saturating_add(bytes.len());
            now.damaged = damaged.or(now.damaged);
            if let Some(telegram) = whole {
                self.number += 1;
                now.newest = Some((self.number, Heard { telegram, came }));
                (now.bytes, now.damaged) = (0, damaged);
            }
        });
    }

    fn tell(&self, state: LineState) {
        self.told.send_if_modified(|told| std::mem::replace(told, state.clone()) != state);
    }
}

/// The parser of what the meter speaks.
enum Parser {
    P1(p1::Parser),
    Sml(Box<sml::Parser>),
}

impl Parser {
    fn of(tongue: Tongue) -> Self {
        match tongue {
            Tongue::P1 => Self::P1(p1::Parser::new()),
            Tongue::Sml => Self::Sml(Box::new(sml::Parser::new())),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<Result<Telegram, DecodeError>> {
        match self {
            Self::P1(parser) => parser.push(bytes),
            Self::Sml(parser) => parser.push(bytes),
        }
    }
}
