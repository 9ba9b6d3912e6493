//! One request and its answer on the wire, and what to doubt after a failure.

use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout_at};

use super::{Frames, Owner};
use crate::bus::{Answered, Job, Pace};
use crate::endpoint::Endpoint;
use crate::frame::{self, Answer, Fault, Request};
use crate::trouble::Trouble;

/// After so long a silence in the middle of bytes, no more will come. USB adapters hold bytes back for
/// 16 ms, gateways for some 50 ms.
const QUIET: Duration = Duration::from_millis(100);

/// A line that never falls silent is not waited for longer than this.
const MOST_NOISE: Duration = Duration::from_millis(500);

impl Owner {
    /// Sends a request and waits for its answer.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        pace: Pace,
        deadline: Instant,
        job: &Job,
    ) -> Result<Answered, Trouble> {
        self.fall_silent(request.unit, pace.gap, job).await?;
        self.transaction = frame::next_transaction(self.transaction);
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
                if !self.understood && self.frames == Frames::Other {
                    tracing::warn!(endpoint = %self.endpoint, "it is asked in other frames than it was set up with");
                }
                self.understood = true;
                job.record.lock().tally.other_frames = self.frames == Frames::Other;
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
        // Serial frames to a server of Modbus TCP could together be what none of them is: a write, of which the
        // first frame is the head. One is too short for that, so there is one a connection until it is understood.
        let alone = !self.understood && self.endpoint.speaks_rtu();
        let transaction = self.transaction;
        let Some(link) = &mut self.link else { return trouble };
        link.give_up(transaction);
        if silent {
            link.silences += 1;
        }
        let trouble = if silent { Trouble::Silent { waited } } else { trouble };
        // A stream that is out of step stays so. One silence may be the device's; two are the line's.
        let broken = if silent { link.silences >= 2 || alone } else { tcp || alone };
        if broken && !matches!(self.endpoint, Endpoint::Serial { .. }) {
            return self.drop_link(trouble);
        }
        trouble
    }

    /// Takes in what came while nobody waited: late answers are counted off, the rest is noise.
    pub(super) fn hear(&mut self, heard: Result<(), Trouble>) {
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
