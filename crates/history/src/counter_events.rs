//! What a counter's readings meant where they did not simply rise.

use std::ops::Range;

use rusqlite::{Row, named_params};
use units::{Energy, MeterId, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row::{self, worded};
use crate::samples::{number_for, number_of};
use crate::writer::Durability;

worded!(
    /// Which of a meter's counters.
    Register { Import = "import", Export = "export" }
);

/// A resolution of the counter: a glitch, a dip, a reset, a wrap, a new meter, a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterEvent {
    pub at: Timestamp,
    pub register: Register,
    /// The word of its kind, as the metering crate names it.
    pub kind: String,
    pub before: Option<Energy>,
    pub after: Option<Energy>,
}

impl History {
    /// Records what a counter did, durably. The same event twice is one event.
    pub fn record_counter_events(
        &self,
        meter: &MeterId,
        events: &[CounterEvent],
    ) -> Result<(), HistoryError> {
        let (meter, events) = (meter.clone(), events.to_vec());
        self.write("recording events of a meter in", Durability::OnDisk, move |connection| {
            let number = number_for(connection, &meter)?;
            let mut insert = connection.prepare_cached(
                "insert into counter_events
                    (meter, at_ms, register, kind, before_milliwatt_hours, after_milliwatt_hours)
                 values (:meter, :at, :register, :kind, :before, :after) on conflict do nothing",
            )?;
            for event in &events {
                insert.execute(named_params! {
                    ":meter": number,
                    ":at": event.at.millis(),
                    ":register": event.register.word(),
                    ":kind": event.kind,
                    ":before": event.before.map(Energy::milliwatt_hours),
                    ":after": event.after.map(Energy::milliwatt_hours),
                })?;
            }
            Ok(())
        })
    }

    /// Returns the events of a meter in a time, half-open, oldest first.
    pub fn counter_events(
        &self,
        meter: &MeterId,
        during: Range<Timestamp>,
    ) -> Result<Vec<CounterEvent>, HistoryError> {
        self.read("reading events of a meter from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(Vec::new()) };
            let mut query = connection.prepare_cached(
                "select * from counter_events where meter = ?1 and at_ms >= ?2 and at_ms < ?3
                 order by at_ms, id",
            )?;
            let rows = query.query_map((number, during.start.millis(), during.end.millis()), event)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn event(row: &Row) -> rusqlite::Result<CounterEvent> {
    Ok(CounterEvent {
        at: row::time(row, "at_ms")?,
        register: row::word(row, "register", Register::from_word)?,
        kind: row.get("kind")?,
        before: row::optional_energy(row, "before_milliwatt_hours")?,
        after: row::optional_energy(row, "after_milliwatt_hours")?,
    })
}
