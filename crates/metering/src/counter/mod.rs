//! Judges the readings of one counter: what moved, what fell, what jumped, and what that is worth.
//!
//! A meter counts up for ever, until it is read wrongly, restarts, overflows or is replaced. A reading
//! that the fuse makes impossible is held, not booked, until further readings decide what it was: a
//! glitch if the counter comes back, else a reset, a wrap, another meter, or a jump that was real.

mod reading;

use std::time::Duration;

use units::{Energy, Timestamp};

use crate::plausibility::Plausibility;
pub use reading::{BookSettings, CounterEvent, CounterEventKind, Reading};

/// A reading that counts: where the register stood and what was booked since the step before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Timestamp,
    pub register: Energy,
    pub booked: Energy,
    /// Whether the register does not continue the one before: first reading, reset, wrap, other meter.
    pub breaks: bool,
}

/// Why a reading is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Jump,
    Drop,
}

/// What came of one reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// In order of time; none while a reading is missing or held.
    pub steps: Vec<Step>,
    pub events: Vec<CounterEvent>,
    pub held: Option<Held>,
}

impl Judgement {
    /// Returns since when another level is believed, if this reading decided so.
    pub fn new_level(&self) -> Option<Timestamp> {
        let new = |event: &&CounterEvent| {
            matches!(event.kind, CounterEventKind::Reset | CounterEventKind::Replaced)
        };
        self.events.iter().find(new).map(|event| event.at)
    }
}

/// The state machine of one counter.
#[derive(Clone, Debug)]
pub struct Counter {
    settings: BookSettings,
    /// How long a new level must last before it is believed.
    persists: Duration,
    level: Option<Level>,
    pending: Option<Pending>,
    gap_since: Option<Timestamp>,
    serial: Option<String>,
    /// The serial number changed, and no reading of the new meter has come yet.
    swapped: bool,
}

/// A value of the counter at an instant, in milliwatt-hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: Timestamp,
    value: i128,
}

/// The last reading that was believed. Where a counter dips, its maximum.
#[derive(Clone, Copy, Debug)]
struct Level {
    mark: Mark,
    /// When the counter came to this value.
    since: Timestamp,
}

/// A new level that is not believed yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    first: Mark,
    last: Mark,
    agreeing: u32,
}

impl Counter {
    /// Makes a counter that believes a new level once the readings of `settings.confirm` agree with it
    /// and it has lasted for `persists`.
    pub fn new(settings: BookSettings, persists: Duration) -> Self {
        Self { settings, persists, level: None, pending: None, gap_since: None, serial: None, swapped: false }
    }

    /// Judges the next reading. Readings come in order of time.
    pub fn push(&mut self, reading: &Reading) -> Judgement {
        let mut judgement = Judgement::default();
        self.note_serial(reading.serial.as_deref());
        let Some(counter) = reading.counter else {
            if self.level.is_some() {
                self.gap_since.get_or_insert(reading.at);
            }
            return judgement;
        };
        let mark = Mark { at: reading.at, value: counter.milliwatt_hours().into() };
        let Some(level) = self.level else {
            self.swapped = false;
            self.accept(mark, 0, true, &mut judgement);
            return judgement;
        };
        judgement.events.extend(self.end_gap(level.mark, mark));
        match (self.swapped, self.pending) {
            (true, pending) => self.replace(level, pending, mark, &mut judgement),
            (false, None) => self.judge(level, mark, &mut judgement),
            (false, Some(pending)) => self.judge_again(level, pending, mark, &mut judgement),
        }
        judgement
    }

    /// Takes the next reading for that of another counter, as the owner says that the meter was replaced.
    pub fn expect_another(&mut self) {
        self.swapped = self.level.is_some();
    }

    /// Believes the level that is held since `at` without more readings; `None` if there is none.
    pub fn believe_since(&mut self, at: Timestamp) -> Option<Judgement> {
        let (level, pending) = (self.level?, self.pending.filter(|pending| pending.first.at == at)?);
        let mut judgement = Judgement::default();
        self.believe(level, pending, &mut judgement);
        Some(judgement)
    }

    /// Returns what is undecided: the energy that is booked if the new level turns out to be true.
    pub fn held(&self) -> Energy {
        let (Some(level), Some(pending)) = (self.level, self.pending) else { return Energy::ZERO };
        let since_first = pending.last.value - pending.first.value;
        energy(match pending.first.value > level.mark.value {
            true => pending.last.value - level.mark.value,
            false => self.explain(level, pending).1 + since_first,
        })
    }

    /// Returns the gap that has not ended yet, if there is one.
    pub fn open_gap(&self) -> Option<CounterEvent> {
        let before = self.level.map(|level| energy(level.mark.value));
        self.gap_since.map(|at| CounterEvent { at, kind: CounterEventKind::Gap, before, after: None })
    }

    fn note_serial(&mut self, serial: Option<&str>) {
        let Some(serial) = serial else { return };
        if self.serial.as_deref().is_some_and(|known| known != serial) {
            self.swapped = true;
        }
        self.serial = Some(serial.to_owned());
    }

    fn end_gap(&mut self, before: Mark, after: Mark) -> Option<CounterEvent> {
        let at = self.gap_since.take()?;
        Some(event(at, CounterEventKind::Gap, before, after))
    }

    /// Judges a reading while nothing is held.
    fn judge(&mut self, level: Level, mark: Mark, judgement: &mut Judgement) {
        if !self.agrees(level.mark, mark) {
            return self.hold(level, mark, judgement);
        }
        let moved = mark.value - level.mark.value;
        if moved < 0 && !self.settings.signed {
            judgement.events.push(event(mark.at, CounterEventKind::Dip, level.mark, mark));
            // The maximum stays, so that what was booked is not booked again on the way back.
            self.accept(Mark { value: level.mark.value, ..mark }, 0, false, judgement);
        } else {
            self.accept(mark, moved, false, judgement);
        }
    }

    /// Judges a reading while another level is held.
    fn judge_again(&mut self, level: Level, pending: Pending, mark: Mark, judgement: &mut Judgement) {
        let rose = pending.first.value > level.mark.value;
        let agrees = self.agrees(pending.last, mark);
        if self.agrees(level.mark, mark) {
            if rose && agrees {
                // Time has made the jump plausible: a counter that is written only now and then.
                self.pending = None;
                judgement.events.push(event(mark.at, CounterEventKind::JumpReleased, level.mark, mark));
                return self.accept(mark, mark.value - level.mark.value, false, judgement);
            }
            self.reject(level, pending, judgement);
            return self.judge(level, mark, judgement);
        }
        if !agrees {
            self.reject(level, pending, judgement);
            return self.hold(level, mark, judgement);
        }
        let value = if self.settings.signed { mark.value } else { mark.value.max(pending.last.value) };
        let pending = Pending { last: Mark { value, ..mark }, agreeing: pending.agreeing + 1, ..pending };
        // A counter that fell and stands may be an inverter asleep, which comes back in the morning.
        let moves = rose || value != pending.first.value;
        let lasted = mark.at.since(pending.first.at) >= self.persists;
        if moves && lasted && pending.agreeing >= self.settings.confirm.max(1) {
            return self.believe(level, pending, judgement);
        }
        self.pending = Some(pending);
        judgement.held = Some(if rose { Held::Jump } else { Held::Drop });
    }

    fn hold(&mut self, level: Level, mark: Mark, judgement: &mut Judgement) {
        self.pending = Some(Pending { first: mark, last: mark, agreeing: 0 });
        if mark.value > level.mark.value {
            judgement.events.push(event(mark.at, CounterEventKind::JumpHeld, level.mark, mark));
            judgement.held = Some(Held::Jump);
        } else {
            judgement.held = Some(Held::Drop);
        }
    }

    fn reject(&mut self, level: Level, pending: Pending, judgement: &mut Judgement) {
        self.pending = None;
        judgement.events.push(event(pending.first.at, CounterEventKind::Glitch, level.mark, pending.first));
    }

    fn believe(&mut self, level: Level, pending: Pending, judgement: &mut Judgement) {
        self.pending = None;
        let (kind, booked) = self.explain(level, pending);
        let released = kind == CounterEventKind::JumpReleased;
        judgement.events.push(match released {
            true => event(pending.last.at, kind, level.mark, pending.last),
            false => event(pending.first.at, kind, level.mark, pending.first),
        });
        self.accept(pending.first, booked, !released, judgement);
        if pending.last.at > pending.first.at {
            self.accept(pending.last, pending.last.value - pending.first.value, false, judgement);
        }
    }

    /// Returns what a new level is, and what to book up to its first reading.
    fn explain(&self, level: Level, pending: Pending) -> (CounterEventKind, i128) {
        let (before, first) = (level.mark, pending.first);
        let limit = self.physics().limit(first.at.since(before.at));
        if first.value > before.value {
            // A register that is written only now and then stood still for longer than one poll.
            let rise = first.value - before.value;
            let plausible = rise <= self.physics().limit(first.at.since(level.since));
            return if plausible {
                (CounterEventKind::JumpReleased, rise)
            } else {
                (CounterEventKind::Replaced, 0)
            };
        }
        if let Some(through) = self.wrapped(before.value, first.value).filter(|through| *through <= limit) {
            return (CounterEventKind::Wrap, through);
        }
        // What a counter shows that began at zero since the last reading was counted since.
        if (0..=limit).contains(&first.value) {
            (CounterEventKind::Reset, first.value)
        } else {
            (CounterEventKind::Replaced, 0)
        }
    }

    /// Returns what passed if the counter went over its end: only from its last tenth into its first. A
    /// signed register flips from its largest to its smallest number.
    fn wrapped(&self, before: i128, after: i128) -> Option<i128> {
        let size = i128::from(self.settings.wraps_at?.milliwatt_hours());
        let unsigned = before * 10 > size * 9 && (0..size / 10).contains(&after);
        let flipped = before * 20 > size * 9 && after * 20 < -size * 9;
        (unsigned || flipped).then(|| (after - before).rem_euclid(size))
    }

    /// Another meter, by its serial number.
    fn replace(&mut self, level: Level, pending: Option<Pending>, mark: Mark, judgement: &mut Judgement) {
        self.swapped = false;
        // What was held may have been the new meter already, read before it told its number.
        let first = match pending {
            Some(pending) if self.agrees(pending.last, mark) => pending.first,
            Some(pending) => {
                self.reject(level, pending, judgement);
                mark
            }
            None => mark,
        };
        self.pending = None;
        judgement.events.push(event(first.at, CounterEventKind::Replaced, level.mark, first));
        self.accept(first, 0, true, judgement);
        if first != mark {
            let moved = mark.value - first.value;
            let moved = if self.settings.signed { moved } else { moved.max(0) };
            self.accept(Mark { value: first.value + moved, ..mark }, moved, false, judgement);
        }
    }

    fn accept(&mut self, mark: Mark, booked: i128, breaks: bool, judgement: &mut Judgement) {
        let since = match self.level {
            Some(level) if level.mark.value == mark.value && !breaks => level.since,
            _ => mark.at,
        };
        self.level = Some(Level { mark, since });
        let (register, booked) = (energy(mark.value), energy(booked));
        judgement.steps.push(Step { at: mark.at, register, booked, breaks });
    }

    /// Returns whether a counter that stood at `from` can stand at `to`.
    fn agrees(&self, from: Mark, to: Mark) -> bool {
        let moved = to.value - from.value;
        let limit = self.physics().limit(to.at.since(from.at));
        let back = if self.settings.signed { limit } else { self.physics().dip(from.value) };
        (-back..=limit).contains(&moved)
    }

    fn physics(&self) -> Plausibility {
        Plausibility { fuse: self.settings.fuse, resolution: self.settings.resolution }
    }
}

/// What a sequence of readings is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    pub booked: Energy,
    /// What is undecided at the end.
    pub held: Energy,
    pub events: Vec<CounterEvent>,
}

/// Books a sequence of readings in order of time.
pub fn book(readings: &[Reading], settings: &BookSettings) -> Booked {
    let mut counter = Counter::new(*settings, Duration::ZERO);
    let (mut booked, mut events) = (0_i128, Vec::new());
    for reading in readings {
        let judgement = counter.push(reading);
        booked += judgement.steps.iter().map(|step| i128::from(step.booked.milliwatt_hours())).sum::<i128>();
        events.extend(judgement.events);
    }
    events.extend(counter.open_gap());
    Booked { booked: energy(booked), held: counter.held(), events }
}

fn event(at: Timestamp, kind: CounterEventKind, before: Mark, after: Mark) -> CounterEvent {
    CounterEvent { at, kind, before: Some(energy(before.value)), after: Some(energy(after.value)) }
}

/// Returns milliwatt-hours as energy; what does not fit, which no fuse allows, becomes the largest.
fn energy(milliwatt_hours: i128) -> Energy {
    let clamped = milliwatt_hours.clamp(i64::MIN.into(), i64::MAX.into());
    Energy::from_milliwatt_hours(clamped as i64)
}
