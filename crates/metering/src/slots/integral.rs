//! Power over time, for meters that show no counter.

use std::collections::VecDeque;
use std::time::Duration;

use units::{Energy, Power, Timestamp};

use crate::sample::Quality;

/// The integral of power since the first sample, import and export apart. A pause between samples that
/// is too long is not bridged: a ramp over an hour without readings would be invented energy.
#[derive(Clone, Debug)]
pub(super) struct Integral {
    length: Duration,
    max_gap: Duration,
    last: Option<(Timestamp, Power)>,
    points: VecDeque<Point>,
}

/// The integrals at a time, in milliwatt-milliseconds, and how many milliseconds they cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    at: Timestamp,
    imported: i128,
    exported: i128,
    covered: i64,
}

/// What the integral says about an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub import: Option<Energy>,
    pub export: Option<Energy>,
    pub quality: Quality,
}

const MILLISECONDS_PER_HOUR: i128 = 3_600_000;

impl Integral {
    pub(super) fn new(length: Duration, max_gap: Duration) -> Self {
        Self { length, max_gap, last: None, points: VecDeque::new() }
    }

    pub(super) fn is_known(&self) -> bool {
        !self.points.is_empty()
    }

    pub(super) fn reaches(&self, time: Timestamp) -> bool {
        self.last.is_some_and(|(at, _)| at >= time)
    }

    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.points.front().map(|point| point.at)
    }

    pub(super) fn push(&mut self, at: Timestamp, power: Power) {
        match self.last {
            Some((before, from)) if at.since(before) <= self.max_gap => {
                self.ramp((before, from), (at, power))
            }
            Some(_) | None => self.jump(at),
        }
        self.last = Some((at, power));
    }

    /// Starts after a pause: the integrals stand still, and nothing is covered.
    fn jump(&mut self, at: Timestamp) {
        let last = self.points.back().copied();
        let still = last.unwrap_or(Point { at, imported: 0, exported: 0, covered: 0 });
        self.note(Point { at, ..still });
    }

    /// Adds a straight ramp from one sample to the next, cut at the slot borders in between.
    fn ramp(&mut self, from: (Timestamp, Power), to: (Timestamp, Power)) {
        let mut here = from;
        let mut border = super::start_of(from.0, self.length) + self.length;
        while border < to.0 {
            let there = (border, power_at(from, to, border));
            self.piece(here, there);
            here = there;
            border = border + self.length;
        }
        self.piece(here, to);
    }

    fn piece(&mut self, from: (Timestamp, Power), to: (Timestamp, Power)) {
        let Some(last) = self.points.back().copied() else { return };
        let milliseconds = to.0.millis() - from.0.millis();
        let (a, b) = (i128::from(from.1.milliwatts()), i128::from(to.1.milliwatts()));
        self.note(Point {
            at: to.0,
            imported: last.imported + above_zero(a, b, milliseconds.into()),
            exported: last.exported + above_zero(-a, -b, milliseconds.into()),
            covered: last.covered + milliseconds,
        });
    }

    fn note(&mut self, point: Point) {
        let slot = |at: Timestamp| super::start_of(at, self.length);
        let count = self.points.len();
        let inner = count >= 2
            && slot(self.points[count - 2].at) == slot(self.points[count - 1].at)
            && slot(self.points[count - 1].at) == slot(point.at);
        if inner {
            self.points.pop_back();
        }
        self.points.push_back(point);
    }

    pub(super) fn forget_before(&mut self, time: Timestamp) {
        while self.points.get(1).is_some_and(|second| second.at <= time) {
            self.points.pop_front();
        }
    }

    /// Returns what the integral says about `[start, end)`.
    pub(super) fn share(&self, start: Timestamp, end: Timestamp) -> Share {
        let (from, to) = (self.standing(start), self.standing(end));
        let covered = to.map_or(0, |to| to.covered) - from.map_or(0, |from| from.covered);
        let quality = match covered {
            0 => Quality::Missing,
            covered if covered == end.millis() - start.millis() => Quality::Measured,
            _ => Quality::Partial,
        };
        let between = |get: fn(Point) -> i128| {
            let energy = |point: Option<Point>| point.map_or(0, get) / MILLISECONDS_PER_HOUR;
            let difference = i64::try_from(energy(to) - energy(from)).unwrap_or(i64::MAX);
            (covered > 0).then_some(Energy::from_milliwatt_hours(difference))
        };
        Share { import: between(|point| point.imported), export: between(|point| point.exported), quality }
    }

    /// Returns the integrals at a border: ramps end at borders, and pauses change nothing.
    fn standing(&self, time: Timestamp) -> Option<Point> {
        let next = self.points.partition_point(|point| point.at <= time);
        self.points.get(next.checked_sub(1)?).copied()
    }
}

fn power_at(from: (Timestamp, Power), to: (Timestamp, Power), at: Timestamp) -> Power {
    let rise = i128::from(to.1.milliwatts()) - i128::from(from.1.milliwatts());
    let run = i128::from(to.0.millis() - from.0.millis());
    let part = rise * i128::from(at.millis() - from.0.millis()) / run.max(1);
    Power::from_milliwatts(from.1.milliwatts() + part as i64)
}

/// Returns the area between zero and a ramp from `a` to `b` where the ramp is above zero.
fn above_zero(a: i128, b: i128, milliseconds: i128) -> i128 {
    match (a > 0, b > 0) {
        (false, false) => 0,
        (true, true) => (a + b) * milliseconds / 2,
        (true, false) => a * a * milliseconds / (2 * (a - b)),
        (false, true) => b * b * milliseconds / (2 * (b - a)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_through_zero_is_split_into_import_and_export() {
        assert_eq!(above_zero(1000, -1000, 3600), 1000 * 3600 / 4);
        assert_eq!(above_zero(-3000, 1000, 4000), 1000 * 1000 / 2);
        assert_eq!(above_zero(500, 1500, 10), 10_000);
        assert_eq!(above_zero(-500, 0, 10), 0);
    }
}
