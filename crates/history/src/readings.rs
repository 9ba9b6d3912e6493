//! Readings this household reports to the exchange. Those still waiting are the outbox.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{MarketId, Slot, Timestamp, WattHours};

use crate::error::HistoryError;
use crate::handle::History;
use crate::orders::{ProblemNote, problem};
use crate::row::{self, worded};
use crate::writer::Durability;

/// The registers at the borders of a slot in whole Wh, as they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeRegisters {
    pub import_start: WattHours,
    pub import_end: WattHours,
    pub export_start: WattHours,
    pub export_end: WattHours,
}

/// A signed reading as it goes to the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingReading {
    pub market: MarketId,
    pub slot: Slot,
    /// Missing where the slot was not measured.
    pub registers: Option<WholeRegisters>,
    /// The signed reading as it travels, as JSON.
    pub signed_json: String,
    pub queued_at: Timestamp,
}

worded!(
    /// How far a reading got.
    ReadingState {
        Waiting = "waiting",
        /// Sent; no answer yet. It may have arrived.
        Sent = "sent",
        Accepted = "accepted",
        /// Came after readings closed: it changes only what the utility is owed.
        Late = "late",
        /// The exchange keeps it aside, with the reason.
        Held = "held",
        Refused = "refused",
    }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReading {
    pub reading: OutgoingReading,
    pub state: ReadingState,
    pub problem: Option<ProblemNote>,
    pub changed_at: Timestamp,
}

/// What has become known of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadingChange {
    Sent,
    Accepted,
    Late,
    Held(ProblemNote),
    Refused(ProblemNote),
}

/// What queueing a reading did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingQueued {
    New,
    /// The same registers were queued before.
    Same,
    /// Another reading waited, unsent; this one goes in its place.
    Replaced,
    /// Another reading of the slot is on its way or was answered: the exchange would hold a second one.
    Reported(ReadingState),
}

impl ReadingChange {
    const fn state(&self) -> ReadingState {
        match self {
            Self::Sent => ReadingState::Sent,
            Self::Accepted => ReadingState::Accepted,
            Self::Late => ReadingState::Late,
            Self::Held(_) => ReadingState::Held,
            Self::Refused(_) => ReadingState::Refused,
        }
    }

    const fn problem(&self) -> Option<&ProblemNote> {
        match self {
            Self::Held(note) | Self::Refused(note) => Some(note),
            Self::Sent | Self::Accepted | Self::Late => None,
        }
    }
}

impl History {
    /// Queues the reading of a slot, durably. A slot is reported once: see [`ReadingQueued`].
    pub fn queue_reading(&self, reading: &OutgoingReading) -> Result<ReadingQueued, HistoryError> {
        let reading = reading.clone();
        self.write("queueing a reading in", Durability::OnDisk, move |connection| {
            let outcome = match find(connection, &reading.market, reading.slot)? {
                None => ReadingQueued::New,
                Some(present) if present.reading.registers == reading.registers => {
                    return Ok(ReadingQueued::Same);
                }
                Some(present) if present.state == ReadingState::Waiting => ReadingQueued::Replaced,
                Some(present) => return Ok(ReadingQueued::Reported(present.state)),
            };
            put(connection, &reading)?;
            Ok(outcome)
        })
    }

    /// Returns the readings to be sent, those sent without an answer among them, oldest slot first.
    pub fn waiting_readings(&self, limit: u32) -> Result<Vec<StoredReading>, HistoryError> {
        self.read("reading the outbox of", |connection| {
            let mut query = connection.prepare_cached(
                "select * from readings where state in ('waiting', 'sent') order by slot_index limit ?1",
            )?;
            Ok(query.query_map([limit], stored)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns the readings of a range of slots, half-open, oldest first.
    pub fn readings(&self, range: Range<Slot>) -> Result<Vec<StoredReading>, HistoryError> {
        self.read("reading what was reported from", |connection| {
            let mut query = connection.prepare_cached(
                "select * from readings where slot_index >= ?1 and slot_index < ?2 order by slot_index",
            )?;
            let rows = query.query_map((range.start.index(), range.end.index()), stored)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Notes what has become known of readings of a market in one durable commit.
    ///
    /// An answer that came is not undone by noting once more that the reading was sent.
    pub fn mark_readings(
        &self,
        market: &MarketId,
        changes: Vec<(Slot, ReadingChange)>,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        let market = market.clone();
        self.write("marking readings in", Durability::OnDisk, move |connection| {
            changes.iter().try_for_each(|(slot, change)| mark(connection, &market, *slot, change, now))
        })
    }

    /// Notes what has become known of one reading; see [`Self::mark_readings`].
    pub fn mark_reading(
        &self,
        market: &MarketId,
        slot: Slot,
        change: ReadingChange,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        self.mark_readings(market, vec![(slot, change)], now)
    }
}

fn find(connection: &Connection, market: &MarketId, slot: Slot) -> rusqlite::Result<Option<StoredReading>> {
    let mut query =
        connection.prepare_cached("select * from readings where market = ?1 and slot_index = ?2")?;
    query.query_row((market.as_str(), slot.index()), stored).optional()
}

fn put(connection: &Connection, reading: &OutgoingReading) -> rusqlite::Result<()> {
    let registers =
        |get: fn(&WholeRegisters) -> WattHours| reading.registers.as_ref().map(|all| get(all).get());
    connection
        .prepare_cached(
            "insert or replace into readings values (:market, :slot, :import_start, :import_end,
                :export_start, :export_end, :json, :queued, 'waiting', null, null, :queued)",
        )?
        .execute(named_params! {
            ":market": reading.market.as_str(),
            ":slot": reading.slot.index(),
            ":import_start": registers(|all| all.import_start),
            ":import_end": registers(|all| all.import_end),
            ":export_start": registers(|all| all.export_start),
            ":export_end": registers(|all| all.export_end),
            ":json": reading.signed_json,
            ":queued": reading.queued_at.millis(),
        })?;
    Ok(())
}

fn mark(
    connection: &Connection,
    market: &MarketId,
    slot: Slot,
    change: &ReadingChange,
    now: Timestamp,
) -> Result<(), HistoryError> {
    let present = find(connection, market, slot)?.ok_or(HistoryError::UnknownReading(slot))?;
    let answered = !matches!(present.state, ReadingState::Waiting | ReadingState::Sent);
    if answered && *change == ReadingChange::Sent {
        return Ok(());
    }
    let problem = change.problem();
    connection
        .prepare_cached(
            "update readings set state = :state, problem_code = :code, problem_detail = :detail,
                changed_at_ms = :now
             where market = :market and slot_index = :slot",
        )?
        .execute(named_params! {
            ":market": market.as_str(),
            ":slot": slot.index(),
            ":state": change.state().word(),
            ":code": problem.map(|note| &note.code),
            ":detail": problem.map(|note| &note.detail),
            ":now": now.millis(),
        })?;
    Ok(())
}

fn stored(row: &Row) -> rusqlite::Result<StoredReading> {
    let register = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(WattHours::new));
    let all = (
        register("import_start_wh")?,
        register("import_end_wh")?,
        register("export_start_wh")?,
        register("export_end_wh")?,
    );
    let registers = match all {
        (Some(import_start), Some(import_end), Some(export_start), Some(export_end)) => {
            Some(WholeRegisters { import_start, import_end, export_start, export_end })
        }
        _ => None,
    };
    Ok(StoredReading {
        reading: OutgoingReading {
            market: row::parsed(row, "market")?,
            slot: row::slot(row)?,
            registers,
            signed_json: row.get("signed_json")?,
            queued_at: row::time(row, "queued_at_ms")?,
        },
        state: row::word(row, "state", ReadingState::from_word)?,
        problem: problem(row)?,
        changed_at: row::time(row, "changed_at_ms")?,
    })
}
