//! The task that owns a line: takes requests in turn, repeats what failed, lets dead units rest.

pub(crate) mod connect;
mod exchange;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use crate::bus::{Answered, BusSettings, Job, LineState, QUEUE};
use crate::endpoint::Endpoint;
use crate::frame::{Answer, Request};
use crate::link::{Link, Way};
use crate::trouble::Trouble;
use crate::unit::{Step, Unit};
use connect::Retry;

/// A request is asked once and repeated twice at most.
const MOST_ATTEMPTS: u32 = 3;

/// A busy device is asked again after 0.5, 1 and 2 s.
const MOST_REFUSALS: u32 = 3;
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// A unit that was asked in this time counts as alive when another one is silent.
const SHARED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Owner {
    endpoint: Endpoint,
    settings: BusSettings,
    way: Way,
    queue: mpsc::Receiver<Job>,
    state: watch::Sender<LineState>,
    connections: Arc<AtomicU64>,
    link: Option<Link>,
    waiting: VecDeque<Job>,
    units: HashMap<u8, Unit>,
    answered: HashMap<u8, Instant>,
    retry: Retry,
    transaction: u16,
    /// Whether anything has ever answered here: then it is known in which frames.
    understood: bool,
    frames: Frames,
    /// When the last byte went either way, and to whom the last request went.
    traffic: Option<(Instant, u8)>,
}

/// In which kind of frames an address is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frames {
    /// As it was set up.
    Told,
    /// In the other kind, since nothing has answered.
    Other,
}

/// What to do next.
enum Turn {
    Serve(Job, Step),
    Wait(Option<Instant>),
}

impl Owner {
    pub fn new(
        endpoint: Endpoint,
        settings: BusSettings,
        queue: mpsc::Receiver<Job>,
        state: watch::Sender<LineState>,
        connections: Arc<AtomicU64>,
    ) -> Self {
        let way = Way::to(&endpoint, &settings.adapters);
        Self {
            endpoint,
            settings,
            way,
            queue,
            state,
            connections,
            link: None,
            waiting: VecDeque::new(),
            units: HashMap::new(),
            answered: HashMap::new(),
            retry: Retry::default(),
            transaction: 0,
            understood: false,
            frames: Frames::Told,
            traffic: None,
        }
    }

    /// Works until the last handle is gone.
    pub async fn run(mut self) {
        loop {
            while self.waiting.len() < QUEUE {
                let Ok(job) = self.queue.try_recv() else { break };
                self.waiting.push_back(job);
            }
            match self.turn(Instant::now()) {
                Turn::Serve(job, step) => self.serve(job, step).await,
                Turn::Wait(until) => {
                    if self.wait(until).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Answers what cannot be served, and picks the first request that can.
    fn turn(&mut self, now: Instant) -> Turn {
        // Whoever has stopped waiting is not answered, and it is no trouble of the line's.
        self.waiting.retain(|job| !job.reply.is_closed());
        let blocked = self.retry.not_before.clone().filter(|(until, _)| self.link.is_none() && *until > now);
        let mut wake: Option<Instant> = None;
        let mut index = 0;
        while index < self.waiting.len() {
            let job = &self.waiting[index];
            let unit = self.units.entry(job.request.unit).or_default();
            let verdict = if let Some(trouble) = unit.resting(now) {
                Some(trouble.clone())
            } else if job.deadline <= now {
                let waited = now.saturating_duration_since(job.queued);
                let known = job.last.as_ref().or(unit.trouble());
                Some(known.cloned().unwrap_or(Trouble::Crowded { waited }))
            } else {
                let hopeless = |(until, why): &&(Instant, Trouble)| *until >= job.deadline || why.lasts();
                blocked.as_ref().filter(hopeless).map(|(_, why)| why.clone())
            };
            if let Some(trouble) = verdict {
                if let Some(job) = self.waiting.remove(index) {
                    self.refuse(job, trouble);
                }
                continue;
            }
            let step = match &blocked {
                Some((until, _)) => Step::Wait(*until),
                None => unit.step(&job.request, now),
            };
            match step {
                Step::Wait(until) => {
                    let until = until.min(job.deadline);
                    wake = Some(wake.map_or(until, |wake| wake.min(until)));
                    index += 1;
                }
                step => {
                    if let Some(job) = self.waiting.remove(index) {
                        return Turn::Serve(job, step);
                    }
                }
            }
        }
        Turn::Wait(wake)
    }

    /// Waits for a request, for bytes that nobody asked for, or for a time. An error ends the line.
    async fn wait(&mut self, until: Option<Instant>) -> Result<(), ()> {
        let released = self.settings.release_after.zip(self.traffic).map(|(after, (last, _))| last + after);
        let released = released.filter(|_| self.link.is_some() && self.waiting.is_empty());
        let full = self.waiting.len() >= QUEUE;
        tokio::select! {
            job = self.queue.recv(), if !full => self.waiting.push_back(job.ok_or(())?),
            heard = listen(&mut self.link) => self.hear(heard),
            () = at(until) => {}
            () = at(released) => self.link = None,
        }
        Ok(())
    }

    /// Asks one request once, or the fence before it, and decides what comes of it.
    async fn serve(&mut self, mut job: Job, step: Step) {
        if let Err(trouble) = self.connect(&job).await {
            job.note(&trouble);
            return self.waiting.push_front(job);
        }
        let step = match step {
            Step::Ask if !self.understood && job.request.resembles_a_write() => {
                Step::Fence(job.request.of_other_length())
            }
            step => step,
        };
        let request = match step {
            Step::Fence(fence) => fence,
            Step::Ask | Step::Wait(_) => job.request,
        };
        let began = Instant::now();
        let outcome = self.exchange(&request, job.pace, job.deadline, &job).await;
        job.spent += began.elapsed();
        match (outcome, step) {
            (Ok(answered), Step::Fence(fence)) => self.pass_fence(job, fence, answered),
            (Ok(answered), _) => self.answer(job, answered),
            (Err(trouble), _) => self.repeat(job, trouble),
        }
    }

    fn pass_fence(&mut self, job: Job, fence: Request, answered: Answered) {
        let (settle, serial) = (self.settle(), self.endpoint.speaks_rtu());
        let unit = self.units.entry(fence.unit).or_default();
        match answered.answer {
            Answer::Exception(_) if serial => unit.refuse_fence(fence, Instant::now(), settle),
            _ => unit.settle(),
        }
        self.waiting.push_front(job);
    }

    fn answer(&mut self, mut job: Job, answered: Answered) {
        let now = Instant::now();
        let unit = self.units.entry(job.request.unit).or_default();
        self.answered.insert(job.request.unit, now);
        if let Answer::Exception(code) = answered.answer {
            job.note(&Trouble::Exception(code));
            // 5: acknowledged, takes long; 6: busy.
            let pause = BUSY_PAUSE * 2u32.pow(job.refusals.min(MOST_REFUSALS));
            if matches!(code, 5 | 6) && job.refusals < MOST_REFUSALS && now + pause < job.deadline {
                job.refusals += 1;
                unit.hold_until(now + pause);
                return self.waiting.push_front(job);
            }
            // 10 and 11 come from a gateway whose device is silent.
            if matches!(code, 10 | 11) {
                let shared = self.is_shared(job.request.unit, now);
                self.units.entry(job.request.unit).or_default().fail(
                    &Trouble::Exception(code),
                    job.spent,
                    shared,
                    now,
                );
                self.answered.remove(&job.request.unit);
                return send(job, Ok(answered));
            }
        }
        unit.succeed();
        send(job, Ok(answered));
    }

    /// Puts a request that failed back in front, or gives up on it.
    fn repeat(&mut self, mut job: Job, trouble: Trouble) {
        let now = Instant::now();
        match self.frames {
            Frames::Told => job.note(&trouble),
            // What an attempt in other frames met says nothing about the device.
            Frames::Other if !self.understood => self.turn_frames(Frames::Told),
            Frames::Other => job.note(&trouble),
        }
        job.attempts += 1;
        let unit = job.request.unit;
        let shared = self.is_shared(unit, now);
        let failing = self.units.entry(unit).or_default().is_failing();
        // A unit that is dead already does not get retries while others wait.
        let most = if shared && failing { 1 } else { MOST_ATTEMPTS };
        if job.attempts < most && now < job.deadline {
            if job.attempts + 1 == MOST_ATTEMPTS && self.may_be_mistaken() {
                self.turn_frames(Frames::Other);
            }
            return self.waiting.push_front(job);
        }
        let trouble = job.last.clone().unwrap_or(trouble);
        self.units.entry(unit).or_default().fail(&trouble, job.spent, shared, now);
        send(job, Err(trouble));
    }

    /// Returns whether the address may speak the other kind of frames. One that hangs up again and again serves
    /// another program, and is left alone.
    fn may_be_mistaken(&self) -> bool {
        let occupied = self.retry.hang_ups >= connect::QUICK_HANG_UPS;
        self.settings.tries_other_frames && !self.understood && !occupied
    }

    /// Goes on in another kind of frames, over a connection of its own: half a frame of one kind must not be
    /// followed by one of the other.
    fn turn_frames(&mut self, frames: Frames) {
        if let Some(endpoint) = self.endpoint.in_other_frames().filter(|_| self.frames != frames) {
            self.link = None;
            (self.endpoint, self.frames) = (endpoint, frames);
            self.state.send_replace(LineState::Disconnected);
            // What was asked in the other frames cannot be answered in these.
            self.units.values_mut().for_each(Unit::settle);
        }
    }

    fn refuse(&mut self, job: Job, trouble: Trouble) {
        // What was noted before is not counted again.
        if job.last.as_ref() != Some(&trouble) {
            job.record.note(&trouble);
        }
        if job.attempts > 0 {
            let now = Instant::now();
            let shared = self.is_shared(job.request.unit, now);
            self.units.entry(job.request.unit).or_default().fail(&trouble, job.spent, shared, now);
        }
        send(job, Err(trouble));
    }

    fn is_shared(&self, unit: u8, now: Instant) -> bool {
        self.answered
            .iter()
            .any(|(other, at)| *other != unit && now.saturating_duration_since(*at) < SHARED_WITHIN)
    }

    fn settle(&self) -> Duration {
        if self.endpoint.speaks_rtu() { self.settings.settle } else { Duration::ZERO }
    }
}

/// Waits for bytes; for ever where there is no connection.
async fn listen(link: &mut Option<Link>) -> Result<(), Trouble> {
    match link {
        Some(link) => link.receive().await,
        None => std::future::pending().await,
    }
}

/// Waits until a time; for ever where there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Answers a request; whoever asked may be gone.
fn send(job: Job, outcome: Result<Answered, Trouble>) {
    drop(job.reply.send(outcome));
}
