//! The exchange's log as this household sees it: heads, opened entries, promises, alarms.
//!
//! Entries are kept in compressed pages: they are many, and most are read once a month. They can be fetched
//! again, so they are not synced by themselves: a power cut takes at most those since the last durable write,
//! together with how far they were fetched. Alarms are durable at once.

mod pages;

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{MarketId, Slot, Timestamp};

use crate::error::HistoryError;
use crate::handle::History;
use crate::row::{self, worded};
use crate::writer::Durability;

/// How many bits of a key tell the place in the log: a log that takes a million entries a day fills it in
/// three thousand years.
const PLACE_BITS: u32 = 40;

/// A log that is or was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub id: i64,
    pub market: MarketId,
    /// The key that is trusted from the start, as C2SP writes verifier keys.
    pub log_key: String,
    /// The place after which entries were not fetched yet; missing at the start.
    pub next_index: Option<u64>,
    pub checkpoint: Option<SeenCheckpoint>,
}

/// A head of the log that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCheckpoint {
    /// The signed note as it came.
    pub note: String,
    pub size: u64,
    pub checked_at: Timestamp,
}

/// An opened entry with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub index: u64,
    pub domain: String,
    /// The slot that it is about; missing for what holds until it is changed.
    pub slot: Option<Slot>,
    pub salt: String,
    /// JSON.
    pub body: String,
    /// JSON, a list.
    pub signatures: String,
}

/// What the exchange acknowledged to have put into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPromise {
    pub index: u64,
    /// The entry's commitment, as this household computes it.
    pub commitment: String,
    /// What it was, for a person: `order`, `reading` and the id or slot.
    pub what: String,
    pub promised_at: Timestamp,
}

/// A page of entries that was checked, and what it settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    pub entries: Vec<LogEntry>,
    pub next_index: u64,
    pub checkpoint: SeenCheckpoint,
    /// The places of promises that were kept.
    pub kept: Vec<u64>,
}

worded!(
    /// How the log broke its promise.
    LogAlarmKind {
        /// The log became smaller.
        Rollback = "rollback",
        /// The log did not grow out of what was seen of it.
        Fork = "fork",
        /// What was acknowledged is not where it was said to be.
        MissingEntry = "missing_entry",
        /// The key that is trusted did not sign the log's head.
        WrongSignature = "wrong_signature",
        /// An entry came whose proof does not lead to the head.
        Unproved = "unproved",
    }
);

/// An alarm with its evidence, which is kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAlarm {
    pub id: i64,
    pub log: i64,
    pub kind: LogAlarmKind,
    pub raised_at: Timestamp,
    /// What was found, for a person.
    pub detail: String,
    pub evidence_json: String,
    /// When the owner said to go on.
    pub answered_at: Option<Timestamp>,
    /// Since when the log was verified again.
    pub over_at: Option<Timestamp>,
}

impl History {
    /// Begins to follow a market's log with the key that is trusted, durably; returns the one that is followed
    /// already where there is one.
    pub fn begin_log(&self, market: &MarketId, log_key: &str, now: Timestamp) -> Result<Log, HistoryError> {
        let (market, log_key) = (market.clone(), log_key.to_owned());
        self.write("beginning a log in", Durability::OnDisk, move |connection| {
            if let Some(present) = find(connection, &market)? {
                return Ok(present);
            }
            Ok(begun(connection, market, log_key, now)?)
        })
    }

    /// Returns the log of a market that is followed now.
    pub fn log(&self, market: &MarketId) -> Result<Option<Log>, HistoryError> {
        self.read("reading the log in", |connection| Ok(find(connection, market)?))
    }

    /// Ends a log that its exchange rewrote, and follows what the market has from its start, durably. What is
    /// known of the old one stays.
    pub fn begin_log_anew(&self, log: &Log, now: Timestamp) -> Result<Log, HistoryError> {
        let log = log.clone();
        self.write("beginning a log anew in", Durability::OnDisk, move |connection| {
            let ended = "update logs set ended_at_ms = ?2 where id = ?1";
            connection.execute(ended, (log.id, now.millis()))?;
            Ok(begun(connection, log.market, log.log_key, now)?)
        })
    }

    /// Records a page that was checked. Entries that came before are passed over.
    pub fn record_log_page(&self, log: i64, page: LogPage) -> Result<(), HistoryError> {
        self.write("recording entries of the log in", Durability::InFile, move |connection| {
            let known: Option<u64> = connection.query_row(
                "select max(last_index) from log_pages where log = ?1",
                [log],
                |row| Ok(row.get::<_, Option<i64>>(0)?.map(|index| index as u64)),
            )?;
            let fresh = page.entries.iter().filter(|entry| known.is_none_or(|known| entry.index > known));
            pages::put(connection, log, &fresh.collect::<Vec<_>>())?;
            let mut kept = connection.prepare_cached("delete from log_promises where id = ?1")?;
            for index in &page.kept {
                kept.execute([key(log, *index)])?;
            }
            reach(connection, log, Some(page.next_index), &page.checkpoint)
        })
    }

    /// Records a newer head of a log that was checked, without new entries.
    pub fn record_checkpoint(&self, log: i64, checkpoint: SeenCheckpoint) -> Result<(), HistoryError> {
        self.write("recording the log's head in", Durability::InFile, move |connection| {
            reach(connection, log, None, &checkpoint)
        })
    }

    /// Returns entries of a log that are about slots of a range, half-open, in the log's order.
    pub fn log_entries(&self, log: i64, slots: Range<Slot>) -> Result<Vec<LogEntry>, HistoryError> {
        let inside = |entry: &LogEntry| entry.slot.is_some_and(|slot| slots.contains(&slot));
        self.select_entries(
            "select entries_gz from log_pages where log = ?1 and last_slot >= ?2 and first_slot < ?3 order by id",
            (log, slots.start.index(), slots.end.index()),
            inside,
        )
    }

    /// Returns entries of a log that hold until they are changed, in the log's order: configurations, keys,
    /// contracts, deals.
    pub fn lasting_log_entries(&self, log: i64) -> Result<Vec<LogEntry>, HistoryError> {
        self.select_entries(
            "select entries_gz from log_pages where log = ?1 and lasting = 1 order by id",
            [log],
            |entry| entry.slot.is_none(),
        )
    }

    /// Returns entries about slots before one, from a place in the log on.
    pub fn log_entries_since(
        &self,
        log: i64,
        index: u64,
        before: Slot,
    ) -> Result<Vec<LogEntry>, HistoryError> {
        self.select_entries(
            "select entries_gz from log_pages where log = ?1 and last_index >= ?2 and first_slot < ?3 order by id",
            (log, index as i64, before.index()),
            |entry| entry.index >= index && entry.slot.is_some_and(|slot| slot < before),
        )
    }

    fn select_entries(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        wanted: impl Fn(&LogEntry) -> bool,
    ) -> Result<Vec<LogEntry>, HistoryError> {
        self.read("reading entries of the log from", |connection| {
            let mut query = connection.prepare_cached(sql)?;
            let mut rows = query.query(parameters)?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.extend(pages::unpack(row.get_ref(0)?.as_blob().unwrap_or_default())?);
            }
            entries.retain(wanted);
            Ok(entries)
        })
    }

    /// Notes what the exchange acknowledged, until it is found in the log.
    pub fn record_log_promises(&self, log: i64, promises: Vec<LogPromise>) -> Result<(), HistoryError> {
        self.write("noting what was promised in", Durability::InFile, move |connection| {
            let mut insert =
                connection.prepare_cached("insert or ignore into log_promises values (?1, ?2, ?3, ?4)")?;
            for LogPromise { index, commitment, what, promised_at } in &promises {
                insert.execute((key(log, *index), commitment, what, promised_at.millis()))?;
            }
            Ok(())
        })
    }

    /// Returns what was promised below a place in the log and was not found yet.
    pub fn log_promises_before(&self, log: i64, index: u64) -> Result<Vec<LogPromise>, HistoryError> {
        self.read("reading what was promised from", |connection| {
            let mut query = connection
                .prepare_cached("select * from log_promises where id >= ?1 and id < ?2 order by id")?;
            let rows = query.query_map((key(log, 0), key(log, index)), |row| {
                Ok(LogPromise {
                    index: place(row)?,
                    commitment: row.get("commitment")?,
                    what: row.get("what")?,
                    promised_at: row::time(row, "promised_at_ms")?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns one entry of a log by its place.
    pub fn log_entry(&self, log: i64, index: u64) -> Result<Option<LogEntry>, HistoryError> {
        let found = self.select_entries(
            "select entries_gz from log_pages where log = ?1 and first_index <= ?2 and last_index >= ?2",
            (log, index as i64),
            |entry| entry.index == index,
        )?;
        Ok(found.into_iter().next())
    }

    /// Returns the newest alarm of any log that is not over, without its evidence.
    pub fn standing_log_alarm(&self) -> Result<Option<LogAlarm>, HistoryError> {
        self.read("reading alarms from", |connection| {
            let mut query = connection.prepare_cached(
                "select id, log, kind, raised_at_ms, detail, '' as evidence_json, answered_at_ms, over_at_ms
                 from log_alarms where over_at_ms is null order by answered_at_ms is not null, id desc limit 1",
            )?;
            Ok(query.query_row([], alarm).optional()?)
        })
    }

    /// Forgets promises that were kept, or that an alarm now speaks of.
    pub fn drop_log_promises(&self, log: i64, indexes: Vec<u64>) -> Result<(), HistoryError> {
        self.write("forgetting what was promised in", Durability::InFile, move |connection| {
            let mut delete = connection.prepare_cached("delete from log_promises where id = ?1")?;
            indexes.iter().try_for_each(|index| delete.execute([key(log, *index)]).map(drop))?;
            Ok(())
        })
    }

    /// Keeps an alarm with its evidence, durably. While one of the same kind is not over, it is not told again;
    /// returns whether it is news.
    pub fn raise_log_alarm(
        &self,
        log: i64,
        kind: LogAlarmKind,
        detail: &str,
        evidence_json: &str,
        now: Timestamp,
    ) -> Result<bool, HistoryError> {
        let (detail, evidence) = (detail.to_owned(), evidence_json.to_owned());
        self.write("keeping an alarm in", Durability::OnDisk, move |connection| {
            let known = connection
                .prepare("select 1 from log_alarms where log = ?1 and kind = ?2 and over_at_ms is null")?
                .exists((log, kind.word()))?;
            // What is missing differs from alarm to alarm; the other kinds last until they are mended.
            if known && kind != LogAlarmKind::MissingEntry {
                return Ok(false);
            }
            connection.execute(
                "insert into log_alarms values (null, :log, :kind, :now, :detail, :evidence, null, null)",
                named_params! {
                    ":log": log,
                    ":kind": kind.word(),
                    ":now": now.millis(),
                    ":detail": detail,
                    ":evidence": evidence,
                },
            )?;
            Ok(true)
        })
    }

    /// Returns all alarms, the newest first.
    pub fn log_alarms(&self) -> Result<Vec<LogAlarm>, HistoryError> {
        self.read("reading alarms from", |connection| {
            let mut query = connection.prepare_cached("select * from log_alarms order by id desc")?;
            Ok(query.query_map([], alarm)?.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Notes that the owner has seen all alarms and wants to go on, durably.
    pub fn answer_log_alarms(&self, now: Timestamp) -> Result<(), HistoryError> {
        self.write("answering alarms in", Durability::OnDisk, move |connection| {
            let sql = "update log_alarms set answered_at_ms = ?1 where answered_at_ms is null";
            connection.execute(sql, [now.millis()])?;
            Ok(())
        })
    }

    /// Notes that a log was verified again, for the alarms that the owner has answered.
    pub fn end_log_alarms(&self, now: Timestamp) -> Result<(), HistoryError> {
        self.write("ending alarms in", Durability::OnDisk, move |connection| {
            connection.execute(
                "update log_alarms set over_at_ms = ?1
                 where over_at_ms is null and answered_at_ms is not null",
                [now.millis()],
            )?;
            Ok(())
        })
    }
}

/// Makes the log of a market that is followed from now on.
fn begun(
    connection: &Connection,
    market: MarketId,
    log_key: String,
    now: Timestamp,
) -> rusqlite::Result<Log> {
    connection.execute(
        "insert into logs (market, log_key, begun_at_ms) values (?1, ?2, ?3)",
        (market.as_str(), &log_key, now.millis()),
    )?;
    let id = connection.last_insert_rowid();
    Ok(Log { id, market, log_key, next_index: None, checkpoint: None })
}

fn key(log: i64, index: u64) -> i64 {
    let most = (1 << PLACE_BITS) - 1;
    (log << PLACE_BITS) | i64::try_from(index).unwrap_or(most).min(most)
}

fn place(row: &Row) -> rusqlite::Result<u64> {
    Ok((row.get::<_, i64>("id")? & ((1 << PLACE_BITS) - 1)) as u64)
}

fn find(connection: &Connection, market: &MarketId) -> rusqlite::Result<Option<Log>> {
    let mut query =
        connection.prepare_cached("select * from logs where market = ?1 and ended_at_ms is null")?;
    query.query_row([market.as_str()], log).optional()
}

/// Notes the newest head, which never becomes an older one.
fn reach(
    connection: &Connection,
    log: i64,
    next: Option<u64>,
    checkpoint: &SeenCheckpoint,
) -> Result<(), HistoryError> {
    let sizes = (next.map(|next| next as i64), checkpoint.size as i64);
    connection
        .prepare_cached(
            "update logs set next_index = max(coalesce(?2, next_index), coalesce(next_index, ?2)),
                checkpoint = ?3, checkpoint_size = ?4, checked_at_ms = ?5
             where id = ?1 and coalesce(checkpoint_size, 0) <= ?4",
        )?
        .execute((log, sizes.0, &checkpoint.note, sizes.1, checkpoint.checked_at.millis()))?;
    Ok(())
}

fn log(row: &Row) -> rusqlite::Result<Log> {
    let checkpoint = match row.get::<_, Option<String>>("checkpoint")? {
        Some(note) => Some(SeenCheckpoint {
            note,
            size: row.get::<_, i64>("checkpoint_size")? as u64,
            checked_at: row::time(row, "checked_at_ms")?,
        }),
        None => None,
    };
    Ok(Log {
        id: row.get("id")?,
        market: row::parsed(row, "market")?,
        log_key: row.get("log_key")?,
        next_index: row.get::<_, Option<i64>>("next_index")?.map(|index| index as u64),
        checkpoint,
    })
}

fn alarm(row: &Row) -> rusqlite::Result<LogAlarm> {
    Ok(LogAlarm {
        id: row.get("id")?,
        log: row.get("log")?,
        kind: row::word(row, "kind", LogAlarmKind::from_word)?,
        raised_at: row::time(row, "raised_at_ms")?,
        detail: row.get("detail")?,
        evidence_json: row.get("evidence_json")?,
        answered_at: row::optional_time(row, "answered_at_ms")?,
        over_at: row::optional_time(row, "over_at_ms")?,
    })
}
