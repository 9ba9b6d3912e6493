//! `wattle meter watch`: reads a meter again and again, and tells what happens.

use std::collections::BTreeMap;
use std::time::Duration;

use drivers::{LineState, Observation, ReadError};
use metering::{Flag, Freshness, IntervalEvent, SlotEnergy, SlotMeter, SlotSettings};
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior};
use units::{Energy, Power, Timestamp};

use super::WatchOptions;
use super::device::Meter;
use super::sample::{SampleLine, Thousandths};
use crate::Verdict;
use crate::failure::{Failure, Status};
use crate::output::Output;

/// A connection that is back this soon was never gone for a reader.
const GONE_AFTER: Duration = Duration::from_millis(500);

/// Of the market's slot of 900 s, borders lie between samples at most 30 s apart; shorter slots bear less.
const BORDER_SHARE: u32 = 30;

pub async fn watch(options: WatchOptions, output: Output) -> Result<Verdict, Failure> {
    let slot_s = whole_seconds(options.slot)?;
    let meter = options.device.open()?;
    let max_border_gap = (options.slot / BORDER_SHARE).max(options.every * 3);
    let fuse = Power::from_watts(options.fuse_w.into());
    let wraps_at = meter.line.profile().wraps_at();
    let settings =
        SlotSettings { length_s: slot_s, max_border_gap, wraps_at, ..SlotSettings::new(fuse, Energy::ZERO) };
    let stale_after = meter.line.profile().limits.stale_after;
    let mut watch = Watch {
        output,
        settings,
        slots: None,
        freshness: stale_after.map(Freshness::new),
        state: None,
        good_at: None,
        stale_after: options.every * 3,
        rejected: 0,
        last_error: None,
        meter,
    };
    let end = options.lasts.map(|lasts| Instant::now() + lasts);
    tokio::select! {
        done = watch.poll_until(options.every, end) => done?,
        () = interrupted() => {}
    }
    watch.finish().await
}

struct Watch {
    meter: Meter,
    output: Output,
    settings: SlotSettings,
    /// Made with the first sample, whose counters tell the step in which they move.
    slots: Option<SlotMeter>,
    freshness: Option<Freshness>,
    state: Option<State>,
    good_at: Option<Instant>,
    stale_after: Duration,
    rejected: u64,
    last_error: Option<ReadError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Connected,
    Stale,
    Disconnected,
}

/// A line of the stream.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Sample(SampleLine),
    Rejected {
        at: Timestamp,
        quantity: metering::Quantity,
        value: Option<Thousandths>,
        reason: metering::RejectReason,
    },
    Trouble {
        at: Timestamp,
        code: &'static str,
        message: String,
    },
    State {
        at: Timestamp,
        state: State,
    },
    Slot {
        start: Timestamp,
        seconds: u32,
        import_wh: Option<Thousandths>,
        export_wh: Option<Thousandths>,
        quality: metering::Quality,
        method: metering::Method,
    },
    Summary {
        polls: u64,
        good: u64,
        rejected: u64,
        trouble: BTreeMap<&'static str, u64>,
    },
}

impl Watch {
    async fn poll_until(&mut self, every: Duration, end: Option<Instant>) -> Result<(), Failure> {
        let mut ticks = tokio::time::interval(every);
        // A poll that took long is not made up for by a burst.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = at(end) => return Ok(()),
                _ = ticks.tick() => self.poll(end).await?,
                () = gone(&self.meter), if self.state != Some(State::Disconnected) => {
                    self.change(State::Disconnected, self.meter.now())?;
                }
            }
        }
    }

    /// Reads once. Gives up where the watch ends.
    async fn poll(&mut self, end: Option<Instant>) -> Result<(), Failure> {
        let outcome = tokio::select! {
            outcome = self.meter.read() => Some(outcome),
            () = gone(&self.meter), if self.state != Some(State::Disconnected) => None,
            () = at(end) => return self.tell_troubles(),
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            // The connection is away: say so at once, then go on waiting for it.
            None => {
                self.tell_troubles()?;
                self.change(State::Disconnected, self.meter.now())?;
                return Ok(());
            }
        };
        self.tell_troubles()?;
        match outcome {
            Ok(observation) => self.take(&observation),
            Err(error) => self.miss(error),
        }
    }

    fn take(&mut self, observation: &Observation) -> Result<(), Failure> {
        let mut sample = self.meter.sample(observation);
        if let Some(freshness) = &mut self.freshness {
            freshness.judge(&mut sample);
        }
        let stale = sample.flags.contains(&Flag::Stale);
        self.change(if stale { State::Stale } else { State::Connected }, sample.at)?;
        self.good_at = Some(Instant::now());
        let slots = self.slots.get_or_insert_with(|| {
            let counter = sample.import.max(sample.export).unwrap_or(Energy::ZERO);
            let resolution = observation.resolution(counter);
            SlotMeter::new(SlotSettings { resolution, ..self.settings })
        });
        let events = slots.push(&sample);
        for (quantity, reason) in observation.defects() {
            self.rejected += 1;
            self.tell(Event::Rejected { at: sample.at, quantity, value: None, reason })?;
        }
        let accepted = metering::accepted(&sample, &events);
        self.tell(Event::Sample(SampleLine::from(&accepted)))?;
        self.tell_intervals(events)
    }

    fn miss(&mut self, error: ReadError) -> Result<(), Failure> {
        let gone = error.trouble.is_disconnection();
        self.last_error = Some(error);
        if gone {
            self.change(State::Disconnected, self.meter.now())?;
        } else if self.good_at.is_some_and(|good_at| good_at.elapsed() > self.stale_after) {
            self.change(State::Stale, self.meter.now())?;
        }
        let patience = self.meter.now() - self.settings.max_border_gap;
        let events = self.slots.as_mut().map(|slots| slots.flush_until(patience));
        self.tell_intervals(events.unwrap_or_default())
    }

    fn tell_intervals(&mut self, events: Vec<IntervalEvent>) -> Result<(), Failure> {
        for event in events {
            match event {
                IntervalEvent::Rejected { at, quantity, value, reason } => {
                    self.rejected += 1;
                    self.tell(Event::Rejected { at, quantity, value: value.map(Thousandths), reason })?;
                }
                IntervalEvent::Slot(slot) => self.tell(Event::from(&slot))?,
                // Samples and slots show what these say.
                IntervalEvent::Counter { .. } | IntervalEvent::Gap { .. } => {}
            }
        }
        Ok(())
    }

    fn tell_troubles(&mut self) -> Result<(), Failure> {
        let at = self.meter.now();
        for error in self.meter.line.take_troubles() {
            let (code, message) = (error.code().word(), error.message());
            self.tell(Event::Trouble { at, code, message })?;
            self.last_error = Some(error);
        }
        Ok(())
    }

    fn change(&mut self, state: State, at: Timestamp) -> Result<(), Failure> {
        if self.state.replace(state) == Some(state) {
            return Ok(());
        }
        self.tell(Event::State { at, state })
    }

    fn tell(&self, event: Event) -> Result<(), Failure> {
        self.output.say(&event, Event::text)
    }

    /// Sums up. A meter that never gave a sample is a failure.
    async fn finish(mut self) -> Result<Verdict, Failure> {
        self.tell_troubles()?;
        self.meter.line.close().await;
        let tally = self.meter.line.tally();
        let trouble = tally.trouble.iter().map(|(code, count)| (code.word(), *count)).collect();
        let (polls, good, rejected) = (tally.polls, tally.good, self.rejected);
        self.tell(Event::Summary { polls, good, rejected, trouble })?;
        match self.last_error {
            _ if good > 0 => Ok(Verdict::Yes),
            Some(error) => Err(error.into()),
            None => Err(Failure {
                code: "timeout".into(),
                message: "The watch ended before the meter answered.".into(),
                hint: "Watch longer: raise --for.".into(),
                status: Status::No,
            }),
        }
    }
}

impl From<&SlotEnergy> for Event {
    fn from(slot: &SlotEnergy) -> Self {
        let energy = |energy: Option<Energy>| energy.map(|energy| Thousandths(energy.milliwatt_hours()));
        Self::Slot {
            start: slot.start,
            seconds: slot.seconds,
            import_wh: energy(slot.import),
            export_wh: energy(slot.export),
            quality: slot.quality,
            method: slot.method,
        }
    }
}

impl Event {
    fn text(&self) -> String {
        let number = |value: &Option<Thousandths>| value.map_or("-".into(), |value| value.to_string());
        match self {
            Self::Sample(sample) => sample.short_text(),
            Self::Rejected { at, quantity, value, reason } => {
                format!("{at}  not believed: {} = {} ({})", quantity.word(), number(value), reason.word())
            }
            Self::Trouble { at, message, .. } => format!("{at}  {message}"),
            Self::State { at, state } => match state {
                State::Connected => format!("{at}  The meter answers."),
                State::Stale => format!("{at}  The meter's values are not fresh any longer."),
                State::Disconnected => format!("{at}  There is no connection to the meter."),
            },
            Self::Slot { start, seconds, import_wh, export_wh, quality, .. } => {
                let (import, export) = (number(import_wh), number(export_wh));
                format!(
                    "{start}  slot of {seconds} s: import {import} Wh, export {export} Wh ({})",
                    quality.word()
                )
            }
            Self::Summary { polls, good, rejected, trouble } => {
                let troubles: Vec<String> =
                    trouble.iter().map(|(code, count)| format!("{code} {count}")).collect();
                let troubles = if troubles.is_empty() { "none".into() } else { troubles.join(", ") };
                format!("{good} of {polls} reads good, {rejected} values not believed, troubles: {troubles}")
            }
        }
    }
}

fn whole_seconds(slot: Duration) -> Result<u32, Failure> {
    let seconds = u32::try_from(slot.as_secs()).ok().filter(|seconds| (1..=900).contains(seconds));
    seconds.filter(|_| slot.subsec_nanos() == 0).ok_or_else(|| {
        Failure::usage(
            format!("A slot of {slot:?} is not possible."),
            "Choose --slot as whole seconds from 1s to 900s.",
        )
    })
}

/// Waits until the connection was there and has been away for a while.
async fn gone(meter: &Meter) {
    let mut state = meter.line.state();
    loop {
        let away = state.wait_for(|state| *state == LineState::Disconnected).await.is_ok();
        let back = tokio::time::timeout(GONE_AFTER, state.wait_for(|state| *state == LineState::Connected));
        if away && back.await.is_err() {
            return;
        }
    }
}

/// Waits until a time; for ever where there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits until the user or the system ends the program.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    // Where signals cannot be heard, the system ends the program in its own way.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
