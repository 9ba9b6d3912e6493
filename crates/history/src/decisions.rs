//! What the rules said about each slot, and why.

use std::ops::Range;

use market::Side;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{Price, Slot, Timestamp, WattHours};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row::{self, worded};
use crate::writer::Durability;

worded!(
    /// What was decided.
    Verdict {
        /// Surplus is offered.
        Offer = "offer",
        /// Energy is sought.
        Bid = "bid",
        Nothing = "none",
    }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub slot: Slot,
    pub side: Side,
    pub decided_at: Timestamp,
    pub verdict: Verdict,
    /// The name of the rule that spoke.
    pub rule: Option<String>,
    pub quantity: Option<WattHours>,
    pub limit: Option<Price>,
    /// The reasons with their numbers, as JSON.
    pub reasons_json: String,
}

impl Decision {
    /// Tells whether another decision comes to the same, whatever its reasons' numbers.
    fn comes_to(&self, other: &Self) -> bool {
        (self.verdict, &self.rule, self.quantity, self.limit)
            == (other.verdict, &other.rule, other.quantity, other.limit)
    }
}

impl History {
    /// Records decisions. One that comes to the same as the last of its slot and side is left out, so
    /// that deciding every minute does not write every minute.
    pub fn record_decisions(&self, decisions: &[Decision]) -> Result<(), HistoryError> {
        let decisions = decisions.to_vec();
        self.write("recording decisions in", Durability::InFile, move |connection| {
            for decision in &decisions {
                let before = last_of(connection, decision.slot, decision.side)?;
                if !before.is_some_and(|before| before.comes_to(decision)) {
                    put(connection, decision)?;
                }
            }
            Ok(())
        })
    }

    /// Returns the decision in force of each slot and side in a range, half-open, by slot.
    pub fn decisions(&self, range: Range<Slot>) -> Result<Vec<Decision>, HistoryError> {
        // SQLite takes the other columns from the row of the maximum.
        self.select_decisions(
            "select *, max(decided_at_ms) from decisions where slot_index >= ?1 and slot_index < ?2
             group by slot_index, side order by slot_index, side",
            range,
        )
    }

    /// Returns every decision about a slot, oldest first: how it came to be.
    pub fn decisions_about(&self, slot: Slot) -> Result<Vec<Decision>, HistoryError> {
        self.select_decisions(
            "select * from decisions where slot_index >= ?1 and slot_index < ?2
             order by decided_at_ms, side",
            slot..slot.next(),
        )
    }

    fn select_decisions(&self, sql: &str, range: Range<Slot>) -> Result<Vec<Decision>, HistoryError> {
        self.read("reading decisions from", |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map((range.start.index(), range.end.index()), decision)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn last_of(connection: &Connection, slot: Slot, side: Side) -> rusqlite::Result<Option<Decision>> {
    connection
        .prepare_cached(
            "select * from decisions where slot_index = ?1 and side = ?2
             order by decided_at_ms desc limit 1",
        )?
        .query_row((slot.index(), row::side_word(side)), decision)
        .optional()
}

fn put(connection: &Connection, decision: &Decision) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert or replace into decisions
             values (:slot, :side, :at, :verdict, :rule, :quantity, :limit, :reasons)",
        )?
        .execute(named_params! {
            ":slot": decision.slot.index(),
            ":side": row::side_word(decision.side),
            ":at": decision.decided_at.millis(),
            ":verdict": decision.verdict.word(),
            ":rule": decision.rule,
            ":quantity": decision.quantity.map(WattHours::get),
            ":limit": decision.limit.map(Price::micros_per_kwh),
            ":reasons": decision.reasons_json,
        })?;
    Ok(())
}

fn decision(row: &Row) -> rusqlite::Result<Decision> {
    Ok(Decision {
        slot: row::slot(row)?,
        side: row::side(row)?,
        decided_at: row::time(row, "decided_at_ms")?,
        verdict: row::word(row, "verdict", Verdict::from_word)?,
        rule: row.get("rule")?,
        quantity: row.get::<_, Option<i64>>("quantity_wh")?.map(WattHours::new),
        limit: row::optional_price(row, "limit_price_micros_per_kwh")?,
        reasons_json: row.get("reasons_json")?,
    })
}
