//! Keeps the books of the meters: samples into the history, registers into slots, slots into readings.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use exchange_api::{Reading, Registers, Signed, new_salt};
use history::{HistoryError, OutgoingReading, WholeRegisters};
use metering::{IntervalEvent, Quality, Sample, SlotEnergy, SlotMeter, SlotSettings};
use tokio::sync::mpsc;
use units::{Energy, LocalDay, MeterId, Slot, Timestamp};

use super::readers::Heard;
use crate::config::Role;
use crate::convert;
use crate::house::{House, ViewName};

/// How often the bookkeeper looks whether a slot ended that no sample completes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How far back stored samples are read at a start, for meters that were read until then.
const REACH_BACK: Duration = Duration::from_secs(4 * 900);

/// Runs until the readers are gone, so that no sample is lost at the end.
pub async fn run(house: Arc<House>, mut heard: mpsc::Receiver<Heard>) {
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
                for (role, sample) in batch {
                    books.take(house, role, &sample);
                }
                books.look(house);
                books
            })
            .await;
    }
}

struct Books {
    meters: HashMap<Role, Meter>,
    /// How long after its end a slot may still be completed by a sample.
    patience: Duration,
}

struct Meter {
    id: MeterId,
    slots: SlotMeter,
}

impl Books {
    fn open(house: &House) -> Result<Self, HistoryError> {
        let rules = house.market_rules();
        let border_gap = Duration::from_secs(rules.map_or(30, |rules| rules.border_gap_s).into());
        let close = Duration::from_secs(rules.map_or(3600, |rules| rules.readings_close_s).into());
        let mut books = Self { meters: HashMap::new(), patience: (border_gap * 2).max(close / 2) };
        for meter in &house.config().meters {
            let stored = stored_samples(house, &meter.id)?;
            let counter = stored.last().and_then(|sample| sample.import).unwrap_or(Energy::ZERO);
            let profile = metering::profile(&meter.profile).expect("the configuration was checked");
            let mut settings = SlotSettings::new(house.config().fuse(), profile.resolution(counter));
            settings.max_border_gap = border_gap;
            let from = resume_from(house, &meter.id, &stored)?;
            let (slots, events) = SlotMeter::resume(settings, from, &stored);
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
        if was_starting {
            house.changed(ViewName::Frame);
            house.wake.trader.notify_one();
        }
        self.record(house, role, events);
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
                    house.history.record_counter_events(&meter.id, &events)
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
    if role == Role::Grid
        && let Some(slot) = energy.slot()
    {
        tracing::debug!(%slot, quality = energy.quality.word(), "slot measured");
        report(house, slot, energy)?;
    }
    Ok(())
}

/// Signs what the grid meter showed in a slot and queues it for the exchange.
fn report(house: &House, slot: Slot, energy: &SlotEnergy) -> Result<(), HistoryError> {
    let (Some(membership), Some(key)) = (house.membership()?, &house.key) else { return Ok(()) };
    // Slots before the household joined are not the market's.
    if slot.end() <= membership.joined_at {
        return Ok(());
    }
    let registers = registers(energy);
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

/// Returns the registers at the borders in whole Wh; only a measured slot has them.
fn registers(energy: &SlotEnergy) -> Option<Registers> {
    energy.market_wh()?;
    let whole = |register: Option<Energy>| register.unwrap_or(Energy::ZERO).floor_watt_hours();
    let borders = &energy.borders;
    Some(Registers {
        import_start_wh: whole(borders.import_start),
        import_end_wh: whole(borders.import_end),
        export_start_wh: whole(borders.export_start),
        export_end_wh: whole(borders.export_end),
    })
}
