//! Finds meters: on a serial port of unknown settings, or behind a host. Reads only, and asks gently.
//!
//! First it listens, since a meter that speaks by itself answers no question. Then it asks each address for
//! two registers: an exception is an answer, too. Who answers is walked as SunSpec and read by each profile,
//! and physics decides.

mod likeness;
mod places;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metering::{Catalogue, DecodeError, Orientation, Profile, Protocol, Read, Sample, Telegram, p1, sml};
use tokio::time::timeout_at;
use units::Timestamp;

use crate::bus::{Bus, BusSettings};
use crate::device::{Device, DeviceSettings};
use crate::endpoint::Endpoint;
use crate::link::Way;
use crate::meter::{MeterSettings, Observation, Raw};
use crate::read_error::ReadError;
use crate::serial::BY_ID;
use crate::sunspec;
use crate::trouble::Trouble;

use likeness::likeness;
use places::{Attempt, How};
pub use places::{PORTS, Place};

/// Below this it is a guess that helps nobody.
const LEAST_CONFIDENCE: f64 = 0.5;

/// Another profile that reads other values is told, too, if it is this close to the best.
const CLOSE: f64 = 0.05;

/// On a slow line the search ends with a profile that fits like this.
const SURE: f64 = 0.95;

/// How long a device may take to answer one read while profiles are tried, and to give all of them.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
const READ_PATIENCE: Duration = Duration::from_secs(4);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// An address at which no device is, unless all are the same to it.
const NOBODY: u8 = 173;

/// An SDM72 that is asked faster reboots.
const LINE_GAP: Duration = Duration::from_millis(100);

/// A meter that was found.
#[derive(Clone, Debug)]
pub struct Find {
    pub profile: Arc<Profile>,
    pub endpoint: Endpoint,
    pub settings: MeterSettings,
    pub observation: Observation,
    /// How sure it is that the device is of this profile, from 0 to 1.
    pub confidence: f64,
}

impl Find {
    /// Returns the options of `wattle meter read` that read it.
    pub fn device(&self) -> String {
        let MeterSettings { unit, instance, .. } = self.settings;
        let mut options = format!("--profile {} {}", self.profile.name, self.endpoint);
        if self.profile.protocol.is_asked() {
            options += &format!(" --unit {unit}");
        }
        if instance > 1 {
            options += &format!(" --instance {instance}");
        }
        if self.profile.is_part() {
            options += &format!(" --kind {}", self.profile.kind.word());
        }
        options
    }

    fn sample(&self) -> Sample {
        self.observation.sample(Timestamp::default())
    }
}

/// What is told while a place is searched.
#[derive(Clone, Debug)]
pub enum News {
    /// The next of so many ways of looking is tried; the count includes those that were left out.
    Trying {
        endpoint: Endpoint,
        done: usize,
        of: usize,
    },
    Found(Box<Find>),
}

/// Looks for meters of the profiles that are compiled in; see [`search`].
pub async fn scan(place: &Place, mut tell: impl FnMut(&Find)) -> Result<usize, ReadError> {
    search(place, &Catalogue::built_in(), |news| {
        if let News::Found(find) = news {
            tell(&find);
        }
    })
    .await
}

/// Looks for meters and tells each as soon as it is found. Returns how many there are; an error if the place
/// cannot be reached at all. Dropping the future ends the search and frees the line.
pub async fn search(
    place: &Place,
    catalogue: &Catalogue,
    mut tell: impl FnMut(News),
) -> Result<usize, ReadError> {
    let mut count = 0;
    let (mut reached, mut unreached) = (false, None);
    let searches = place.searches(catalogue);
    let of = searches.iter().map(Vec::len).sum();
    let mut ended = 0;
    for search in searches {
        let start = ended;
        ended += search.len();
        for (attempt, Attempt { endpoint, how }) in search.into_iter().enumerate() {
            let before = count;
            tell(News::Trying { endpoint: endpoint.clone(), done: start + attempt, of });
            let mut found = |find: Find| {
                tell(News::Found(Box::new(find)));
                count += 1;
            };
            let outcome = match how {
                How::Listen { first, whole } => listen(&endpoint, catalogue, first, whole, &mut found).await,
                How::Ask { function, units, timeout, connect_delay } => {
                    let probe = Probe { catalogue, function, timeout, connect_delay };
                    ask(&endpoint, probe, &units, &mut found).await
                }
            };
            match outcome {
                Ok(()) => reached = true,
                Err(trouble) => {
                    unreached = Some(ReadError { endpoint, unit: None, trouble });
                    break;
                }
            }
            if count > before {
                break;
            }
        }
    }
    match unreached.filter(|_| !reached) {
        Some(error) => Err(error),
        None => Ok(count),
    }
}

/// Waits for a telegram. An error means that there is no connection.
async fn listen(
    endpoint: &Endpoint,
    catalogue: &Catalogue,
    first: Duration,
    whole: Duration,
    found: &mut impl FnMut(Find),
) -> Result<(), Trouble> {
    let mut link = Way::to(endpoint, Path::new(BY_ID)).connect(CONNECT_TIMEOUT).await?;
    let mut parsers = (p1::Parser::new(), sml::Parser::new());
    let began = Instant::now();
    let mut until = began + first;
    while let Ok(Ok(())) = timeout_at(until.into(), link.receive()).await {
        until = began + whole.max(first);
        let came = Instant::now();
        let bytes = std::mem::take(&mut link.inbox);
        let heard = [("p1", parsers.0.push(&bytes)), ("sml", parsers.1.push(&bytes))];
        let spoken = heard.into_iter().find_map(|(name, telegrams)| Some((name, newest(telegrams)?)));
        let spoken = spoken.and_then(|(name, told)| Some((catalogue.find(name)?.clone(), told)));
        let Some((profile, telegram)) = spoken else {
            continue;
        };
        let settings = MeterSettings::of(&profile);
        let observation = Observation::of_telegram(telegram, came);
        // Its checksum says that it is one; before DSMR 4 the form alone does.
        found(Find { profile, endpoint: endpoint.clone(), settings, observation, confidence: 1.0 });
        break;
    }
    Ok(())
}

fn newest(telegrams: Vec<Result<Telegram, DecodeError>>) -> Option<Telegram> {
    telegrams.into_iter().rev().find_map(Result::ok)
}

/// How to see whether a unit is there.
struct Probe<'a> {
    catalogue: &'a Catalogue,
    function: u8,
    timeout: Duration,
    connect_delay: Duration,
}

/// Asks units, and recognises those that answer. An error means that there is no connection.
async fn ask(
    endpoint: &Endpoint,
    probe: Probe<'_>,
    units: &[u8],
    found: &mut impl FnMut(Find),
) -> Result<(), Trouble> {
    let serial = endpoint.speaks_rtu();
    let gap = if serial { LINE_GAP } else { Duration::ZERO };
    let bus = Bus::open(
        endpoint.clone(),
        BusSettings {
            settle: Duration::from_millis(300),
            connect_timeout: CONNECT_TIMEOUT,
            // The search tries both kinds by itself.
            tries_other_frames: false,
            ..BusSettings::of(endpoint)
        },
    );
    let read = Read { function: probe.function, address: 0, count: 2, optional: false };
    let mut outcome = Ok(());
    let mut any = false;
    for unit in units {
        // By these a device means itself, whatever its address is.
        if any && matches!(unit, 0 | 255) {
            continue;
        }
        let settings = DeviceSettings {
            gap,
            timeout: probe.timeout,
            connect_delay: probe.connect_delay,
            // One try: an address at which nobody is must not cost three.
            patience: probe.timeout + probe.connect_delay + 2 * gap,
            values: Vec::new(),
        };
        match bus.device(*unit, settings.clone()).read_part(&[read], &[]).await {
            Ok(_) | Err(Trouble::Exception(0..=9)) => {
                let settings = DeviceSettings {
                    timeout: READ_TIMEOUT.max(probe.timeout),
                    patience: READ_PATIENCE,
                    ..settings
                };
                let Some(find) = recognise(&bus, *unit, probe.catalogue, &settings, found).await else {
                    continue;
                };
                let first = !std::mem::replace(&mut any, true);
                if first && !serial && answers_as(&bus, NOBODY, &find, &settings).await {
                    break;
                }
            }
            Err(trouble @ (Trouble::HungUp | Trouble::HungUpAtOnce)) if serial => outcome = Err(trouble),
            Err(trouble) if trouble.is_disconnection() => outcome = Err(trouble),
            Err(_) => {}
        }
        if outcome.is_err() {
            break;
        }
    }
    bus.close().await;
    match outcome {
        // It is there, and does not like this way of asking.
        Err(Trouble::HungUp | Trouble::HungUpAtOnce) => Ok(()),
        outcome => outcome,
    }
}

/// Tells whether a unit gives what another one gave: then the device does not look at the address.
async fn answers_as(bus: &Bus, unit: u8, find: &Find, settings: &DeviceSettings) -> bool {
    let device = bus.device(unit, settings.clone());
    match find.profile.values().first() {
        Some(value) => device.read(&[*value]).await.is_ok(),
        None => sunspec::walk(&device).await.is_ok(),
    }
}

/// Finds out what a unit that answers is, and returns the likeliest.
async fn recognise(
    bus: &Bus,
    unit: u8,
    catalogue: &Catalogue,
    settings: &DeviceSettings,
    found: &mut impl FnMut(Find),
) -> Option<Find> {
    let device = bus.device(unit, settings.clone());
    if let Some(find) = walked(&device, catalogue, found).await {
        return Some(find);
    }
    let mut likely: Vec<Find> = Vec::new();
    for profile in catalogue.iter().filter(|profile| profile.protocol == Protocol::Modbus) {
        let values = profile.values();
        // One value first: most profiles are ruled out by one exception.
        let required = values.iter().find(|value| !value.optional).copied();
        let Some(first) = required else { continue };
        let device = bus.device(unit, DeviceSettings { values, ..settings.clone() });
        if device.read(&[first]).await.is_err() {
            continue;
        }
        let Ok(reading) = device.read(&profile.reads()).await else { continue };
        let observation = Observation::of_registers(profile, reading);
        let confidence = likeness(profile, &observation.sample(Timestamp::default()));
        if confidence >= LEAST_CONFIDENCE {
            let settings = MeterSettings { unit, ..MeterSettings::of(profile) };
            let endpoint = bus.endpoint().clone();
            let profile = profile.clone();
            likely.push(Find { profile, endpoint, settings, observation, confidence });
        }
        if confidence >= SURE && bus.endpoint().speaks_rtu() {
            break;
        }
    }
    // The sort is stable: of equals, the one that is listed first is the more usual.
    likely.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    let best = likely.first()?.clone();
    let mut told: Vec<Find> = Vec::new();
    for find in likely.into_iter().take_while(|find| find.confidence > best.confidence - CLOSE) {
        if !told.iter().any(|told| is_same_map(told, &find.profile)) {
            told.push(find.clone());
            found(find);
        }
    }
    for part in best.profile.parts() {
        if let Some(find) = part_of(bus, &best, part, settings).await {
            found(find);
        }
    }
    Some(best)
}

/// Returns whether a profile is another name of the map of a find: it makes the same of the same registers.
/// What each has read itself is of different instants, between which values move.
fn is_same_map(find: &Find, profile: &Profile) -> bool {
    let Raw::Registers { registers, .. } = find.observation.raw() else { return false };
    let (one, other) = (find.sample(), profile.decode(registers, Timestamp::default(), Orientation::AsMeter));
    one.power == other.power && one.import == other.import
}

/// Reads what else a device measures: the roof of a hybrid inverter. What has never counted is not there.
async fn part_of(bus: &Bus, find: &Find, part: &Arc<Profile>, settings: &DeviceSettings) -> Option<Find> {
    let device = bus.device(find.settings.unit, DeviceSettings { values: part.values(), ..settings.clone() });
    let observation = Observation::of_registers(part, device.read(&part.reads()).await.ok()?);
    let sample = observation.sample(Timestamp::default());
    let counted = [sample.import, sample.export].into_iter().flatten().any(|counter| !counter.is_zero());
    (counted && likeness::is_possible(&sample)).then(|| Find {
        profile: part.clone(),
        observation,
        ..find.clone()
    })
}

/// Walks a unit's SunSpec chain and tells what of it can be read. Returns the first.
async fn walked(device: &Device, catalogue: &Catalogue, found: &mut impl FnMut(Find)) -> Option<Find> {
    let Ok((chain, _)) = sunspec::walk(device).await else { return None };
    let mut first = None;
    for profile in catalogue.iter().filter(|profile| profile.protocol == Protocol::Sunspec) {
        for (instance, model) in (1..).zip(profile.found_in(&chain)) {
            let Some(located) = profile.located(&model) else { continue };
            let Ok(reading) = device.read_part(&located.reads(), &located.values()).await else { continue };
            let observation = Observation::of_registers(&located, reading);
            let sample = observation.sample(Timestamp::default());
            // The device says itself what it is; values only tell whether it is awake.
            let awake = sample.power.is_some() || sample.import.is_some();
            let settings = MeterSettings { unit: device.unit(), instance, ..MeterSettings::of(profile) };
            let endpoint = device.bus().endpoint().clone();
            let confidence = if awake { 1.0 } else { 0.8 };
            let profile = profile.clone();
            let find = Find { profile, endpoint, settings, observation, confidence };
            first.get_or_insert_with(|| find.clone());
            found(find);
        }
    }
    first
}
