//! The options that name a device.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use drivers::{
    DataBits, Endpoint, InvalidEndpoint, Line, MeterSettings, Observation, Parity, ReadError, StopBits,
};
use metering::{Kind, Profile, Sample};
use units::{Clock, SystemClock, Timestamp};

use crate::failure::Failure;

#[derive(clap::Args)]
pub struct DeviceOptions {
    /// What the device is; `wattle meter profiles` lists them
    #[arg(long, value_name = "NAME")]
    profile: String,
    #[command(flatten)]
    profiles: super::known::ProfilesOptions,
    /// Modbus TCP
    #[arg(long, value_name = "HOST:PORT")]
    tcp: Option<String>,
    /// Serial frames through a gateway that passes bytes on
    #[arg(long, value_name = "HOST:PORT")]
    rtu_over_tcp: Option<String>,
    /// A serial port
    #[arg(long, value_name = "PATH")]
    serial: Option<PathBuf>,
    /// Bits a second of the serial port [default: the profile's]
    #[arg(long, value_name = "N")]
    baud: Option<u32>,
    /// 7 or 8; P1 before DSMR 4 has 7 [default: 8]
    #[arg(long)]
    data_bits: Option<DataBits>,
    /// none, even or odd [default: the profile's]
    #[arg(long)]
    parity: Option<Parity>,
    /// 1 or 2 [default: the profile's]
    #[arg(long)]
    stop_bits: Option<StopBits>,
    /// The Modbus address of the device [default: the profile's]
    #[arg(long, value_name = "N")]
    unit: Option<u8>,
    /// What of a device that measures several places: grid, solar or battery [default: what it is for]
    #[arg(long)]
    kind: Option<Kind>,
    /// Which of several meters or inverters of a SunSpec device
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    instance: u16,
}

/// A device that is ready to be read.
pub struct Meter {
    pub line: drivers::Meter,
    /// The system's clock is asked once; from then on time runs evenly, whatever the clock does.
    started: (Timestamp, Instant),
}

impl DeviceOptions {
    /// Opens the device. It connects when it is read. Must be called inside a runtime.
    pub fn open(self) -> Result<Meter, Failure> {
        let profile = super::known::find(&self.profiles.load()?, &self.profile)?;
        let profile = self.part(&profile)?;
        let endpoint = self.endpoint(profile)?;
        let unit = self.unit.unwrap_or(profile.device.unit);
        let asked = profile.protocol.is_asked();
        if !asked && self.unit.is_some() {
            let message = format!("{} speaks by itself and has no unit.", profile.name);
            return Err(Failure::usage(message, "Leave --unit out."));
        }
        if asked && endpoint.speaks_rtu() && !(1..=247).contains(&unit) {
            let message = format!("No device on a serial line has the unit {unit}.");
            return Err(Failure::usage(message, "Choose --unit from 1 to 247."));
        }
        let settings = MeterSettings { unit, instance: self.instance, ..MeterSettings::of(profile) };
        let line = drivers::Meter::open(endpoint, profile, settings);
        Ok(Meter { line, started: (SystemClock.now(), Instant::now()) })
    }

    /// Returns what of the device is meant.
    fn part<'a>(&self, profile: &'a Arc<Profile>) -> Result<&'a Profile, Failure> {
        let Some(kind) = self.kind else { return Ok(profile) };
        let part = profile.standing_at(kind);
        if part.kind == kind {
            return Ok(part);
        }
        let places: Vec<&str> =
            std::iter::once(profile).chain(profile.parts()).map(|part| part.kind.word()).collect();
        Err(Failure::usage(
            format!("{} measures {}, not {}.", profile.name, places.join(" and "), kind.word()),
            "Leave --kind out, or name one of these.",
        ))
    }

    fn endpoint(&self, profile: &Profile) -> Result<Endpoint, InvalidEndpoint> {
        let of_line = [
            ("--baud", self.baud.is_some()),
            ("--data-bits", self.data_bits.is_some()),
            ("--parity", self.parity.is_some()),
            ("--stop-bits", self.stop_bits.is_some()),
        ];
        let of_line = of_line.into_iter().find_map(|(option, given)| given.then_some(option));
        match (&self.tcp, &self.rtu_over_tcp, &self.serial, of_line) {
            (Some(_), None, None, Some(option)) | (None, Some(_), None, Some(option)) => {
                Err(InvalidEndpoint::NotSerial(option))
            }
            (Some(address), None, None, None) => Endpoint::tcp(address),
            (None, Some(address), None, None) => Endpoint::rtu_over_tcp(address),
            (None, None, Some(path), _) => Ok(Endpoint::serial(path, self.line(profile))),
            (None, None, None, _) => Err(InvalidEndpoint::Missing),
            _ => Err(InvalidEndpoint::Several),
        }
    }

    fn line(&self, profile: &Profile) -> Line {
        let usual = profile.device.serial.map_or(Line::default(), Line::of);
        Line {
            baud: self.baud.unwrap_or(usual.baud),
            data_bits: self.data_bits.unwrap_or(usual.data_bits),
            parity: self.parity.unwrap_or(usual.parity),
            stop_bits: self.stop_bits.unwrap_or(usual.stop_bits),
        }
    }
}

impl Meter {
    /// Reads the device once, retries included.
    pub async fn read(&self) -> Result<Observation, ReadError> {
        self.line.read().await
    }

    /// Returns what to say where the device answers in other frames than it was named with.
    pub fn mistaken(&self) -> Option<&'static str> {
        self.line.tally().other_frames.then_some(
            "The device answers in the other kind of frames than its address was given with: use --rtu-over-tcp in \
             place of --tcp, or the reverse. It was read nevertheless.",
        )
    }

    /// Dates what was read.
    pub fn sample(&self, observation: &Observation) -> Sample {
        observation.sample(self.at(observation.taken))
    }

    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> Timestamp {
        let (time, began) = self.started;
        time + instant.saturating_duration_since(began)
    }
}
