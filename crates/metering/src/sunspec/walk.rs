//! The walk along a chain of models.

use super::{Chain, Device, Model};
use crate::profile::Read;

/// Where chains begin, the most usual place first.
const BASES: [u16; 3] = [40_000, 0, 50_000];

/// The mark at the beginning: "SunS".
const MARK: [u16; 2] = [0x5375, 0x6E53];

/// The model that names a device.
const COMMON: u16 = 1;

const END: u16 = 0xFFFF;

/// The longest chains that are sold have some 40 models; one that is longer goes in circles.
const MOST_MODELS: usize = 200;

/// The texts of the model that names a device: offset from its id and length, in registers.
const MAKER: (u16, u16) = (2, 16);
const MODEL: (u16, u16) = (18, 16);
const VERSION: (u16, u16) = (42, 8);
const SERIAL: (u16, u16) = (50, 16);
const TEXTS: [(u16, u16); 4] = [MAKER, MODEL, VERSION, SERIAL];

/// What a device answered to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    Words(&'a [u16]),
    /// A Modbus exception.
    Exception(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    #[error("no SunSpec chain begins at 40000, 0 or 50000")]
    NoChain,
    #[error("the device broke the walk off with exception {0}")]
    Exception(u8),
}

/// A walk in progress. Ask `next`, read, hand the answer to `take`, until `next` has nothing more to ask.
#[derive(Clone, Debug)]
pub struct Walk {
    step: Step,
    chain: Chain,
    models: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Look for the mark at one of the bases.
    Mark(usize),
    /// Read id and length.
    Header(u16),
    /// Read the names of a device, all at once or, where the device takes only short reads, one by one.
    Names {
        address: u16,
        length: u16,
        text: Option<usize>,
    },
    Done(Result<(), WalkError>),
}

impl Default for Walk {
    fn default() -> Self {
        Self::new()
    }
}

impl Walk {
    pub fn new() -> Self {
        Self { step: Step::Mark(0), chain: Chain::default(), models: 0 }
    }

    /// Returns what to read next, if the walk is not over.
    pub fn next(&self) -> Option<Read> {
        let read = |address, count| Some(Read { function: 3, address, count, optional: false });
        match &self.step {
            Step::Mark(base) => read(BASES[*base], 2),
            Step::Header(address) => read(*address, 2),
            Step::Names { address, length, text: None } => read(address + MAKER.0, (*length).min(64)),
            Step::Names { address, text: Some(text), .. } => {
                let (offset, count) = TEXTS[*text];
                read(address + offset, count)
            }
            Step::Done(_) => None,
        }
    }

    /// Takes the answer to what `next` asked.
    pub fn take(&mut self, reply: Reply) {
        let asked = self.next().map_or(0, |read| usize::from(read.count));
        let step = match (std::mem::replace(&mut self.step, Step::Done(Ok(()))), reply) {
            // A device that answers so is there and busy, or has lost what is behind it: no end of a chain.
            (_, Reply::Exception(code)) if !(1..=3).contains(&code) => {
                Step::Done(Err(WalkError::Exception(code)))
            }
            (Step::Mark(base), Reply::Words(words)) if words == MARK => {
                self.chain.base = BASES[base];
                Step::Header(BASES[base] + 2)
            }
            (Step::Mark(base), _) if base + 1 < BASES.len() => Step::Mark(base + 1),
            (Step::Mark(_), _) => Step::Done(Err(WalkError::NoChain)),
            (Step::Header(address), Reply::Words(words)) => match *words {
                [id, length] => self.model(address, id, length),
                _ => Step::Done(Ok(())),
            },
            // Some chains end without an end model, or with one that has no length.
            (Step::Header(_), Reply::Exception(_)) => Step::Done(Ok(())),
            (Step::Names { address, length, text }, reply) => {
                let words = match reply {
                    Reply::Words(words) if words.len() == asked => Some(words),
                    Reply::Words(_) | Reply::Exception(_) => None,
                };
                self.names(address, length, text, words)
            }
            (Step::Done(result), _) => Step::Done(result),
        };
        self.step = step;
    }

    /// Returns what the walk found; a walk that is not over has found nothing.
    pub fn finish(self) -> Result<Chain, WalkError> {
        match self.step {
            Step::Done(Ok(())) => Ok(self.chain),
            Step::Done(Err(error)) => Err(error),
            _ => Err(WalkError::NoChain),
        }
    }

    fn model(&mut self, address: u16, id: u16, length: u16) -> Step {
        // Memory that is not there reads as zeros on some devices.
        if id == END || id == 0 || self.models >= MOST_MODELS {
            return Step::Done(Ok(()));
        }
        self.models += 1;
        if id == COMMON {
            self.chain.devices.push(Device::default());
            let fits = address.checked_add(66).is_some();
            return if fits && length >= 64 {
                Step::Names { address, length, text: None }
            } else {
                behind(address, length)
            };
        }
        if self.chain.devices.is_empty() {
            self.chain.devices.push(Device::default());
        }
        let before = self.chain.models().filter(|(_, model)| model.id == id).count();
        let model = Model { id, instance: before as u16 + 1, address, length };
        if let Some(device) = self.chain.devices.last_mut() {
            device.models.push(model);
        }
        behind(address, length)
    }

    fn names(&mut self, address: u16, length: u16, text: Option<usize>, words: Option<&[u16]>) -> Step {
        let Some(device) = self.chain.devices.last_mut() else { return behind(address, length) };
        let slots = [&mut device.maker, &mut device.model, &mut device.version, &mut device.serial];
        match (text, words) {
            (None, Some(words)) => {
                for ((offset, count), slot) in TEXTS.into_iter().zip(slots) {
                    let from = usize::from(offset - MAKER.0);
                    *slot = words.get(from..from + usize::from(count)).and_then(string);
                }
                behind(address, length)
            }
            (None, None) => Step::Names { address, length, text: Some(0) },
            (Some(text), words) => {
                if let Some(slot) = slots.into_iter().nth(text) {
                    *slot = words.and_then(string);
                }
                match text + 1 < TEXTS.len() {
                    true => Step::Names { address, length, text: Some(text + 1) },
                    false => behind(address, length),
                }
            }
        }
    }
}

/// Goes on behind a model, unless the address space ends there.
fn behind(address: u16, length: u16) -> Step {
    let next = address.checked_add(2).and_then(|data| data.checked_add(length));
    match next.filter(|next| *next < u16::MAX) {
        Some(next) => Step::Header(next),
        None => Step::Done(Ok(())),
    }
}

/// Reads a text up to its first zero.
fn string(words: &[u16]) -> Option<String> {
    let bytes: Vec<u8> =
        words.iter().flat_map(|word| word.to_be_bytes()).take_while(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let text: String = text.chars().filter(|c| !c.is_control() && *c != '\u{FFFD}').collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
