//! The options that name a device.

use std::path::PathBuf;
use std::time::Instant;

use drivers::{Bus, BusSettings, Device, DeviceSettings, Endpoint, InvalidEndpoint, Line, Parity, StopBits};
use metering::{Flag, Orientation, Profile, Protocol, Read, Sample};
use units::{Clock, SystemClock, Timestamp};

use crate::failure::Failure;

#[derive(clap::Args)]
pub struct DeviceOptions {
    /// What the device is; `wattle meter profiles` lists them
    #[arg(long, value_name = "NAME")]
    profile: String,
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
    /// none, even or odd [default: the profile's]
    #[arg(long)]
    parity: Option<Parity>,
    /// 1 or 2 [default: the profile's]
    #[arg(long)]
    stop_bits: Option<StopBits>,
    /// The Modbus address of the device [default: the profile's]
    #[arg(long, value_name = "N")]
    unit: Option<u8>,
}

/// A device that is ready to be read.
pub struct Meter {
    pub profile: &'static Profile,
    pub device: Device,
    reads: Vec<Read>,
    /// The system's clock is asked once; from then on time runs evenly, whatever the clock does.
    started: (Timestamp, Instant),
}

impl DeviceOptions {
    /// Opens the device. It connects when it is read. Must be called inside a runtime.
    pub fn open(self) -> Result<Meter, Failure> {
        let profile = metering::profile(&self.profile).ok_or_else(|| {
            Failure::usage(
                format!("There is no profile \"{}\".", self.profile),
                "`wattle meter profiles` lists them.",
            )
        })?;
        if profile.protocol != Protocol::Modbus {
            let (name, protocol) = (&profile.name, profile.protocol.word());
            return Err(Failure::usage(
                format!("{name} speaks {protocol}, not Modbus registers."),
                "Choose a profile whose protocol is modbus.",
            ));
        }
        let endpoint = self.endpoint(profile)?;
        let unit = self.unit.unwrap_or(profile.device.unit);
        if endpoint.speaks_rtu() && !(1..=247).contains(&unit) {
            let message = format!("No device on a serial line has the unit {unit}.");
            return Err(Failure::usage(message, "Choose --unit from 1 to 247."));
        }
        let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
        let device = bus.device(unit, DeviceSettings::of(profile));
        let started = (SystemClock.now(), Instant::now());
        Ok(Meter { profile, device, reads: profile.reads(), started })
    }

    fn endpoint(&self, profile: &Profile) -> Result<Endpoint, InvalidEndpoint> {
        let of_line = [
            ("--baud", self.baud.is_some()),
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
        let usual = profile.device.serial.map_or(Line::default(), |serial| Line {
            baud: serial.baud,
            parity: match serial.parity {
                'E' => Parity::Even,
                'O' => Parity::Odd,
                _ => Parity::None,
            },
            stop_bits: if serial.stop_bits == 2 { StopBits::Two } else { StopBits::One },
        });
        Line {
            baud: self.baud.unwrap_or(usual.baud),
            parity: self.parity.unwrap_or(usual.parity),
            stop_bits: self.stop_bits.unwrap_or(usual.stop_bits),
        }
    }
}

impl Meter {
    /// Reads the device once, retries included.
    pub async fn sample(&self) -> Result<Sample, drivers::ReadError> {
        let reading = self.device.read(&self.reads).await?;
        let mut sample =
            self.profile.decode(&reading.registers, self.at(reading.taken), Orientation::AsMeter);
        let tally = self.device.tally();
        let known = [(Flag::LocalEcho, tally.local_echo), (Flag::ReducedReads, tally.reduced_reads)];
        sample.flags.extend(known.into_iter().filter_map(|(flag, so)| so.then_some(flag)));
        Ok(sample)
    }

    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> Timestamp {
        let (time, began) = self.started;
        time + instant.saturating_duration_since(began)
    }
}
