//! Samples of meters: buffered in memory, committed every few minutes, readable at once.

use std::collections::BTreeMap;
use std::ops::Range;

use metering::{Flag, Sample};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use units::{Current, Energy, Frequency, MeterId, Power, Timestamp, Voltage};

use crate::error::HistoryError;
use crate::handle::History;
use crate::keys::key;
use crate::row;
use crate::writer::Durability;

/// The phases that a row has columns for.
const PHASES: usize = 3;

impl History {
    /// Records a sample; see [`Self::record_samples`].
    pub fn record_sample(
        &self,
        meter: &MeterId,
        sample: &Sample,
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        self.record_samples(meter, std::slice::from_ref(sample), now)
    }

    /// Records samples. They are readable at once and committed some minutes of the caller's time after the
    /// first that waits, or with the next durable write.
    ///
    /// A second sample of the same meter and millisecond is ignored. Where the commit fails the samples
    /// stay in memory and the next call tries again.
    pub fn record_samples(
        &self,
        meter: &MeterId,
        samples: &[Sample],
        now: Timestamp,
    ) -> Result<(), HistoryError> {
        if !self.is_writable() {
            return Err(HistoryError::OpenedForReading);
        }
        for sample in samples {
            check_phases(sample)?;
        }
        if self.pending().push(meter, samples, now) {
            // The writer commits what waits with whatever it is asked to do.
            self.write("recording samples in", Durability::InFile, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Returns the newest sample of a meter.
    pub fn latest_sample(&self, meter: &MeterId) -> Result<Option<Sample>, HistoryError> {
        // What waits is looked at first: what is committed meanwhile is then seen at least once.
        let waiting = self.pending().of(meter).into_iter().max_by_key(|sample| sample.at);
        let stored = self.read("reading the latest sample from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(None) };
            let sql = format!("{SELECT} where meter = :meter order by key desc limit 1");
            let mut query = connection.prepare_cached(&sql)?;
            let sample = query.query_row(named_params! { ":meter": number }, sample).optional()?;
            sample.map(|sample| with_marks(connection, number, vec![sample])).transpose()
        })?;
        let stored = stored.and_then(|mut samples| samples.pop());
        Ok(waiting.into_iter().chain(stored).max_by_key(|sample| sample.at))
    }

    /// Returns the samples of a meter in a time, half-open, oldest first.
    pub fn samples(&self, meter: &MeterId, during: Range<Timestamp>) -> Result<Vec<Sample>, HistoryError> {
        let waiting = self.pending().of(meter);
        let stored = self.read("reading samples from", |connection| {
            let Some(number) = number_of(connection, meter)? else { return Ok(Vec::new()) };
            let sql = format!("{SELECT} where meter = :meter and key >= :from and key < :to order by key");
            let mut query = connection.prepare_cached(&sql)?;
            let range = named_params! {
                ":meter": number, ":from": key(during.start.millis(), 0), ":to": key(during.end.millis(), 0),
            };
            let samples = query.query_map(range, sample)?.collect::<rusqlite::Result<Vec<_>>>()?;
            with_marks(connection, number, samples)
        })?;
        let waiting = waiting.into_iter().filter(|sample| during.contains(&sample.at));
        let by_time: BTreeMap<_, _> = waiting.chain(stored).map(|sample| (sample.at, sample)).collect();
        Ok(by_time.into_values().collect())
    }

    /// Deletes samples before a time, at most `limit` of them; returns how many went.
    ///
    /// Slots keep their energy and registers; only the raw curve goes. In pieces, so that other writers
    /// get their turn.
    pub fn forget_samples_before(&self, time: Timestamp, limit: u32) -> Result<usize, HistoryError> {
        self.write("thinning samples of", Durability::InFile, move |connection| {
            let deleted = connection.execute(
                "delete from samples where key in
                    (select key from samples where key < ?1 order by key limit ?2)",
                (key(time.millis(), 0), limit),
            )?;
            Ok(deleted)
        })
    }
}

const SELECT: &str = "select * from samples";

/// Inserts a sample, and a mark where its serial number or flags are new.
pub fn insert(connection: &Connection, meter: &MeterId, sample: &Sample) -> rusqlite::Result<()> {
    let number = number_for(connection, meter)?;
    let (power, voltage, current) = (
        phases(sample.phase_power.as_deref(), Power::milliwatts),
        phases(sample.voltage.as_deref(), Voltage::millivolts),
        phases(sample.current.as_deref(), Current::milliamperes),
    );
    let inserted = connection
        .prepare_cached(
            "insert into samples values (:key, :power, :import, :export, :p1, :p2, :p3,
                :v1, :v2, :v3, :c1, :c2, :c3, :frequency)
             on conflict do nothing",
        )?
        .execute(named_params! {
            ":key": key(sample.at.millis(), number),
            ":power": sample.power.map(Power::milliwatts),
            ":import": sample.import.map(Energy::milliwatt_hours),
            ":export": sample.export.map(Energy::milliwatt_hours),
            ":p1": power[0], ":p2": power[1], ":p3": power[2],
            ":v1": voltage[0], ":v2": voltage[1], ":v3": voltage[2],
            ":c1": current[0], ":c2": current[1], ":c3": current[2],
            ":frequency": sample.frequency.map(Frequency::millihertz),
        })?;
    if inserted == 1 { mark(connection, number, sample) } else { Ok(()) }
}

/// Returns the number of a meter that has one.
pub fn number_of(connection: &Connection, meter: &MeterId) -> rusqlite::Result<Option<i64>> {
    let mut query = connection.prepare_cached("select number from meters where id = ?1")?;
    query.query_row([meter.as_str()], |row| row.get(0)).optional()
}

/// Returns the number of a meter, giving it one where it is new.
pub fn number_for(connection: &Connection, meter: &MeterId) -> rusqlite::Result<i64> {
    if let Some(number) = number_of(connection, meter)? {
        return Ok(number);
    }
    connection.execute("insert into meters (id) values (?1)", [meter.as_str()])?;
    Ok(connection.last_insert_rowid())
}

fn check_phases(sample: &Sample) -> Result<(), HistoryError> {
    let most = [
        sample.phase_power.as_ref().map_or(0, Vec::len),
        sample.voltage.as_ref().map_or(0, Vec::len),
        sample.current.as_ref().map_or(0, Vec::len),
    ];
    match most.into_iter().max() {
        Some(phases) if phases > PHASES => Err(HistoryError::TooManyPhases(phases)),
        _ => Ok(()),
    }
}

fn phases<T: Copy>(values: Option<&[T]>, get: fn(T) -> i64) -> [Option<i64>; PHASES] {
    let value = |phase: usize| values.and_then(|values| values.get(phase)).map(|value| get(*value));
    [value(0), value(1), value(2)]
}

fn sample(row: &Row) -> rusqlite::Result<Sample> {
    Ok(Sample {
        at: row::time(row, "at_ms")?,
        power: value(row, "power_milliwatts", Power::from_milliwatts)?,
        import: value(row, "import_milliwatt_hours", Energy::from_milliwatt_hours)?,
        export: value(row, "export_milliwatt_hours", Energy::from_milliwatt_hours)?,
        phase_power: list(
            row,
            ["power_l1_milliwatts", "power_l2_milliwatts", "power_l3_milliwatts"],
            Power::from_milliwatts,
        )?,
        voltage: list(
            row,
            ["voltage_l1_millivolts", "voltage_l2_millivolts", "voltage_l3_millivolts"],
            Voltage::from_millivolts,
        )?,
        current: list(
            row,
            ["current_l1_milliamperes", "current_l2_milliamperes", "current_l3_milliamperes"],
            Current::from_milliamperes,
        )?,
        frequency: value(row, "frequency_millihertz", Frequency::from_millihertz)?,
        serial: None,
        flags: Vec::new(),
    })
}

fn value<T>(row: &Row, column: &str, make: fn(i64) -> T) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(make))
}

fn list<T>(row: &Row, columns: [&str; PHASES], make: fn(i64) -> T) -> rusqlite::Result<Option<Vec<T>>> {
    let mut values = Vec::new();
    for column in columns {
        match value(row, column, make)? {
            Some(value) => values.push(value),
            None => break,
        }
    }
    Ok((!values.is_empty()).then_some(values))
}

/// What a mark says: the meter's serial number and the flags of its samples.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mark {
    serial: Option<String>,
    flags: String,
}

impl Mark {
    fn apply(&self, sample: &mut Sample) {
        sample.serial.clone_from(&self.serial);
        // A word that a newer version wrote is left out rather than failing the curve.
        sample.flags = self.flags.split(',').filter_map(Flag::from_word).collect();
    }
}

/// Writes a mark where a sample differs from the one in force.
///
/// A sample that does not tell its serial number (many read it once a connection) changes nothing
/// about it.
fn mark(connection: &Connection, meter: i64, sample: &Sample) -> rusqlite::Result<()> {
    let at = sample.at.millis();
    let in_force = mark_at(connection, meter, at)?.unwrap_or_default();
    let mut flags: Vec<_> = sample.flags.iter().map(|flag| flag.word()).collect();
    flags.sort_unstable();
    let serial = sample.serial.clone().or_else(|| in_force.serial.clone());
    let new = Mark { serial, flags: flags.join(",") };
    if new == in_force {
        return Ok(());
    }
    put_mark(connection, meter, at, &new)?;
    // A sample that came late says nothing about the samples after it.
    let after: bool = connection
        .prepare_cached("select exists (select 1 from samples where meter = ?1 and key > ?2)")?
        .query_row((meter, key(at, meter)), |row| row.get(0))?;
    if after { put_mark(connection, meter, at + 1, &in_force) } else { Ok(()) }
}

fn put_mark(connection: &Connection, meter: i64, since: i64, mark: &Mark) -> rusqlite::Result<()> {
    connection
        .prepare_cached("insert into meter_marks values (?1, ?2, ?3, ?4) on conflict do nothing")?
        .execute((meter, since, &mark.serial, &mark.flags))?;
    Ok(())
}

fn mark_at(connection: &Connection, meter: i64, at: i64) -> rusqlite::Result<Option<Mark>> {
    connection
        .prepare_cached(
            "select serial, flags from meter_marks where meter = ?1 and since_ms <= ?2
             order by since_ms desc limit 1",
        )?
        .query_row((meter, at), |row| Ok(Mark { serial: row.get(0)?, flags: row.get(1)? }))
        .optional()
}

/// Gives samples, oldest first, the serial numbers and flags that were in force.
fn with_marks(
    connection: &Connection,
    meter: i64,
    mut samples: Vec<Sample>,
) -> Result<Vec<Sample>, HistoryError> {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Ok(samples) };
    let (first, last) = (first.at.millis(), last.at.millis());
    let mut in_force = mark_at(connection, meter, first)?.unwrap_or_default();
    let mut query = connection.prepare_cached(
        "select since_ms, serial, flags from meter_marks
         where meter = ?1 and since_ms > ?2 and since_ms <= ?3 order by since_ms",
    )?;
    let changes = query
        .query_map((meter, first, last), |row| {
            Ok((row.get::<_, i64>(0)?, Mark { serial: row.get(1)?, flags: row.get(2)? }))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut changes = changes.into_iter().peekable();
    for sample in &mut samples {
        while let Some((_, mark)) = changes.next_if(|(since, _)| *since <= sample.at.millis()) {
            in_force = mark;
        }
        in_force.apply(sample);
    }
    Ok(samples)
}
