//! A device that tells where its values are: walked once a connection, then read where the walk led.

use std::sync::Arc;

use metering::sunspec::{Chain, Reply, Walk, WalkError};
use metering::{Profile, Read};
use tokio::sync::Mutex;

use crate::device::{Device, Reading};
use crate::read_error::ReadError;
use crate::trouble::Trouble;

/// A unit with a chain of models, of which one is read. Clones share where it was found.
#[derive(Clone, Debug)]
pub(crate) struct Chained {
    pub device: Device,
    profile: Arc<Profile>,
    /// Which of the models that the profile reads, counted from 1.
    instance: u16,
    place: Arc<Mutex<Option<Place>>>,
}

/// Where a walk led.
#[derive(Clone, Debug)]
struct Place {
    /// The connection over which it was walked.
    connection: u64,
    profile: Arc<Profile>,
    reads: Vec<Read>,
    values: Vec<Read>,
}

impl Chained {
    pub fn new(device: Device, profile: Arc<Profile>, instance: u16) -> Self {
        Self { device, profile, instance, place: Arc::default() }
    }

    /// Reads the model, after a walk where none was made over this connection. Returns the profile of the
    /// model at its place, too.
    pub async fn read(&self) -> Result<(Reading, Arc<Profile>), ReadError> {
        let outcome = self.read_placed().await;
        self.device.count(outcome)
    }

    async fn read_placed(&self) -> Result<(Reading, Arc<Profile>), Trouble> {
        let mut place = self.place.lock().await;
        let mut again = true;
        loop {
            let here = match place.take().filter(|place| place.connection == self.connection()) {
                Some(here) => here,
                None => self.walk().await?,
            };
            let outcome = self.device.read_part(&here.reads, &here.values).await;
            // What answered after a new connection may be laid out in another way.
            let moved = here.connection != self.connection();
            match outcome {
                Ok(reading) if !moved => {
                    let profile = here.profile.clone();
                    *place = Some(here);
                    return Ok((reading, profile));
                }
                Ok(_) | Err(Trouble::Exception(1..=3)) if again => again = false,
                Ok(_) => return Err(Trouble::HungUp),
                Err(trouble) => {
                    *place = Some(here);
                    return Err(trouble);
                }
            }
        }
    }

    async fn walk(&self) -> Result<Place, Trouble> {
        self.device.forget().await;
        let (chain, connection) = walk(&self.device).await?;
        let found = self.profile.found_in(&chain);
        let found = usize::from(self.instance).checked_sub(1).and_then(|index| found.get(index));
        let Some(profile) = found.and_then(|found| self.profile.located(found)) else {
            self.device.note(&Trouble::NoModel);
            return Err(Trouble::NoModel);
        };
        let (reads, values) = (profile.reads(), profile.values());
        Ok(Place { connection, profile: Arc::new(profile), reads, values })
    }

    fn connection(&self) -> u64 {
        self.device.bus().connections()
    }
}

/// Walks a unit's chain. Returns also the connection over which it was walked.
pub(crate) async fn walk(device: &Device) -> Result<(Chain, u64), Trouble> {
    let mut walk = Walk::new();
    let mut connection = None;
    while let Some(read) = walk.next() {
        match device.read_part(&[read], &[]).await {
            Ok(reading) => match reading.registers.words(read.function, read.address, read.count) {
                Some(words) => walk.take(Reply::Words(words)),
                // The device gave a part.
                None => walk.take(Reply::Exception(2)),
            },
            Err(Trouble::Exception(code)) => walk.take(Reply::Exception(code)),
            Err(trouble) => return Err(trouble),
        }
        // The links of two connections are not one chain.
        let now = device.bus().connections();
        if *connection.get_or_insert(now) != now {
            return Err(Trouble::HungUp);
        }
    }
    let trouble = match walk.finish() {
        Ok(chain) => return Ok((chain, connection.unwrap_or_default())),
        Err(WalkError::NoChain) => Trouble::NoChain,
        Err(WalkError::Exception(code)) => return Err(Trouble::Exception(code)),
    };
    device.note(&trouble);
    Err(trouble)
}
