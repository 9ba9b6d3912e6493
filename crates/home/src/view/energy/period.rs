//! Periods of local days, and the steps that their bars stand for.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use specta::Type;
use units::{DayKey, LocalDay, Slot, Zone};

use crate::view::frame::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum PeriodView {
    Day,
    /// From Monday on.
    Week,
    Month,
    Year,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StepView {
    Slot,
    Day,
    Month,
    Year,
}

/// All of it is shown by months until it is longer than this, then by years.
const MONTHS_IN_ALL: i32 = 24;

/// Years beyond these are a slip of the keyboard; calendars end somewhere beyond them.
const YEARS: Range<i32> = 1970..3000;

/// Half-open local days and what one bar of them is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub kind: PeriodView,
    pub step: StepView,
    pub days: Range<DayKey>,
}

impl Period {
    /// Returns the period that a day lies in; all of it reaches from the first known day to today.
    pub fn around(kind: PeriodView, day: DayKey, known: Option<(DayKey, DayKey)>, today: DayKey) -> Self {
        let (step, days) = match kind {
            PeriodView::Day => (StepView::Slot, day..day.next()),
            PeriodView::Week => {
                let monday = day.date().week(chrono::Weekday::Mon).first_day();
                (StepView::Day, DayKey::new(monday)..DayKey::new(monday + chrono::Days::new(7)))
            }
            PeriodView::Month => (StepView::Day, day.month_start()..day.next_month_start()),
            PeriodView::Year => (StepView::Month, year_start(day, 0)..year_start(day, 1)),
            PeriodView::All => {
                let (first, last) = known.map_or((today, today), |(first, last)| (first, last.max(today)));
                if months_from(first, last) < MONTHS_IN_ALL {
                    (StepView::Month, first.month_start()..last.next_month_start())
                } else {
                    (StepView::Year, year_start(first, 0)..year_start(last, 1))
                }
            }
        };
        Self { kind, step, days }
    }

    /// Returns a day of the period before, where it reaches beyond the first known day.
    pub fn previous(&self, first: Option<DayKey>) -> Option<DayKey> {
        let before = self.days.start.previous();
        (self.kind != PeriodView::All && first.is_some_and(|first| first <= before)).then_some(before)
    }

    /// Returns a day of the period after, where it has begun.
    pub fn next(&self, last: DayKey) -> Option<DayKey> {
        (self.kind != PeriodView::All && self.days.end <= last).then_some(self.days.end)
    }

    pub fn slots(&self, zone: Zone) -> Range<Slot> {
        slots_of(&self.days, zone)
    }

    /// Returns the local days of each step, half-open.
    pub fn steps(&self) -> impl Iterator<Item = Range<DayKey>> + use<> {
        let (step, end) = (self.step, self.days.end);
        let after = move |day: DayKey| match step {
            StepView::Slot | StepView::Day => day.next(),
            StepView::Month => day.next_month_start(),
            StepView::Year => year_start(day, 1),
        };
        let starts = std::iter::successors(Some(self.days.start), move |day| Some(after(*day)));
        starts.take_while(move |day| *day < end).map(move |day| day..after(day))
    }

    /// Returns the number of the step that a day belongs to.
    pub fn step_of(&self, day: DayKey) -> usize {
        let first = self.days.start;
        let steps = match self.step {
            StepView::Slot => 0,
            StepView::Day => (day.date() - first.date()).num_days(),
            StepView::Month => i64::from(months_from(first, day)),
            StepView::Year => i64::from(day.date().year() - first.date().year()),
        };
        usize::try_from(steps).unwrap_or(0)
    }
}

/// Returns the slots of local days, both half-open.
pub fn slots_of(days: &Range<DayKey>, zone: Zone) -> Range<Slot> {
    let start = |day| LocalDay::new(day, zone).slots().start;
    start(days.start)..start(days.end)
}

/// Returns the name of the step that begins with a day: `2026-06-18`, `2026-06`, `2026`.
pub fn name(step: StepView, first: DayKey) -> String {
    match step {
        StepView::Slot | StepView::Day => first.to_string(),
        StepView::Month => first.date().format("%Y-%m").to_string(),
        StepView::Year => first.date().format("%Y").to_string(),
    }
}

/// Reads a day that the page asks for.
pub fn readable_day(text: &str) -> Result<DayKey, Refusal> {
    text.parse().ok().filter(|day: &DayKey| YEARS.contains(&day.date().year())).ok_or_else(|| Refusal {
        code: "bad_date".to_owned(),
        message: format!("\"{text}\" is not a date."),
        hint: "Write it as 2026-06-01.".to_owned(),
    })
}

fn year_start(day: DayKey, later: i32) -> DayKey {
    let year = day.date().year() + later;
    DayKey::new(NaiveDate::from_ymd_opt(year, 1, 1).expect("every year has a first day"))
}

fn months_from(first: DayKey, last: DayKey) -> i32 {
    let month = |day: DayKey| day.date().year() * 12 + day.date().month0() as i32;
    month(last) - month(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> DayKey {
        text.parse().unwrap()
    }

    fn around(kind: PeriodView, text: &str) -> Period {
        Period::around(kind, day(text), Some((day("2025-11-20"), day("2026-06-18"))), day("2026-06-18"))
    }

    fn spans(period: &Period) -> (String, String, usize) {
        (period.days.start.to_string(), period.days.end.to_string(), period.steps().count())
    }

    fn span(from: &str, to: &str, steps: usize) -> (String, String, usize) {
        (from.to_owned(), to.to_owned(), steps)
    }

    #[test]
    fn periods_are_whole_and_half_open() {
        let of = |kind| spans(&around(kind, "2026-03-29"));
        assert_eq!(of(PeriodView::Day), span("2026-03-29", "2026-03-30", 1));
        assert_eq!(of(PeriodView::Week), span("2026-03-23", "2026-03-30", 7));
        assert_eq!(of(PeriodView::Month), span("2026-03-01", "2026-04-01", 31));
        assert_eq!(of(PeriodView::Year), span("2026-01-01", "2027-01-01", 12));
        assert_eq!(of(PeriodView::All), span("2025-11-01", "2026-07-01", 8));
    }

    #[test]
    fn all_of_many_years_is_shown_by_years() {
        let known = Some((day("2022-05-01"), day("2026-06-17")));
        let all = Period::around(PeriodView::All, day("2026-06-18"), known, day("2026-06-18"));
        assert_eq!((all.step, spans(&all)), (StepView::Year, span("2022-01-01", "2027-01-01", 5)));
    }

    #[test]
    fn paging_stops_where_nothing_is_known_and_goes_there_and_back() {
        let june = around(PeriodView::Month, "2026-06-18");
        assert_eq!(june.next(day("2026-06-18")), None);
        let may = around(PeriodView::Month, &june.previous(Some(day("2025-11-20"))).unwrap().to_string());
        assert_eq!(may.days.end, june.days.start);
        assert_eq!(may.next(day("2026-06-18")), Some(june.days.start));
        let first = around(PeriodView::Month, "2025-11-30");
        assert_eq!(first.previous(Some(day("2025-11-20"))), None);
        assert_eq!(first.previous(None), None);
    }

    #[test]
    fn each_day_belongs_to_the_step_that_holds_it() {
        for kind in [PeriodView::Week, PeriodView::Month, PeriodView::Year, PeriodView::All] {
            let period = around(kind, "2026-03-29");
            for (index, step) in period.steps().enumerate() {
                assert_eq!(period.step_of(step.start), index);
                assert_eq!(period.step_of(step.end.previous()), index);
            }
        }
    }

    #[test]
    fn a_day_beyond_all_calendars_is_refused() {
        assert!(readable_day("2026-06-18").is_ok());
        for text in ["", "today", "2026-06-31", "-262143-01-01", "+262142-12-31", "0001-01-01"] {
            assert_eq!(readable_day(text).unwrap_err().code, "bad_date", "{text}");
        }
    }
}
