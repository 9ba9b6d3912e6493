//! One register through time: a line through the readings that counted.

use std::collections::VecDeque;
use std::time::Duration;

use units::{Energy, Timestamp};

use crate::counter::Step;
use crate::sample::Quality;

/// The readings of a register that borders may lie between.
///
/// Energy of an interval is a difference on the line `total`, so intervals telescope whatever their
/// borders are; what the line was guessed over is a question of quality only.
#[derive(Clone, Debug)]
pub(super) struct Track {
    length: Duration,
    max_border_gap: Duration,
    points: VecDeque<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    at: Timestamp,
    register: Energy,
    /// What was booked since the first reading, over resets, wraps and other meters.
    total: Energy,
    /// Counts the breaks of the register.
    epoch: u32,
}

/// The register at a border.
#[derive(Clone, Copy, Debug)]
struct Border {
    total: Energy,
    epoch: u32,
    /// Missing where no readings lie close enough.
    register: Option<Energy>,
}

/// What a register says about an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub energy: Option<Energy>,
    pub start: Option<Energy>,
    pub end: Option<Energy>,
    pub quality: Quality,
}

impl Track {
    pub(super) fn new(length: Duration, max_border_gap: Duration) -> Self {
        Self { length, max_border_gap, points: VecDeque::new() }
    }

    /// Returns whether the meter has ever told this register.
    pub(super) fn is_known(&self) -> bool {
        !self.points.is_empty()
    }

    pub(super) fn reaches(&self, time: Timestamp) -> bool {
        self.points.back().is_some_and(|last| last.at >= time)
    }

    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.points.front().map(|point| point.at)
    }

    pub(super) fn push(&mut self, step: Step) {
        let (total, epoch) = match self.points.back() {
            Some(last) => (last.total + step.booked, last.epoch + u32::from(step.breaks)),
            None => (Energy::ZERO, 0),
        };
        let point = Point { at: step.at, register: step.register, total, epoch };
        if self.is_inner(point.at) {
            self.points.pop_back();
        }
        self.points.push_back(point);
    }

    /// Returns whether the last point lies between two others of its slot: no border will ask for it.
    fn is_inner(&self, next: Timestamp) -> bool {
        let count = self.points.len();
        let slot = |at: Timestamp| super::start_of(at, self.length);
        count >= 2
            && slot(self.points[count - 2].at) == slot(self.points[count - 1].at)
            && slot(self.points[count - 1].at) == slot(next)
    }

    /// Forgets what no border from `time` on will ask for.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        while self.points.get(1).is_some_and(|second| second.at <= time) {
            self.points.pop_front();
        }
    }

    /// Returns what the register says about `[start, end)`.
    pub(super) fn share(&self, start: Timestamp, end: Timestamp) -> Share {
        let borders = (self.border(start), self.border(end));
        let registers = |border: Option<Border>| border.and_then(|border| border.register);
        let (energy, quality) = match borders {
            (Some(from), Some(to)) => {
                let seen = from.register.is_some() && to.register.is_some() && from.epoch == to.epoch;
                (Some(to.total - from.total), if seen { Quality::Measured } else { Quality::Recovered })
            }
            _ => match self.observed(start, end) {
                Some(energy) => (Some(energy), Quality::Partial),
                None => (None, Quality::Missing),
            },
        };
        Share { energy, quality, start: registers(borders.0), end: registers(borders.1) }
    }

    /// Returns what is known of an interval of which not both borders lie on the line.
    fn observed(&self, start: Timestamp, end: Timestamp) -> Option<Energy> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        if first.at.max(start) >= last.at.min(end) {
            return None;
        }
        let total = |time: Timestamp, nearest: &Point| self.border(time).map_or(nearest.total, |b| b.total);
        Some(total(end, last) - total(start, first))
    }

    /// Returns where the line stands at a time, if the time lies between readings.
    fn border(&self, time: Timestamp) -> Option<Border> {
        let next = self.points.partition_point(|point| point.at < time);
        let after = self.points.get(next)?;
        if after.at == time {
            return Some(Border { total: after.total, epoch: after.epoch, register: Some(after.register) });
        }
        let before = self.points.get(next.checked_sub(1)?)?;
        let close = after.at.since(before.at) <= self.max_border_gap && before.epoch == after.epoch;
        let between = |from: Energy, to: Energy| interpolate((before.at, from), (after.at, to), time);
        Some(Border {
            total: between(before.total, after.total),
            epoch: before.epoch,
            register: close.then(|| between(before.register, after.register)),
        })
    }
}

/// Returns the value of a straight line at a time, rounded down to a milliwatt-hour.
fn interpolate(from: (Timestamp, Energy), to: (Timestamp, Energy), at: Timestamp) -> Energy {
    let rise = i128::from((to.1 - from.1).milliwatt_hours());
    let run = i128::from(to.0.millis() - from.0.millis());
    let done = i128::from(at.millis() - from.0.millis());
    let part = (rise * done).div_euclid(run.max(1));
    // A part of the rise is not larger than the rise, which is an i64.
    from.1 + Energy::from_milliwatt_hours(part as i64)
}
