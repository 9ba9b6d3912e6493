//! `wattle meter book`: what a sequence of counter readings is worth.

use std::path::{Path, PathBuf};

use metering::{BookSettings, Booked, CounterEvent, Reading};
use serde::{Deserialize, Serialize};
use units::{Energy, Power, Timestamp};

use super::sample::Thousandths;
use super::{THREE_PHASES_OF_63_AMPERES_W, watt_hours};
use crate::failure::Failure;
use crate::output::Output;
use crate::{Verdict, input};

#[derive(clap::Args)]
pub struct BookOptions {
    /// Lines of {"at", "counter_wh", "serial"}, times rising; a missing reading is null
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the house's fuses let through; a counter that rises faster is not believed
    #[arg(long, value_name = "N", default_value_t = THREE_PHASES_OF_63_AMPERES_W)]
    fuse_w: u32,
    /// The step of the counter
    #[arg(long, value_name = "N", default_value = "1", value_parser = watt_hours)]
    resolution_wh: Energy,
    /// Where the counter starts again at zero: the size of its register
    #[arg(long, value_name = "N", value_parser = watt_hours)]
    wraps_at_wh: Option<Energy>,
    /// So many further readings that agree with a new level decide what it is
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    confirm: u32,
    /// The counter may run backwards, as a net counter does
    #[arg(long)]
    signed: bool,
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Timestamp,
    // Named, so that a line without it is refused: a missing reading says null.
    #[serde(deserialize_with = "Option::deserialize")]
    counter_wh: Option<f64>,
    #[serde(default)]
    serial: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    booked_wh: Thousandths,
    held_wh: Thousandths,
    events: Vec<Event>,
}

#[derive(Serialize)]
struct Event {
    at: Timestamp,
    kind: &'static str,
    before_wh: Option<Thousandths>,
    after_wh: Option<Thousandths>,
}

pub fn book(options: &BookOptions, output: Output) -> Result<Verdict, Failure> {
    let settings = BookSettings {
        fuse: Power::from_watts(options.fuse_w.into()),
        resolution: options.resolution_wh,
        wraps_at: options.wraps_at_wh,
        confirm: options.confirm,
        signed: options.signed,
    };
    let readings = readings(&options.file)?;
    output.say(&Answer::from(&metering::book(&readings, &settings)), Answer::text)?;
    Ok(Verdict::Yes)
}

fn readings(path: &Path) -> Result<Vec<Reading>, Failure> {
    let text = input::text(path)?;
    let mut readings: Vec<Reading> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let refused = |fault: String| input::unusable(path, format!("line {}: {fault}", index + 1));
        let reading = reading(line).map_err(refused)?;
        if let Some(before) = readings.last().filter(|before| before.at >= reading.at) {
            return Err(refused(format!("{} is not later than {}; times must rise", reading.at, before.at)));
        }
        readings.push(reading);
    }
    Ok(readings)
}

fn reading(line: &str) -> Result<Reading, String> {
    let Line { at, counter_wh, serial } = input::object(line)?;
    let counter = match counter_wh {
        None => None,
        Some(value) => {
            let counter = Energy::from_f64(value);
            Some(counter.ok_or_else(|| format!("counter_wh {value} is more than any counter shows"))?)
        }
    };
    Ok(Reading { at, counter, serial })
}

impl From<&Booked> for Answer {
    fn from(booked: &Booked) -> Self {
        let event = |event: &CounterEvent| Event {
            at: event.at,
            kind: event.kind.word(),
            before_wh: event.before.map(thousandths),
            after_wh: event.after.map(thousandths),
        };
        Self {
            booked_wh: thousandths(booked.booked),
            held_wh: thousandths(booked.held),
            events: booked.events.iter().map(event).collect(),
        }
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut lines = vec![format!("{:<12}{} Wh", "Booked", self.booked_wh)];
        if self.held_wh.0 != 0 {
            lines.push(format!("{:<12}{} Wh, until further readings decide", "Held", self.held_wh));
        }
        let value = |value: Option<Thousandths>| value.map_or("-".to_owned(), |value| format!("{value} Wh"));
        lines.extend(self.events.iter().map(|event| {
            let Event { at, kind, before_wh, after_wh } = event;
            format!("{at}  {kind:<13}  {} -> {}", value(*before_wh), value(*after_wh))
        }));
        lines.join("\n")
    }
}

fn thousandths(energy: Energy) -> Thousandths {
    Thousandths(energy.milliwatt_hours())
}
