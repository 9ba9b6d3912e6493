//! One unit on a line: reads a profile's registers, and learns what the device does not bear.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metering::{Profile, Read, Registers};
use tokio::sync::Mutex;

use crate::bus::{Answered, Bus, Pace, Record};
use crate::frame::{Answer, Function, Request};
use crate::read_error::ReadError;
use crate::trouble::{Tally, Trouble};

/// An optional register that was refused so often is left alone for a day.
const PARK_AFTER: u32 = 3;
const PARKED_FOR: Duration = Duration::from_secs(24 * 3600);

/// How one device wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSettings {
    /// Silence before each request. An SDM72 that is asked faster reboots.
    pub gap: Duration,
    /// How long the device may take to begin its answer; the time on a serial line comes on top.
    pub timeout: Duration,
    /// Silence after a connection was made.
    pub connect_delay: Duration,
    /// How long a reading may take, retries included.
    pub patience: Duration,
    /// The registers of each value, where a read may be cut. Without them it is cut in the middle, at an
    /// even number of registers.
    pub values: Vec<Read>,
}

impl DeviceSettings {
    /// Returns what a profile says.
    pub fn of(profile: &Profile) -> Self {
        let limits = &profile.limits;
        Self {
            gap: limits.gap,
            timeout: limits.timeout,
            connect_delay: limits.connect_delay,
            // Three tries and the time in which a late answer may come, for the first of them.
            patience: limits.timeout * 3 + Duration::from_secs(2),
            values: profile.values(),
        }
    }
}

/// What a device answered.
#[derive(Clone, Debug)]
pub struct Reading {
    pub registers: Registers,
    /// The middle of the reading: no value is further from it than half of `took`.
    pub taken: Instant,
    pub took: Duration,
}

/// A unit on a line. Clones share what was learnt about it.
#[derive(Clone, Debug)]
pub struct Device {
    bus: Bus,
    unit: u8,
    settings: Arc<DeviceSettings>,
    record: Arc<Record>,
    /// Held during a reading, so that a device is asked one thing at a time.
    learnt: Arc<Mutex<Learnt>>,
}

impl Device {
    pub(crate) fn new(bus: Bus, unit: u8, settings: DeviceSettings) -> Self {
        let settings = Arc::new(settings);
        Self { bus, unit, settings, record: Arc::default(), learnt: Arc::default() }
    }

    pub fn unit(&self) -> u8 {
        self.unit
    }

    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Returns the counters of everything that was read so far.
    pub fn tally(&self) -> Tally {
        self.record.lock().tally.clone()
    }

    /// Takes the troubles since the last call, retries that went well included, up to 64 of them.
    pub fn take_troubles(&self) -> Vec<ReadError> {
        self.record.take_recent().into_iter().map(|trouble| self.error(trouble)).collect()
    }

    /// Reads all registers that the device has, within the settings' patience.
    ///
    /// Registers are missing where the device refused them, and others were given. An error means that
    /// there are no values at all, or that a required read failed.
    pub async fn read(&self, reads: &[Read]) -> Result<Reading, ReadError> {
        let outcome = self.read_part(reads, &self.settings.values).await;
        self.count(outcome)
    }

    /// Counts a reading, and says where it failed.
    pub(crate) fn count<T>(&self, outcome: Result<T, Trouble>) -> Result<T, ReadError> {
        let tally = &mut self.record.lock().tally;
        tally.polls += 1;
        tally.good += u64::from(outcome.is_ok());
        outcome.map_err(|trouble| self.error(trouble))
    }

    /// Reads as a part of a reading, with the registers of each value.
    pub(crate) async fn read_part(&self, reads: &[Read], values: &[Read]) -> Result<Reading, Trouble> {
        let mut learnt = self.learnt.lock().await;
        let outcome = self.read_all(reads, values, &mut learnt).await;
        self.record.lock().tally.reduced_reads = learnt.is_reduced();
        outcome
    }

    /// Forgets what the device does not bear, as another one may be in its place.
    pub(crate) async fn forget(&self) {
        *self.learnt.lock().await = Learnt::default();
    }

    /// Counts a trouble that is not of a single request.
    pub(crate) fn note(&self, trouble: &Trouble) {
        self.record.note(trouble);
    }

    async fn read_all(
        &self,
        reads: &[Read],
        values: &[Read],
        learnt: &mut Learnt,
    ) -> Result<Reading, Trouble> {
        let began = Instant::now();
        let deadline = began + self.settings.patience;
        let mut registers = Registers::new();
        let mut span: Option<(Instant, Instant)> = None;
        let mut refused = None;
        let mut cut = Vec::new();
        let mut plan: VecDeque<Read> = reads.iter().flat_map(|read| learnt.plan(*read, began)).collect();
        while let Some(read) = plan.pop_front() {
            let answered = match self.ask(read, deadline).await {
                Ok(answered) => answered,
                Err(_) if read.optional => continue,
                Err(trouble) => {
                    // Finding what a slow device bears may take longer than one reading has. Without its
                    // lessons the next one would be as long.
                    if span.is_some() {
                        learnt.remember(cut);
                    }
                    return Err(trouble);
                }
            };
            match answered.answer {
                Answer::Registers(words) => {
                    registers.insert(read.function, read.address, &words);
                    learnt.accept(read);
                    let first = span.map_or(answered.sent, |(first, _)| first);
                    span = Some((first, answered.came));
                }
                Answer::Exception(code @ 1..=3) => {
                    refused = Some(Trouble::Exception(code));
                    match halves(read, values) {
                        Some(halves) if code != 1 => {
                            halves.iter().rev().for_each(|half| plan.push_front(*half));
                            cut.push((read, halves));
                        }
                        _ => learnt.refuse(read, Instant::now()),
                    }
                }
                Answer::Exception(_) if read.optional => {}
                Answer::Exception(code) => return Err(Trouble::Exception(code)),
            }
        }
        match (span, refused) {
            (Some((first, last)), _) => {
                // Cuts are remembered only if they helped.
                learnt.remember(cut);
                let took = last - first;
                Ok(Reading { registers, taken: first + took / 2, took })
            }
            (None, Some(trouble)) => Err(trouble),
            (None, None) => Err(Trouble::Silent { waited: began.elapsed() }),
        }
    }

    async fn ask(&self, read: Read, deadline: Instant) -> Result<Answered, Trouble> {
        let function = match read.function {
            3 => Function::HoldingRegisters,
            4 => Function::InputRegisters,
            // A profile with another function does not pass its lint; nothing else is ever sent.
            _ => return Err(Trouble::Exception(1)),
        };
        let request =
            Request::new(self.unit, function, read.address, read.count).ok_or(Trouble::Exception(3))?;
        let DeviceSettings { gap, timeout, connect_delay, .. } = *self.settings;
        self.bus.ask(request, Pace { gap, timeout, connect_delay }, deadline, &self.record).await
    }

    fn error(&self, trouble: Trouble) -> ReadError {
        ReadError { endpoint: self.bus.endpoint().clone(), unit: Some(self.unit), trouble }
    }
}

/// What a device taught: reads that it takes only in parts, and registers that it does not have.
#[derive(Debug, Default)]
struct Learnt {
    parts: HashMap<Read, Vec<Read>>,
    refusals: HashMap<Read, (u32, Instant)>,
}

impl Learnt {
    /// Returns the parts of a read that are worth asking.
    fn plan(&self, read: Read, now: Instant) -> Vec<Read> {
        match self.parts.get(&read) {
            Some(parts) => parts.iter().flat_map(|part| self.plan(*part, now)).collect(),
            None if self.is_parked(read, now) => Vec::new(),
            None => vec![read],
        }
    }

    fn is_parked(&self, read: Read, now: Instant) -> bool {
        let refusals = self.refusals.get(&read).filter(|_| read.optional);
        refusals.is_some_and(|(times, last)| {
            *times >= PARK_AFTER && now.saturating_duration_since(*last) < PARKED_FOR
        })
    }

    fn accept(&mut self, read: Read) {
        self.refusals.remove(&read);
    }

    fn refuse(&mut self, read: Read, now: Instant) {
        let (times, last) = self.refusals.entry(read).or_insert((0, now));
        (*times, *last) = (*times + 1, now);
        if *times == PARK_AFTER {
            let Read { function, address, optional, .. } = read;
            tracing::info!(function, address, optional, "the device does not have these registers");
        }
    }

    fn remember(&mut self, cut: Vec<(Read, Vec<Read>)>) {
        for (read, parts) in cut {
            let Read { function, address, count, .. } = read;
            tracing::info!(function, address, count, "the device takes this read only in parts");
            self.parts.insert(read, parts);
        }
    }

    fn is_reduced(&self) -> bool {
        !self.parts.is_empty()
    }
}

/// Cuts a read in two between values, if it can be cut. What lies before, between and after is left out:
/// registers that no value needs may be what the device refuses.
fn halves(read: Read, values: &[Read]) -> Option<Vec<Read>> {
    let end = u32::from(read.address) + u32::from(read.count);
    let inside = |value: &&Read| {
        value.function == read.function
            && value.address >= read.address
            && u32::from(value.address) + u32::from(value.count) <= end
    };
    let mut spans: Vec<(u32, u32)> = Vec::new();
    let mut sorted: Vec<&Read> = values.iter().filter(inside).collect();
    sorted.sort_unstable_by_key(|value| value.address);
    for value in sorted {
        let (from, to) = (u32::from(value.address), u32::from(value.address) + u32::from(value.count));
        match spans.last_mut() {
            // Values that overlap stay together.
            Some((_, last)) if from < *last => *last = (*last).max(to),
            _ => spans.push((from, to)),
        }
    }
    if spans.is_empty() {
        let middle = read.count / 2 / 2 * 2;
        spans = match middle {
            0 => return None,
            _ => vec![
                (read.address.into(), u32::from(read.address + middle)),
                (u32::from(read.address + middle), end),
            ],
        };
    }
    let part = |spans: &[(u32, u32)]| {
        let (from, to) = (spans.first()?.0, spans.last()?.1);
        Some(Read { address: u16::try_from(from).ok()?, count: u16::try_from(to - from).ok()?, ..read })
    };
    if let [only] = spans[..] {
        // The value alone, if something around it was read along.
        let part = part(&[only])?;
        return (part != read).then(|| vec![part]);
    }
    let (from, to) = (spans[0].0, spans[spans.len() - 1].1);
    let middle = spans.iter().filter(|(start, _)| 2 * (start - from) < to - from).count();
    let (front, back) = spans.split_at(middle.clamp(1, spans.len() - 1));
    Some(vec![part(front)?, part(back)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: u16, count: u16) -> Read {
        Read { function: 4, address, count, optional: false }
    }

    #[test]
    fn a_read_is_cut_between_values() {
        let values = [read(0, 2), read(2, 4), read(10, 2)];
        assert_eq!(halves(read(0, 12), &values), Some(vec![read(0, 6), read(10, 2)]));
        assert_eq!(halves(read(0, 6), &values), Some(vec![read(0, 2), read(2, 4)]));
        assert_eq!(halves(read(2, 4), &values), None);
    }

    #[test]
    fn values_that_overlap_stay_together() {
        assert_eq!(halves(read(0, 6), &[read(0, 4), read(2, 4)]), None);
    }

    #[test]
    fn a_value_is_freed_of_what_was_read_along() {
        assert_eq!(halves(read(0, 10), &[read(4, 2)]), Some(vec![read(4, 2)]));
    }

    #[test]
    fn without_known_values_a_read_is_cut_at_an_even_number_of_registers() {
        assert_eq!(halves(read(7, 10), &[]), Some(vec![read(7, 4), read(11, 6)]));
        assert_eq!(halves(read(7, 3), &[]), None);
    }

    #[test]
    fn an_optional_register_is_parked_for_a_day_after_three_refusals() {
        let now = Instant::now();
        let (optional, required) = (Read { optional: true, ..read(0, 2) }, read(0, 2));
        let mut learnt = Learnt::default();
        for _ in 0..PARK_AFTER {
            assert_eq!(learnt.plan(optional, now), [optional]);
            learnt.refuse(optional, now);
            learnt.refuse(required, now);
        }
        assert_eq!(learnt.plan(optional, now), []);
        assert_eq!(learnt.plan(required, now), [required]);
        assert_eq!(learnt.plan(optional, now + PARKED_FOR), [optional]);
    }
}
