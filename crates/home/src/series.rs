//! The registers as the exchange sees them: one series that only rises, whatever meter counts.
//!
//! A meter that is replaced, reset or turned round begins with other registers. The exchange refuses
//! registers that run backwards, so the household adds to each what the meters before had counted.

use history::{History, HistoryError};
use metering::{CounterEvent, CounterEventKind, Quantity};
use serde::{Deserialize, Serialize};
use units::{Energy, MeterId, Timestamp};

/// What is added to the registers of a meter, from which time on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series(Vec<Break>);

/// In whole watt-hours, so that differences of whole registers stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Break {
    at: Timestamp,
    import_wh: i64,
    export_wh: i64,
}

impl Series {
    pub fn load(history: &History, meter: &MeterId) -> Result<Self, HistoryError> {
        Ok(history
            .setting(&key(meter))?
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    pub fn save(&self, history: &History, meter: &MeterId) -> Result<(), HistoryError> {
        history.set_setting(&key(meter), &serde_json::to_string(self).expect("a series is plain data"))
    }

    /// Returns what is added to import and export of a slot that starts at a time, in whole watt-hours.
    pub fn offsets_at(&self, time: Timestamp) -> (i64, i64) {
        let last = self.0.iter().rev().find(|broken| broken.at <= time);
        last.map_or((0, 0), |broken| (broken.import_wh, broken.export_wh))
    }

    /// Takes in what a counter did; returns whether the series is another now. What lies before a break
    /// that is known already has been taken in.
    pub fn note(&mut self, quantity: Quantity, event: &CounterEvent) -> bool {
        let (Some(before), Some(after)) = (event.before, event.after) else { return false };
        let added = match event.kind {
            // What a counter shows that began at zero was counted since.
            CounterEventKind::Reset => before,
            CounterEventKind::Replaced => before - after,
            _ => return false,
        };
        let last = self.0.last().copied();
        if last.is_some_and(|last| event.at < last.at) {
            return false;
        }
        let earlier = self.0.iter().rfind(|broken| broken.at < event.at);
        let before = earlier.map_or((0, 0), |broken| (broken.import_wh, broken.export_wh));
        // The other register may have been taken in at the same instant.
        let (import_wh, export_wh) = self.offsets_at(event.at);
        let next = match quantity {
            Quantity::Import => Break { at: event.at, import_wh: before.0 + up(added), export_wh },
            Quantity::Export => Break { at: event.at, import_wh, export_wh: before.1 + up(added) },
            Quantity::At | Quantity::Power => return false,
        };
        self.0.retain(|broken| broken.at < event.at);
        self.0.push(next);
        last != Some(next)
    }

    /// Goes on at a time with other registers so that neither runs back.
    pub fn go_on(&mut self, at: Timestamp, before: (Energy, Energy), after: (Energy, Energy)) {
        let offsets = self.offsets_at(at);
        self.0.retain(|broken| broken.at < at);
        self.0.push(Break {
            at,
            import_wh: offsets.0 + up(before.0 - after.0),
            export_wh: offsets.1 + up(before.1 - after.1),
        });
    }
}

/// Rounds up to whole watt-hours: one too much between two meters, never a step back.
fn up(added: Energy) -> i64 {
    -(-added.milliwatt_hours()).div_euclid(1000)
}

fn key(meter: &MeterId) -> String {
    format!("series:{meter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, kind: CounterEventKind, before: i64, after: i64) -> CounterEvent {
        let at = Timestamp::from_seconds(second);
        let of = |wh| Some(Energy::from_watt_hours(wh));
        CounterEvent { at, kind, before: of(before), after: of(after) }
    }

    fn at(series: &Series, second: i64) -> (i64, i64) {
        series.offsets_at(Timestamp::from_seconds(second))
    }

    #[test]
    fn r07_registers_go_on_over_a_replaced_meter() {
        let mut series = Series::default();
        assert!(series.note(Quantity::Import, &event(100, CounterEventKind::Replaced, 7000, 3)));
        assert!(series.note(Quantity::Export, &event(100, CounterEventKind::Replaced, 500, 900)));
        assert_eq!((at(&series, 99), at(&series, 100)), ((0, 0), (6997, -400)));
        // The same told again, as after a restart, changes nothing.
        assert!(!series.note(Quantity::Import, &event(100, CounterEventKind::Replaced, 7000, 3)));
        assert_eq!(at(&series, 500), (6997, -400));
        assert!(series.note(Quantity::Import, &event(900, CounterEventKind::Reset, 50, 0)));
        assert_eq!(at(&series, 900), (7047, -400));
        assert_eq!(at(&series, 899), (6997, -400));
    }

    #[test]
    fn what_moves_no_register_moves_no_series() {
        let mut series = Series::default();
        for kind in [CounterEventKind::Glitch, CounterEventKind::Gap, CounterEventKind::JumpReleased] {
            assert!(!series.note(Quantity::Import, &event(100, kind, 10, 20)));
        }
        assert_eq!(series, Series::default());
    }

    #[test]
    fn a_turned_meter_goes_on_where_it_stood() {
        let mut series = Series::default();
        let wh = Energy::from_watt_hours;
        series.go_on(Timestamp::from_seconds(900), (wh(7000), wh(100)), (wh(100), wh(7000)));
        assert_eq!(at(&series, 900), (6900, -6900));
    }
}
