//! Each profile, read from each server that this project did not write, over TCP and over a line of 9600 baud.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use drivers::{Meter, MeterSettings};
use metering::{Golden, Orientation, Profile, Protocol, Registers};
use serde_json::json;
use units::Timestamp;

use crate::golden;
use crate::mixed::Combination;
use crate::mixed::wire::Wire;
use crate::servers::{Server, Shows, Stack, Way};

/// A device that lacks registers of its profile is asked for shorter and shorter reads, with the profile's pause
/// before each. What the first poll learns, the next one knows.
const MOST_POLLS: u32 = 3;

/// A frame of a profile, and the unit that shows it.
type Frame = (u8, &'static Profile, &'static Golden);

/// What was read from one server over one line.
#[derive(Debug)]
pub struct Figures {
    combination: Combination,
    pub profiles: usize,
    pub frames: usize,
    requests: u64,
    took: Duration,
}

impl Figures {
    pub fn line(&self) -> String {
        json!({
            "server": self.combination.stack.to_string(),
            "line": self.combination.line(),
            "profiles": self.profiles,
            "frames": self.frames,
            "requests": self.requests,
            "wrong": 0,
            "took_s": self.took.as_secs_f64(),
        })
        .to_string()
    }
}

/// Reads the frames of chosen profiles and of their parts, each with the profile's own pauses. Fails at the first
/// value that is not what the frame promises.
pub async fn read(combination: Combination, chosen: impl Fn(&Profile) -> bool) -> Result<Figures> {
    let frames: Vec<Frame> = (1..)
        .zip(golden::frames().filter(|(profile, _)| chosen(profile)))
        .map(|(unit, (profile, golden))| (unit, profile, golden))
        .collect();
    let mut names: Vec<_> =
        frames.iter().map(|(_, profile, _)| (&profile.name, profile.kind.word())).collect();
    names.dedup();
    let mut figures = Figures {
        combination,
        profiles: names.len(),
        frames: frames.len(),
        requests: 0,
        took: Duration::ZERO,
    };
    let began = Instant::now();
    let shows_one = match combination.stack {
        Stack::Libmodbus => true,
        Stack::ModbusSerial => combination.serial,
        Stack::Pymodbus => false,
    };
    let at_once = if shows_one { 1 } else { frames.len().max(1) };
    for served in frames.chunks(at_once) {
        figures.requests += read_from(combination, served).await?;
    }
    figures.took = began.elapsed();
    Ok(figures)
}

/// Reads what one server shows, and returns how often it was asked.
async fn read_from(combination: Combination, frames: &[Frame]) -> Result<u64> {
    let shows: Vec<(u8, Shows)> =
        frames.iter().map(|(unit, profile, golden)| (*unit, Shows::Frame(profile, golden))).collect();
    let stack = combination.stack;
    let start = |way: Option<std::path::PathBuf>| {
        let shows = shows.clone();
        tokio::task::spawn_blocking(move || {
            Server::start(stack, way.as_deref().map_or(Way::Tcp(0), Way::Serial), &shows, None)
        })
    };
    let (wire, _server) = if combination.serial {
        let wire = Wire::serial()?;
        let server = start(Some(wire.far.clone().context("a line has two ends")?)).await??;
        (wire, server)
    } else {
        let server = start(None).await??;
        (Wire::tcp(server.port()).await?, server)
    };
    for (unit, profile, golden) in frames {
        let mut hasty = (*profile).clone();
        hasty.limits.connect_delay = Duration::ZERO;
        let settings = MeterSettings { unit: *unit, ..MeterSettings::of(profile) };
        let meter = Meter::open(wire.endpoint.clone(), &hasty, settings);
        let mut observation = meter.read().await;
        for _ in 1..MOST_POLLS {
            if observation.is_err() {
                observation = meter.read().await;
            }
        }
        meter.close().await;
        let observation = observation.map_err(|error| {
            anyhow::anyhow!("{} from {stack} over {}: {error}", profile.name, combination.line())
        })?;
        let sample = observation.sample(Timestamp::default());
        match zero_where_untold(stack, profile, golden) {
            None => golden::check(&profile.name, golden, &sample),
            Some(registers) => {
                let mut expected = profile.decode(&registers, Timestamp::default(), Orientation::AsMeter);
                expected.flags.clone_from(&sample.flags);
                assert_eq!(sample, expected, "{} from {stack}", profile.name);
            }
        }
    }
    let requests = wire.state().functions.values().sum();
    Ok(requests)
}

/// Returns what a server shows that has a zero in each register it was not told, where that makes a difference:
/// what the frame leaves out is missing from the device, and zero there.
fn zero_where_untold(stack: Stack, profile: &Profile, golden: &Golden) -> Option<Registers> {
    let image = golden.image();
    let told = |value: &metering::Read| image.get(value.function, value.address).is_some();
    if stack != Stack::Libmodbus || profile.protocol != Protocol::Modbus || profile.values().iter().all(told)
    {
        return None;
    }
    let mut registers = Registers::new();
    for read in profile.reads() {
        for address in read.address..read.address + read.count {
            let word = image.get(read.function, address).unwrap_or(0);
            registers.insert(read.function, address, &[word]);
        }
    }
    Some(registers)
}
