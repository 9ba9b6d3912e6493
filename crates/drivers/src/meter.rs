//! One meter, however it speaks: what `wattle meter` and the household read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metering::{
    Flag, Orientation, Profile, Protocol, Quantity, Read, Registers, RejectReason, Sample, Telegram,
};
use tokio::sync::watch;
use units::{Current, Energy, Power, Timestamp};

use crate::bus::{Bus, BusSettings, LineState};
use crate::device::{Device, DeviceSettings, Reading};
use crate::endpoint::Endpoint;
use crate::listener::{Listener, Tongue};
use crate::read_error::ReadError;
use crate::sunspec::Chained;
use crate::trouble::Tally;

/// What an owner says of a meter beside its profile and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterSettings {
    /// The Modbus address.
    pub unit: u8,
    /// Which of several meters or inverters of a SunSpec chain, counted from 1.
    pub instance: u16,
    pub orientation: Orientation,
    /// The pause between two requests in place of the profile's.
    pub gap: Option<Duration>,
}

impl MeterSettings {
    /// Returns what suits a device as it leaves the factory.
    pub fn of(profile: &Profile) -> Self {
        Self { unit: profile.device.unit, instance: 1, orientation: Orientation::AsMeter, gap: None }
    }
}

/// The lines of a home: what is on one endpoint shares its connection.
#[derive(Debug, Default)]
pub struct Lines {
    buses: BTreeMap<Endpoint, Bus>,
    listeners: BTreeMap<Endpoint, Listener>,
}

impl Lines {
    /// Returns a meter, over the line that others of this endpoint use already.
    ///
    /// Panics outside a tokio runtime.
    pub fn meter(&mut self, endpoint: Endpoint, profile: &Profile, settings: MeterSettings) -> Meter {
        let profile = Arc::new(profile.clone());
        let way = match profile.protocol {
            Protocol::Modbus => {
                let device = self.device(endpoint, &profile, settings);
                Way::Asked { device, reads: profile.reads() }
            }
            Protocol::Sunspec => {
                let device = self.device(endpoint, &profile, settings);
                Way::Walked(Chained::new(device, profile.clone(), settings.instance))
            }
            Protocol::P1 => Way::Heard(self.listener(endpoint, Tongue::P1)),
            Protocol::Sml => Way::Heard(self.listener(endpoint, Tongue::Sml)),
        };
        Meter { profile, orientation: settings.orientation, way }
    }

    fn device(&mut self, endpoint: Endpoint, profile: &Profile, settings: MeterSettings) -> Device {
        let bus = self.buses.entry(endpoint.clone()).or_insert_with(|| {
            let mut of_bus = BusSettings::of(&endpoint);
            if settings.gap.is_some() {
                of_bus.unit_change_gap = Duration::ZERO;
            }
            Bus::open(endpoint, of_bus)
        });
        let mut of_device = DeviceSettings::of(profile);
        of_device.gap = settings.gap.unwrap_or(of_device.gap);
        bus.device(settings.unit, of_device)
    }

    fn listener(&mut self, endpoint: Endpoint, tongue: Tongue) -> Listener {
        let listener = self.listeners.entry(endpoint.clone());
        listener.or_insert_with(|| Listener::open(endpoint, tongue)).clone()
    }
}

/// A meter that is ready to be read. Clones share its line and what was learnt about it.
#[derive(Clone, Debug)]
pub struct Meter {
    profile: Arc<Profile>,
    orientation: Orientation,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Asked { device: Device, reads: Vec<Read> },
    Walked(Chained),
    Heard(Listener),
}

/// What a meter said, not yet dated.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When it said so.
    pub taken: Instant,
    orientation: Orientation,
    said: Said,
    flags: Vec<Flag>,
}

#[derive(Clone, Debug)]
enum Said {
    Registers { profile: Arc<Profile>, registers: Registers },
    Telegram(Box<Telegram>),
}

/// What a meter sent, as it sent it.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    Registers { profile: &'a Profile, registers: &'a Registers, orientation: Orientation },
    Telegram(&'a Telegram),
}

impl Meter {
    /// Opens a meter on a line of its own. It connects when it is read, or at once to be listened to.
    ///
    /// Panics outside a tokio runtime.
    pub fn open(endpoint: Endpoint, profile: &Profile, settings: MeterSettings) -> Self {
        Lines::default().meter(endpoint, profile, settings)
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Reads the meter once, retries included; where the meter speaks by itself, waits for its next word.
    pub async fn read(&self) -> Result<Observation, ReadError> {
        let (taken, said) = match &self.way {
            Way::Asked { device, reads } => {
                let reading = device.read(reads).await?;
                let profile = self.profile.clone();
                (reading.taken, Said::Registers { profile, registers: reading.registers })
            }
            Way::Walked(chained) => {
                let (reading, profile) = chained.read().await?;
                (reading.taken, Said::Registers { profile, registers: reading.registers })
            }
            Way::Heard(listener) => {
                let heard = listener.next().await?;
                (heard.came, Said::Telegram(Box::new(heard.telegram)))
            }
        };
        let tally = self.tally();
        let known = [(Flag::LocalEcho, tally.local_echo), (Flag::ReducedReads, tally.reduced_reads)];
        let flags = known.into_iter().filter_map(|(flag, so)| so.then_some(flag)).collect();
        Ok(Observation { taken, orientation: self.orientation, said, flags })
    }

    /// Returns whether there is a connection, and a way to wait for a change.
    pub fn state(&self) -> watch::Receiver<LineState> {
        match &self.way {
            Way::Asked { device, .. } => device.bus().state(),
            Way::Walked(chained) => chained.device.bus().state(),
            Way::Heard(listener) => listener.state(),
        }
    }

    /// Returns how often a connection was made, to a meter that is asked.
    pub fn connections(&self) -> Option<u64> {
        match &self.way {
            Way::Asked { device, .. } => Some(device.bus().connections()),
            Way::Walked(chained) => Some(chained.device.bus().connections()),
            Way::Heard(_) => None,
        }
    }

    /// Returns the counters of everything that was read so far.
    pub fn tally(&self) -> Tally {
        match &self.way {
            Way::Asked { device, .. } => device.tally(),
            Way::Walked(chained) => chained.device.tally(),
            Way::Heard(listener) => listener.tally(),
        }
    }

    /// Takes the troubles since the last call, those made good by a retry included, up to 64 of them.
    pub fn take_troubles(&self) -> Vec<ReadError> {
        match &self.way {
            Way::Asked { device, .. } => device.take_troubles(),
            Way::Walked(chained) => chained.device.take_troubles(),
            Way::Heard(listener) => listener.take_troubles(),
        }
    }

    /// Ends the line, for all meters on it, and waits until the port is free.
    pub async fn close(&self) {
        match &self.way {
            Way::Asked { device, .. } => device.bus().close().await,
            Way::Walked(chained) => chained.device.bus().close().await,
            Way::Heard(listener) => listener.close().await,
        }
    }
}

impl Observation {
    /// Makes one of what a device answered, as the meter is mounted.
    pub(crate) fn of_registers(profile: &Profile, reading: Reading) -> Self {
        let said = Said::Registers { profile: Arc::new(profile.clone()), registers: reading.registers };
        Self { taken: reading.taken, orientation: Orientation::AsMeter, said, flags: Vec::new() }
    }

    /// Makes one of what a meter said by itself.
    pub(crate) fn of_telegram(telegram: Telegram, came: Instant) -> Self {
        let said = Said::Telegram(Box::new(telegram));
        Self { taken: came, orientation: Orientation::AsMeter, said, flags: Vec::new() }
    }

    /// Returns what was sent, as it was sent.
    pub fn raw(&self) -> Raw<'_> {
        match &self.said {
            Said::Registers { profile, registers } => {
                Raw::Registers { profile, registers, orientation: self.orientation }
            }
            Said::Telegram(telegram) => Raw::Telegram(telegram),
        }
    }

    /// Returns the sample, dated by the host's clock.
    pub fn sample(&self, at: Timestamp) -> Sample {
        let mut sample = match &self.said {
            Said::Registers { profile, registers } => profile.decode(registers, at, self.orientation),
            Said::Telegram(telegram) => orient(telegram.sample(at), self.orientation),
        };
        sample.flags.extend(self.flags.iter().copied());
        sample
    }

    /// Returns what is missing from the sample because what the meter sent is no number.
    pub fn defects(&self) -> Vec<(Quantity, RejectReason)> {
        match &self.said {
            Said::Registers { profile, registers } => profile.defects(registers, self.orientation),
            Said::Telegram(_) => Vec::new(),
        }
    }

    /// Returns the step in which the meter's counters move where they stand at `counter`.
    pub fn resolution(&self, counter: Energy) -> Energy {
        match &self.said {
            Said::Registers { profile, .. } => profile.resolution(counter),
            // Without its PIN a meter shows whole kilowatt-hours. P1 shows watt-hours, SML tenths of them.
            Said::Telegram(telegram) => {
                let hides = telegram.sample(Timestamp::default()).flags.contains(&Flag::NoPin);
                Energy::from_watt_hours(if hides { 1000 } else { 1 })
            }
        }
    }
}

/// Turns a telegram's sample where the meter looks the other way.
fn orient(sample: Sample, orientation: Orientation) -> Sample {
    if orientation == Orientation::AsMeter {
        return sample;
    }
    let negated = |power: Power| Power::from_milliwatts(-power.milliwatts());
    let reversed = |current: Current| Current::from_milliamperes(-current.milliamperes());
    Sample {
        power: sample.power.map(negated),
        import: sample.export,
        export: sample.import,
        phase_power: sample.phase_power.map(|powers| powers.into_iter().map(negated).collect()),
        current: sample.current.map(|currents| currents.into_iter().map(reversed).collect()),
        ..sample
    }
}
