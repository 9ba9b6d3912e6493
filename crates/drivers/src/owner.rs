//! The task that owns a line: takes requests in turn, connects, asks, and doubts what it hears.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout_at};

use crate::bus::{Answered, BusSettings, Job, LineState, Pace, QUEUE};
use crate::endpoint::Endpoint;
use crate::frame::{self, Answer, Fault, Request};
use crate::link::{Link, Way};
use crate::trouble::Trouble;
use crate::unit::{Step, Unit};

/// A request is asked once and repeated twice at most.
const MOST_ATTEMPTS: u32 = 3;

/// A busy device is asked again after 0.5, 1 and 2 s.
const MOST_REFUSALS: u32 = 3;
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// After so long a silence in the middle of bytes, no more will come. USB adapters hold bytes back for
/// 16 ms, gateways for some 50 ms.
const QUIET: Duration = Duration::from_millis(100);

/// A line that never falls silent is not waited for longer than this.
const MOST_NOISE: Duration = Duration::from_millis(500);

/// Pauses between tries to connect: doubled from the first to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// A device that hangs up at once serves another program. It is asked less and less often, after a few
/// quick tries, since a proxy whose device restarts looks the same.
const QUICK_HANG_UPS: u32 = 3;
const HANG_UP_PAUSES_S: [u64; 5] = [5, 5, 10, 20, 60];

/// A unit that was asked in this time counts as alive when another one is silent.
const SHARED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Owner {
    endpoint: Endpoint,
    settings: BusSettings,
    way: Way,
    queue: mpsc::Receiver<Job>,
    state: watch::Sender<LineState>,
    link: Option<Link>,
    waiting: VecDeque<Job>,
    units: HashMap<u8, Unit>,
    answered: HashMap<u8, Instant>,
    retry: Retry,
    transaction: u16,
    /// When the last byte went either way, and to whom the last request went.
    traffic: Option<(Instant, u8)>,
}

/// When to try to connect again.
#[derive(Debug, Default)]
struct Retry {
    failures: u32,
    hang_ups: u32,
    not_before: Option<(Instant, Trouble)>,
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
    ) -> Self {
        let way = Way::to(&endpoint);
        Self {
            endpoint,
            settings,
            way,
            queue,
            state,
            link: None,
            waiting: VecDeque::new(),
            units: HashMap::new(),
            answered: HashMap::new(),
            retry: Retry::default(),
            transaction: 0,
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
        job.note(&trouble);
        job.attempts += 1;
        let unit = job.request.unit;
        let shared = self.is_shared(unit, now);
        let failing = self.units.entry(unit).or_default().is_failing();
        // A unit that is dead already does not get retries while others wait.
        let most = if shared && failing { 1 } else { MOST_ATTEMPTS };
        if job.attempts < most && now < job.deadline {
            return self.waiting.push_front(job);
        }
        self.units.entry(unit).or_default().fail(&trouble, job.spent, shared, now);
        send(job, Err(trouble));
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

    /// Makes a connection if there is none.
    async fn connect(&mut self, job: &Job) -> Result<(), Trouble> {
        if self.link.is_some() {
            return Ok(());
        }
        let patience = job.deadline.saturating_duration_since(Instant::now()).max(FIRST_RETRY);
        match self.way.connect(self.settings.connect_timeout.min(patience)).await {
            Ok(link) => {
                tracing::debug!(endpoint = %self.endpoint, "connected");
                self.retry.not_before = None;
                if !self.endpoint.speaks_rtu() {
                    // Answers of Modbus TCP belong to their connection.
                    self.units.values_mut().for_each(Unit::settle);
                }
                self.link = Some(link);
                self.traffic = None;
                self.state.send_if_modified(|state| {
                    std::mem::replace(state, LineState::Connected) != LineState::Connected
                });
                tokio::time::sleep(job.pace.connect_delay).await;
                Ok(())
            }
            Err(trouble) => {
                let doubled = FIRST_RETRY * 2u32.pow(self.retry.failures.min(5));
                let pause = if trouble.lasts() { LONGEST_RETRY } else { doubled.min(LONGEST_RETRY) };
                self.retry.failures += 1;
                self.disconnected(&trouble, pause);
                Err(trouble)
            }
        }
    }

    /// Drops the connection after trouble on it.
    fn drop_link(&mut self, trouble: Trouble) -> Trouble {
        let Some(link) = self.link.take() else { return trouble };
        let at_once = matches!(trouble, Trouble::HungUp) && !link.proven;
        if !at_once {
            self.disconnected(&trouble, Duration::ZERO);
            return trouble;
        }
        let pause = match self.retry.hang_ups.checked_sub(QUICK_HANG_UPS) {
            None => FIRST_RETRY * 2u32.pow(self.retry.hang_ups),
            Some(more) => {
                Duration::from_secs(HANG_UP_PAUSES_S[(more as usize).min(HANG_UP_PAUSES_S.len() - 1)])
            }
        };
        self.retry.hang_ups += 1;
        self.disconnected(&Trouble::HungUpAtOnce, pause);
        Trouble::HungUpAtOnce
    }

    fn disconnected(&mut self, trouble: &Trouble, pause: Duration) {
        tracing::debug!(endpoint = %self.endpoint, code = %trouble.code(), ?pause, "no connection");
        self.retry.not_before = Some((Instant::now() + jittered(pause), trouble.clone()));
        self.state.send_if_modified(|state| {
            std::mem::replace(state, LineState::Disconnected) != LineState::Disconnected
        });
    }

    /// Sends a request and waits for its answer.
    async fn exchange(
        &mut self,
        request: &Request,
        pace: Pace,
        deadline: Instant,
        job: &Job,
    ) -> Result<Answered, Trouble> {
        self.fall_silent(request.unit, pace.gap, job).await?;
        self.transaction = self.transaction.wrapping_add(1);
        let frame = if self.endpoint.speaks_rtu() {
            request.rtu().to_vec()
        } else {
            request.tcp(self.transaction).to_vec()
        };
        let sent = Instant::now();
        let Some(link) = &mut self.link else { return Err(Trouble::HungUp) };
        if self.endpoint.speaks_rtu() {
            link.inbox.clear();
        }
        if let Err(trouble) = link.send(&frame, pace.timeout).await {
            return Err(self.drop_link(trouble));
        }
        let waits_until = (sent + pace.timeout + self.time_on_wire(request)).min(deadline);
        let outcome = match self.endpoint.speaks_rtu() {
            true => self.await_rtu(request, waits_until, job).await,
            false => self.await_tcp(request, waits_until, job).await,
        };
        let came = Instant::now();
        self.traffic = Some((came, request.unit));
        match outcome {
            Ok(answer) => {
                self.retry.hang_ups = 0;
                self.retry.failures = 0;
                if let Some(link) = &mut self.link {
                    (link.proven, link.silences) = (true, 0);
                }
                Ok(Answered { answer, sent, came })
            }
            Err(trouble) => Err(self.doubt(request, trouble, came - sent)),
        }
    }

    /// Waits for the gap between frames, and throws away what comes meanwhile.
    async fn fall_silent(&mut self, unit: u8, gap: Duration, job: &Job) -> Result<(), Trouble> {
        let began = Instant::now();
        loop {
            if let Some((last, previous)) = self.traffic {
                let change = if previous == unit { Duration::ZERO } else { self.settings.unit_change_gap };
                let silence = self.silence().max(gap) + change;
                sleep_until((last + silence).into()).await;
            }
            let Some(link) = &mut self.link else { return Err(Trouble::HungUp) };
            let unread = link.inbox.len();
            let came = match link.receive_ready().await {
                Ok(false) => return Ok(()),
                Ok(true) => link.inbox.len().saturating_sub(unread),
                Err(trouble) => return Err(self.drop_link(trouble)),
            };
            job.record.lock().tally.junk += came as u64;
            self.hear(Ok(()));
            if self.link.is_none() || began.elapsed() > MOST_NOISE + gap {
                return Err(Trouble::Fault(Fault::Garbage { bytes: came }));
            }
        }
    }

    async fn await_rtu(&mut self, request: &Request, until: Instant, job: &Job) -> Result<Answer, Trouble> {
        let owed = self.units.entry(request.unit).or_default().owed();
        let Some(link) = &mut self.link else { return Err(Trouble::HungUp) };
        loop {
            if let Some(found) = frame::find_rtu(request, &owed, &link.inbox) {
                let mut known = job.record.lock();
                known.tally.junk += found.junk as u64;
                known.tally.late += found.late as u64;
                known.tally.local_echo |= found.echo;
                link.inbox.clear();
                return Ok(found.answer);
            }
            let complete = link.inbox.len() >= request.answer_length();
            let patience = if complete { until.min(Instant::now() + QUIET) } else { until };
            match timeout_at(patience.into(), link.receive()).await {
                Ok(Ok(())) => {}
                Ok(Err(trouble)) => return Err(trouble),
                Err(_) => {
                    let fault = frame::diagnose_rtu(request, &link.inbox);
                    link.inbox.clear();
                    return Err(Trouble::Fault(fault));
                }
            }
        }
    }

    async fn await_tcp(&mut self, request: &Request, until: Instant, job: &Job) -> Result<Answer, Trouble> {
        let Some(link) = &mut self.link else { return Err(Trouble::HungUp) };
        loop {
            while let Some(found) = frame::find_tcp(&link.inbox).map_err(Trouble::Fault)? {
                link.inbox.drain(..found.length);
                if found.transaction != self.transaction && link.take_late(found.transaction) {
                    job.record.lock().tally.late += 1;
                    continue;
                }
                return found.answer(request, self.transaction).map_err(Trouble::Fault);
            }
            match timeout_at(until.into(), link.receive()).await {
                Ok(received) => received?,
                Err(_) if link.inbox.is_empty() => return Err(Trouble::Fault(Fault::Silence)),
                Err(_) => {
                    let (got, wanted) = (link.inbox.len().saturating_sub(9) / 2, request.count());
                    return Err(Trouble::Fault(Fault::ShortReply { got, wanted }));
                }
            }
        }
    }

    /// Makes sure that nothing of a failed exchange can be taken for a later answer.
    fn doubt(&mut self, request: &Request, trouble: Trouble, waited: Duration) -> Trouble {
        let silent = matches!(trouble, Trouble::Fault(Fault::Silence));
        let settle = if silent { self.settle() } else { Duration::ZERO };
        self.units.entry(request.unit).or_default().give_up(*request, Instant::now(), settle);
        if trouble.is_disconnection() {
            return self.drop_link(trouble);
        }
        let tcp = !self.endpoint.speaks_rtu();
        let transaction = self.transaction;
        let Some(link) = &mut self.link else { return trouble };
        link.give_up(transaction);
        if silent {
            link.silences += 1;
        }
        let trouble = if silent { Trouble::Silent { waited } } else { trouble };
        // A stream that is out of step stays so. One silence may be the device's; two are the line's.
        let broken = if silent { link.silences >= 2 } else { tcp };
        if broken && !matches!(self.endpoint, Endpoint::Serial { .. }) {
            return self.drop_link(trouble);
        }
        trouble
    }

    /// Takes in what came while nobody waited: late answers are counted off, the rest is noise.
    fn hear(&mut self, heard: Result<(), Trouble>) {
        if let Err(trouble) = heard {
            self.drop_link(trouble);
            return;
        }
        let Some(link) = &mut self.link else { return };
        self.traffic = Some((Instant::now(), self.traffic.map_or(0, |(_, unit)| unit)));
        if self.endpoint.speaks_rtu() {
            for unit in self.units.values_mut() {
                let skipped = frame::late_rtu(&unit.owed(), &link.inbox);
                if skipped > 0 {
                    unit.hear_late(skipped);
                    link.inbox.clear();
                    return;
                }
            }
            return;
        }
        let fault = loop {
            match frame::find_tcp(&link.inbox) {
                Ok(None) => return,
                Ok(Some(found)) if link.take_late(found.transaction) => {
                    drop(link.inbox.drain(..found.length))
                }
                Ok(Some(found)) => {
                    break Fault::Transaction { got: found.transaction, wanted: self.transaction };
                }
                Err(fault) => break fault,
            }
        };
        self.drop_link(Trouble::Fault(fault));
    }

    fn settle(&self) -> Duration {
        if self.endpoint.speaks_rtu() { self.settings.settle } else { Duration::ZERO }
    }

    fn silence(&self) -> Duration {
        match &self.endpoint {
            Endpoint::Serial { line, .. } => line.silence(),
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => Duration::ZERO,
        }
    }

    fn time_on_wire(&self, request: &Request) -> Duration {
        match &self.endpoint {
            Endpoint::Serial { line, .. } => line.time_of(request.rtu().len() + request.answer_length()),
            Endpoint::Tcp { .. } | Endpoint::RtuOverTcp { .. } => Duration::ZERO,
        }
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

/// Returns a pause longer or shorter by up to a fifth, so that programs do not knock in step.
fn jittered(pause: Duration) -> Duration {
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    pause.mul_f64(0.8 + 0.4 * (random % 1000) as f64 / 1000.0)
}
