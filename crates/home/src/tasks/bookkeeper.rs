//! Keeps the books of the meters: samples into the history, registers into slots, slots into readings.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use exchange_api::{Reading, Registers, Signed, new_salt};
use history::{HistoryError, OutgoingReading, WholeRegisters};
use metering::{
    CounterEventKind, IntervalEvent, Quality, Quantity, Sample, SlotEnergy, SlotMeter, SlotSettings,
};
use tokio::sync::mpsc;
use units::{Energy, LocalDay, MeterId, Power, Slot, Timestamp, WattHours};

use crate::config::Role;
use crate::convert;
use crate::house::{House, ViewName};
use crate::meters::{BookChange, ToldToBooks, replaced_edit};
use crate::series::Series;

/// How often the bookkeeper looks whether a slot ended that no sample completes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How far back stored samples are read at a start, for meters that were read until then.
const REACH_BACK: Duration = Duration::from_secs(4 * 900);

/// Runs until the readers are gone, so that no sample is lost at the end.
pub async fn run(house: Arc<House>, mut heard: mpsc::Receiver<ToldToBooks>) {
    let mut books = match house.blocking(Books::open).await {
        Ok(books) => books,
        Err(error) => {
            tracing::error!(%error, "the books of the meters cannot be opened; nothing is recorded");
            return;
        }
    };
    loop {
        let event = tokio::time::timeout(LOOK_EVERY, heard.recv()).await;
        let mut batch = match event {
            Ok(Some(first)) => vec![first],
            Ok(None) => break,
            Err(_) => Vec::new(),
        };
        while let Ok(next) = heard.try_recv() {
            batch.push(next);
        }
        // The books move to the thread that may block and come back.
        books = house
            .blocking(move |house| {
                for told in batch {
                    match told {
                        ToldToBooks::Sample(role, sample) => books.take(house, role, &sample),
                        ToldToBooks::Change(change, answer) => {
                            // Who asked may have given up, as when a window is closed.
                            let _ = answer.send(books.apply(house, change));
                        }
                    }
                }
                books.look(house);
                books
            })
            .await;
    }
}

pub(crate) struct Books {
    meters: HashMap<Role, Meter>,
    /// How long after its end a slot may still be completed by a sample.
    patience: Duration,
}

struct Meter {
    id: MeterId,
    slots: SlotMeter,
}

impl Books {
    pub(crate) fn open(house: &House) -> Result<Self, HistoryError> {
        let rules = house.market_rules();
        let border_gap = Duration::from_secs(rules.map_or(30, |rules| rules.border_gap_s).into());
        let close = Duration::from_secs(rules.map_or(3600, |rules| rules.readings_close_s).into());
        let mut books = Self { meters: HashMap::new(), patience: (border_gap * 2).max(close / 2) };
        let profiles = house.profiles();
        for meter in &house.config().meters {
            let stored = stored_samples(house, &meter.id)?;
            let counter = stored.last().and_then(|sample| sample.import).unwrap_or(Energy::ZERO);
            // A profile that the owner took away is not read, but what was read is booked.
            let profile = profiles.of(meter);
            let step = profile.map_or(Energy::ZERO, |profile| profile.resolution(counter));
            let mut settings = SlotSettings::new(house.config().fuse(), step.max(FINEST));
            settings.wraps_at = profile.and_then(|profile| profile.wraps_at());
            settings.max_border_gap = border_gap;
            let from = resume_from(house, &meter.id, &stored)?;
            let replaced = replaced(house, &meter.id, &stored)?;
            let (slots, events) = SlotMeter::resume_over(settings, from, &stored, &replaced);
            books.meters.insert(meter.role, Meter { id: meter.id.clone(), slots });
            books.record(house, meter.role, events);
        }
        Ok(books)
    }

    fn take(&mut self, house: &House, role: Role, sample: &Sample) {
        let Some(meter) = self.meters.get_mut(&role) else { return };
        let events = meter.slots.push(sample);
        let sample = metering::accepted(sample, &events);
        if let Err(error) = house.history.record_sample(&meter.id, &sample, house.now()) {
            tracing::error!(%error, meter = %meter.id, "a sample could not be recorded");
        }
        let was_starting = house.live().last(role).is_none();
        house.live().heard(role, &sample);
        house.changed(ViewName::Now);
        house.changed(ViewName::Meters);
        if was_starting {
            house.changed(ViewName::Frame);
            house.wake.trader.notify_one();
        }
        self.record(house, role, events);
    }

    /// Takes in what changes the books beside samples.
    pub(crate) fn apply(&mut self, house: &House, change: BookChange) -> Result<(), HistoryError> {
        match change {
            BookChange::Reopen { fresh } => {
                house.history.flush()?;
                *self = Self::open(house)?;
                let config = house.config();
                house.live().meters.retain(|role, _| config.has(*role) && !fresh.contains(role));
                for role in fresh {
                    if let Some(meter) = self.meters.get_mut(&role) {
                        meter.slots.expect_another();
                    }
                }
                Ok(())
            }
            BookChange::Replaced { role, at, old, new, serial } => {
                self.replace(house, role, at, old, new, serial)
            }
            BookChange::Turned { role } => {
                let Some(meter) = self.meters.get_mut(&role) else { return Ok(()) };
                let Some(last) = house.history.latest_sample(&meter.id)? else { return Ok(()) };
                let first = Sample { at: last.at + Duration::from_millis(1), ..turned(&last) };
                meter.slots.expect_another();
                self.take(house, role, &first);
                Ok(())
            }
        }
    }

    /// Books the old meter up to its end and begins with the new one's start, where a person has read them.
    fn replace(
        &mut self,
        house: &House,
        role: Role,
        at: Timestamp,
        old: (Option<Energy>, Option<Energy>),
        new: (Option<Energy>, Option<Energy>),
        serial: Option<String>,
    ) -> Result<(), HistoryError> {
        let Some(id) = self.meters.get(&role).map(|meter| meter.id.clone()) else { return Ok(()) };
        let last = house.history.latest_sample(&id)?.unwrap_or_default();
        let end = at.max(last.at + Duration::from_millis(1));
        if old.0.is_some() || old.1.is_some() {
            let told = |told: Option<Energy>, known: Option<Energy>| match (told, known) {
                // A display without decimals is behind the register.
                (Some(told), Some(known)) => Some(told.max(known)),
                (told, known) => told.or(known),
            };
            let sample = Sample {
                at: end,
                import: told(old.0, last.import),
                export: told(old.1, last.export),
                serial: last.serial.clone(),
                ..Sample::default()
            };
            self.take(house, role, &sample);
        }
        if let Some(meter) = self.meters.get_mut(&role) {
            meter.slots.expect_another();
        }
        let start = end + Duration::from_millis(1);
        if new.0.is_some() || new.1.is_some() {
            let sample = Sample {
                at: start,
                import: new.0,
                export: new.1,
                serial: serial.clone(),
                ..Sample::default()
            };
            self.take(house, role, &sample);
        }
        house.history.edit_meter(&id, &replaced_edit(start, serial), &[], house.now()).map(drop)
    }

    /// Gives up waiting for samples of slots that ended long ago.
    fn look(&mut self, house: &House) {
        let until = house.now() - self.patience;
        let roles: Vec<Role> = self.meters.keys().copied().collect();
        for role in roles {
            let events =
                self.meters.get_mut(&role).map(|meter| meter.slots.flush_until(until)).unwrap_or_default();
            self.record(house, role, events);
        }
    }

    fn record(&self, house: &House, role: Role, events: Vec<IntervalEvent>) {
        let Some(meter) = self.meters.get(&role) else { return };
        for event in events {
            let recorded = match event {
                IntervalEvent::Slot(energy) => record_slot(house, role, &meter.id, &energy),
                IntervalEvent::Counter { quantity, event } => {
                    tracing::info!(meter = %meter.id, ?quantity, kind = event.kind.word(), "the counter did not simply rise");
                    let events: Vec<_> = convert::counter_event(quantity, &event).into_iter().collect();
                    house
                        .history
                        .record_counter_events(&meter.id, &events)
                        .and_then(|()| go_on(house, &meter.id, quantity, &event))
                }
                IntervalEvent::Rejected { at, quantity, reason, .. } => {
                    tracing::warn!(meter = %meter.id, %at, ?quantity, ?reason, "a value was refused");
                    Ok(())
                }
                IntervalEvent::Gap { from, to } => {
                    tracing::info!(meter = %meter.id, %from, %to, "no sample for a while");
                    Ok(())
                }
            };
            if let Err(error) = recorded {
                tracing::error!(%error, meter = %meter.id, "the books of the meter could not be written");
            }
        }
    }
}

/// The finest step that counters are judged by: two instants of one reading differ by as much.
const FINEST: Energy = Energy::from_watt_hours(1);

/// Returns when other registers began among stored samples, as the books have it.
fn replaced(house: &House, meter: &MeterId, stored: &[Sample]) -> Result<Vec<Timestamp>, HistoryError> {
    let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(Vec::new()) };
    let events = house.history.counter_events(meter, first.at..last.at + Duration::from_millis(1))?;
    let is_new = |event: &&history::CounterEvent| event.kind == CounterEventKind::Replaced.word();
    Ok(events.iter().filter(is_new).map(|event| event.at).collect())
}

/// Turns a sample as a meter would tell it that looks the other way.
fn turned(sample: &Sample) -> Sample {
    let negated = |power: Power| Power::from_milliwatts(-power.milliwatts());
    Sample {
        power: sample.power.map(negated),
        import: sample.export,
        export: sample.import,
        phase_power: sample.phase_power.as_ref().map(|phases| phases.iter().copied().map(negated).collect()),
        current: None,
        ..sample.clone()
    }
}

/// Reads the samples from which the running slot goes on after a restart.
fn stored_samples(house: &House, meter: &MeterId) -> Result<Vec<Sample>, HistoryError> {
    let Some(last) = house.history.latest_sample(meter)? else { return Ok(Vec::new()) };
    let from = Slot::containing(last.at).start() - REACH_BACK;
    house.history.samples(meter, from..last.at + Duration::from_millis(1))
}

/// Returns the start of the first slot that is not yet in the books for good.
fn resume_from(house: &House, meter: &MeterId, stored: &[Sample]) -> Result<Timestamp, HistoryError> {
    let Some(last) = stored.last() else { return Ok(house.now()) };
    let running = Slot::containing(last.at);
    let known = house.history.slots(meter, running.offset(-4)..running.next())?;
    let settled =
        known.iter().rev().find(|slot| matches!(slot.energy.quality, Quality::Measured | Quality::Recovered));
    Ok(settled.map_or(running.offset(-4).start(), |slot| slot.slot.end()))
}

fn record_slot(house: &House, role: Role, meter: &MeterId, energy: &SlotEnergy) -> Result<(), HistoryError> {
    let day = LocalDay::containing(energy.start, house.zone()).key();
    house.history.record_slot(meter, day, energy, house.now())?;
    house.changed(ViewName::Now);
    house.changed(ViewName::Energy);
    // What meters contradict each other in is seen by slots.
    house.changed(ViewName::Frame);
    if role == Role::Grid
        && let Some(slot) = energy.slot()
    {
        tracing::debug!(%slot, quality = energy.quality.word(), "slot measured");
        report(house, meter, slot, energy)?;
    }
    Ok(())
}

/// Signs what the grid meter showed in a slot and queues it for the exchange.
fn report(house: &House, meter: &MeterId, slot: Slot, energy: &SlotEnergy) -> Result<(), HistoryError> {
    let (Some(membership), Some(key)) = (house.membership()?, &house.key) else { return Ok(()) };
    // Slots before the household joined are not the market's.
    if slot.end() <= membership.joined_at {
        return Ok(());
    }
    let registers = registers(energy, &Series::load(&house.history, meter)?);
    let reading = Reading {
        market: membership.market.clone(),
        member: membership.member,
        metering_point: membership.metering_point,
        slot,
        registers,
    };
    let signed = match new_salt().map(|salt| Signed::sign(reading, key, salt)) {
        Ok(Ok(signed)) => signed,
        Ok(Err(error)) => {
            tracing::error!(%error, %slot, "the reading could not be signed");
            return Ok(());
        }
        Err(error) => {
            tracing::error!(%error, %slot, "the reading could not be salted");
            return Ok(());
        }
    };
    house.history.queue_reading(&OutgoingReading {
        market: membership.market,
        slot,
        registers: registers.map(|registers| WholeRegisters {
            import_start: registers.import_start_wh,
            import_end: registers.import_end_wh,
            export_start: registers.export_start_wh,
            export_end: registers.export_end_wh,
        }),
        signed_json: serde_json::to_string(&signed).expect("a signed reading is plain data"),
        queued_at: house.now(),
    })?;
    house.wake.courier.notify_one();
    Ok(())
}

/// Lets the registers that the exchange sees go on over what a counter did.
fn go_on(
    house: &House,
    meter: &MeterId,
    quantity: Quantity,
    event: &metering::CounterEvent,
) -> Result<(), HistoryError> {
    let mut series = Series::load(&house.history, meter)?;
    if series.note(quantity, event) { series.save(&house.history, meter) } else { Ok(()) }
}

/// Returns the registers at the borders in whole Wh, as one series over all meters that counted; only a
/// measured slot has them.
fn registers(energy: &SlotEnergy, series: &Series) -> Option<Registers> {
    energy.market_wh()?;
    let (import, export) = series.offsets_at(energy.start);
    let whole = |register: Option<Energy>, offset: i64| {
        register.unwrap_or(Energy::ZERO).floor_watt_hours() + WattHours::new(offset)
    };
    let borders = &energy.borders;
    Some(Registers {
        import_start_wh: whole(borders.import_start, import),
        import_end_wh: whole(borders.import_end, import),
        export_start_wh: whole(borders.export_start, export),
        export_end_wh: whole(borders.export_end, export),
    })
}
