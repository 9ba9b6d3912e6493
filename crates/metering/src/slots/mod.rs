//! Turns the samples of one meter into energy per slot.
//!
//! A meter counts up for ever. This module subtracts, notices restarts and gaps, and never invents
//! energy: a slot is complete, or it says why it is not.

mod event;
mod integral;
mod track;

use std::time::Duration;

use units::{Energy, Power, SLOT_SECONDS, Timestamp};

use crate::counter::{BookSettings, Counter, Held, Judgement, Reading};
use crate::sample::{Borders, Flag, Method, Quality, Sample, SlotEnergy};
pub use event::{IntervalEvent, Quantity, RejectReason, accepted};
use integral::Integral;
use track::Track;

/// A longer gap is not bridged: more likely the clock was not set when it began, and two million slots
/// since 1970 would help nobody.
const LONGEST_GAP: Duration = Duration::from_secs(366 * 24 * 3600);

/// What is known of the meter, and how patient to be with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSettings {
    /// 900, or shorter for diagnosis.
    pub length_s: u32,
    /// The farthest that the two samples around a border may lie apart; of a meter without a counter,
    /// any two samples.
    pub max_border_gap: Duration,
    pub fuse: Power,
    pub resolution: Energy,
    pub wraps_at: Option<Energy>,
    /// So many further readings decide about an implausible counter.
    pub confirm: u32,
    /// How long a new level of a counter must last before it is believed.
    pub persists: Duration,
}

impl SlotSettings {
    /// Returns the market's rules for a meter: quarter hours, borders between samples at most 30 s apart,
    /// a new level believed after three more readings and a minute.
    pub fn new(fuse: Power, resolution: Energy) -> Self {
        Self {
            length_s: SLOT_SECONDS as u32,
            max_border_gap: Duration::from_secs(30),
            fuse,
            resolution,
            wraps_at: None,
            confirm: 3,
            persists: Duration::from_secs(60),
        }
    }
}

/// The state machine of one meter.
#[derive(Clone, Debug)]
pub struct SlotMeter {
    settings: SlotSettings,
    import: Register,
    export: Register,
    integral: Integral,
    last_at: Option<Timestamp>,
    /// The start of the next slot that has not been given for good.
    next: Option<Timestamp>,
    /// Until where slots were given by a flush.
    flushed: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Register {
    quantity: Quantity,
    counter: Counter,
    track: Track,
}

impl SlotMeter {
    pub fn new(settings: SlotSettings) -> Self {
        let length = length(&settings);
        let register = |quantity| Register {
            quantity,
            counter: Counter::new(book_settings(&settings), settings.persists),
            track: Track::new(length, settings.max_border_gap),
        };
        Self {
            settings,
            import: register(Quantity::Import),
            export: register(Quantity::Export),
            integral: Integral::new(length, settings.max_border_gap),
            last_at: None,
            next: None,
            flushed: None,
        }
    }

    /// Goes on after a restart: feeds the samples stored before it, and returns the slots from `from` on.
    ///
    /// `from` is the start of the first slot that is not stored as measured or recovered. The samples
    /// should reach back to before `from`, else its slot begins in the dark and is partial.
    pub fn resume(settings: SlotSettings, from: Timestamp, stored: &[Sample]) -> (Self, Vec<IntervalEvent>) {
        Self::resume_over(settings, from, stored, &[])
    }

    /// Goes on after a restart as [`Self::resume`] does, where with the samples at `replaced` other registers
    /// began: those of another meter, or of the same one turned round.
    pub fn resume_over(
        settings: SlotSettings,
        from: Timestamp,
        stored: &[Sample],
        replaced: &[Timestamp],
    ) -> (Self, Vec<IntervalEvent>) {
        let mut meter = Self::new(settings);
        let slots = stored.iter().flat_map(|sample| {
            if replaced.contains(&sample.at) {
                meter.expect_another();
            }
            meter.push(sample)
        });
        let open = |event: &IntervalEvent| matches!(event, IntervalEvent::Slot(slot) if slot.start >= from);
        let events = slots.filter(open).collect();
        meter.next = meter.next.map(|next| next.max(start_of(from, length(&meter.settings))));
        (meter, events)
    }

    /// Takes the registers of the next sample for those of another meter: nothing is booked up to them.
    pub fn expect_another(&mut self) {
        self.import.counter.expect_another();
        self.export.counter.expect_another();
    }

    /// Takes the next sample.
    pub fn push(&mut self, sample: &Sample) -> Vec<IntervalEvent> {
        let mut events = Vec::new();
        let at = sample.at;
        if self.last_at.is_some_and(|last| at <= last) {
            let reason = RejectReason::Stale;
            return vec![IntervalEvent::Rejected { at, quantity: Quantity::At, value: None, reason }];
        }
        if sample.flags.contains(&Flag::Stale) {
            return reject_all(sample);
        }
        if let Some(from) = self.last_at.filter(|last| at.since(*last) > self.settings.max_border_gap) {
            events.push(IntervalEvent::Gap { from, to: at });
            if at.since(from) > LONGEST_GAP {
                *self = Self::new(self.settings);
            }
        }
        self.last_at = Some(at);
        events.extend(self.take_power(sample));
        events.extend(self.take_counters(sample));
        self.start();
        while let Some(slot) = self.take_slot() {
            events.push(IntervalEvent::Slot(slot));
        }
        events
    }

    /// Gives the slots that have ended by `now` and that no sample has completed: missing, or partial with
    /// what was observed. Called once patience with the meter has run out.
    pub fn flush_until(&mut self, now: Timestamp) -> Vec<IntervalEvent> {
        let Some(next) = self.next else { return Vec::new() };
        let length = length(&self.settings);
        let reach = start_of(now - LONGEST_GAP, length);
        let mut start = self.flushed.map_or(next, |flushed| flushed.max(next)).max(reach);
        let mut events = Vec::new();
        while start + length <= now {
            events.push(IntervalEvent::Slot(self.slot(start)));
            start = start + length;
        }
        self.flushed = Some(start);
        events
    }

    fn take_power(&mut self, sample: &Sample) -> Option<IntervalEvent> {
        let power = sample.power?;
        let limit = i128::from(self.settings.fuse.milliwatts()) * 12 / 10;
        if i128::from(power.milliwatts()).abs() > limit {
            let (quantity, reason) = (Quantity::Power, RejectReason::OutOfRange);
            let value = Some(power.milliwatts());
            return Some(IntervalEvent::Rejected { at: sample.at, quantity, value, reason });
        }
        self.integral.push(sample.at, power);
        None
    }

    fn take_counters(&mut self, sample: &Sample) -> Vec<IntervalEvent> {
        let serial = sample.serial.as_deref();
        let import = possible(sample.import, &self.settings);
        let export = possible(sample.export, &self.settings);
        let mut judged = (
            self.import.judge(sample.at, import.ok().flatten(), serial),
            self.export.judge(sample.at, export.ok().flatten(), serial),
        );
        // Another meter has two new registers, and the export of one set up at night moves in the morning.
        if let Some(at) = judged.0.new_level() {
            self.export.follow(at, &mut judged.1);
        }
        if let Some(at) = judged.1.new_level() {
            self.import.follow(at, &mut judged.0);
        }
        let mut events = self.import.report(sample.at, import, judged.0);
        events.extend(self.export.report(sample.at, export, judged.1));
        events
    }

    /// Begins with the slot of the first value.
    fn start(&mut self) {
        if self.next.is_none() {
            let firsts =
                [self.import.track.first_at(), self.export.track.first_at(), self.integral.first_at()];
            let first = firsts.into_iter().flatten().min();
            self.next = first.map(|first| start_of(first, length(&self.settings)));
        }
    }

    /// Returns the next slot if every register of the meter has been read at or after its end.
    fn take_slot(&mut self) -> Option<SlotEnergy> {
        let start = self.next?;
        let end = start + length(&self.settings);
        let ready = match self.method() {
            Method::Counter => {
                let tracks = [&self.import.track, &self.export.track];
                tracks.into_iter().filter(|track| track.is_known()).all(|track| track.reaches(end))
            }
            Method::Integral => self.integral.reaches(end),
        };
        if !ready {
            return None;
        }
        let slot = self.slot(start);
        self.next = Some(end);
        self.import.track.forget_before(end);
        self.export.track.forget_before(end);
        self.integral.forget_before(end);
        Some(slot)
    }

    fn method(&self) -> Method {
        if self.import.track.is_known() || self.export.track.is_known() || !self.integral.is_known() {
            Method::Counter
        } else {
            Method::Integral
        }
    }

    fn slot(&self, start: Timestamp) -> SlotEnergy {
        let end = start + length(&self.settings);
        let seconds = self.settings.length_s;
        if self.method() == Method::Integral {
            let integral::Share { import, export, quality } = self.integral.share(start, end);
            let (method, borders) = (Method::Integral, Borders::default());
            return SlotEnergy { start, seconds, import, export, borders, quality, method };
        }
        let import = self.import.track.share(start, end);
        let export = self.export.track.share(start, end);
        let known = [(&self.import, &import), (&self.export, &export)]
            .into_iter()
            .filter(|(register, _)| register.track.is_known())
            .map(|(_, share)| share.quality);
        SlotEnergy {
            start,
            seconds,
            import: import.energy,
            export: export.energy,
            borders: Borders {
                import_start: import.start,
                import_end: import.end,
                export_start: export.start,
                export_end: export.end,
            },
            quality: worst(known),
            method: Method::Counter,
        }
    }
}

impl Register {
    fn judge(&mut self, at: Timestamp, counter: Option<Energy>, serial: Option<&str>) -> Judgement {
        self.counter.push(&Reading { at, counter, serial: serial.map(str::to_owned) })
    }

    /// Believes what is held since `at`, since the meter's other register was believed.
    fn follow(&mut self, at: Timestamp, judgement: &mut Judgement) {
        if let Some(believed) = self.counter.believe_since(at) {
            judgement.steps.extend(believed.steps);
            judgement.events.extend(believed.events);
            judgement.held = None;
        }
    }

    /// Notes what counts and tells the rest.
    fn report(
        &mut self,
        at: Timestamp,
        counter: Result<Option<Energy>, Energy>,
        judgement: Judgement,
    ) -> Vec<IntervalEvent> {
        let quantity = self.quantity;
        for step in judgement.steps {
            self.track.push(step);
        }
        let rejected = match (counter, judgement.held) {
            (Err(impossible), _) => Some((impossible, RejectReason::OutOfRange)),
            (Ok(Some(counter)), Some(Held::Jump)) => Some((counter, RejectReason::Jump)),
            (Ok(Some(counter)), Some(Held::Drop)) => Some((counter, RejectReason::Drop)),
            (Ok(_), _) => None,
        };
        let rejected = rejected.map(|(counter, reason)| {
            let value = Some(counter.milliwatt_hours());
            IntervalEvent::Rejected { at, quantity, value, reason }
        });
        let counters = judgement.events.into_iter().map(|event| IntervalEvent::Counter { quantity, event });
        counters.chain(rejected).collect()
    }
}

/// Returns the counter, or as an error what it cannot show: only one that may flip its sign is negative.
fn possible(counter: Option<Energy>, settings: &SlotSettings) -> Result<Option<Energy>, Energy> {
    match counter {
        Some(counter) if counter.is_negative() && settings.wraps_at.is_none() => Err(counter),
        counter => Ok(counter),
    }
}

/// Rejects every value of a sample whose meter has stopped measuring.
fn reject_all(sample: &Sample) -> Vec<IntervalEvent> {
    let values = [
        (Quantity::Power, sample.power.map(Power::milliwatts)),
        (Quantity::Import, sample.import.map(Energy::milliwatt_hours)),
        (Quantity::Export, sample.export.map(Energy::milliwatt_hours)),
    ];
    let reason = RejectReason::Stale;
    let rejected = |(quantity, value)| IntervalEvent::Rejected { at: sample.at, quantity, value, reason };
    values.into_iter().filter(|(_, value)| value.is_some()).map(rejected).collect()
}

/// Returns the quality of a slot from those of its registers: the worst, except that a slot of which one
/// register is missing and another is not is partial.
fn worst(qualities: impl Iterator<Item = Quality>) -> Quality {
    let qualities: Vec<Quality> = qualities.collect();
    let missing = qualities.iter().filter(|quality| **quality == Quality::Missing).count();
    match qualities.iter().max() {
        Some(Quality::Missing) if missing < qualities.len() => Quality::Partial,
        Some(worst) => *worst,
        None => Quality::Missing,
    }
}

fn book_settings(settings: &SlotSettings) -> BookSettings {
    BookSettings {
        fuse: settings.fuse,
        resolution: settings.resolution,
        wraps_at: settings.wraps_at,
        confirm: settings.confirm,
        signed: false,
    }
}

fn length(settings: &SlotSettings) -> Duration {
    Duration::from_secs(settings.length_s.max(1).into())
}

/// Returns the start of the slot of this length that a time lies in.
fn start_of(time: Timestamp, length: Duration) -> Timestamp {
    let length = length.as_millis() as i64;
    Timestamp::from_millis(time.millis().div_euclid(length) * length)
}
