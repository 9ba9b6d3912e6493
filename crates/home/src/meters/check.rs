//! A find before it is added: read again and again, beside the device's own display.

use std::time::Duration;

use drivers::{Find, Meter, Observation, ReadError};
use tokio_util::sync::CancellationToken;
use units::{Clock, Energy, SystemClock, Timestamp};

use super::evidence::{Readings, fold};
use super::find_view;
use super::wiring::Hold;
use crate::house::{Home, House, ViewName};
use crate::view::Whole;
use crate::view::frame::{Refusal, Trouble};
use crate::view::meters::setup::{EnergyCheck, EvidenceView, MeterCheckView, SetupView, SignView, Told};

/// A display is read once a second or slower.
const EVERY: Duration = Duration::from_secs(1);

/// A check that nobody ends, as when the window was closed, lets go of the line by itself.
const LONGEST: Duration = Duration::from_secs(1800);

/// A find that is being checked.
#[derive(Debug)]
pub struct Check {
    id: u64,
    pub number: u32,
    find: Find,
    readings: Readings,
    /// What was read and what failed.
    good: u32,
    failed: u32,
    trouble: Option<Trouble>,
    told: Vec<(Told, Timestamp, Timestamp)>,
    resolution: Energy,
    cancel: CancellationToken,
}

impl Check {
    pub fn view(&self, house: &House) -> MeterCheckView {
        let now = SystemClock.now();
        let last = self.readings.last();
        let evidence: Vec<EvidenceView> = self
            .told
            .iter()
            .map(|(told, real, market)| {
                let (before, after, sign) = self.readings.judge(*told, *real, now);
                EvidenceView {
                    told: *told,
                    at: (*market).into(),
                    before_milliwatts: before.map(Whole::from),
                    after_milliwatts: after.map(Whole::from),
                    sign,
                }
            })
            .collect();
        MeterCheckView {
            find: find_view(house, self.number, &self.find),
            values: last.map(|(_, sample)| sample.into()),
            age_s: last.map(|(_, sample)| Whole::new(house.now().since(sample.at).as_secs() as i64)),
            trouble: self.trouble.clone(),
            readings: Whole::new(self.good.into()),
            failed: Whole::new(self.failed.into()),
            sign: fold(evidence.iter().map(|evidence| evidence.sign)),
            energy: self.readings.energy(self.resolution),
            evidence,
        }
    }

    /// Returns what is known of the counters and of the sign.
    pub fn verdict(&self) -> (EnergyCheck, SignView) {
        let now = SystemClock.now();
        let signs = self.told.iter().map(|(told, at, _)| self.readings.judge(*told, *at, now).2);
        (self.readings.energy(self.resolution), fold(signs))
    }

    fn end(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.end();
    }
}

impl Home {
    /// Begins to read a find again and again, in place of a check that is under way.
    pub async fn start_check(&self, number: u32) -> Result<SetupView, Refusal> {
        let house = self.house()?.clone();
        house.check_trades()?;
        let find = house.find(number)?;
        let cancel = CancellationToken::new();
        let id = house.begin_check(number, &find, cancel.clone());
        let checked = house.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(LONGEST) => {}
                () = read_on(&checked, id, find) => {}
            }
        });
        self.setup_now(&house).await
    }

    /// Takes in what the owner tells about this moment, and watches what the meter says to it.
    pub async fn tell_check(&self, told: Told) -> Result<SetupView, Refusal> {
        let house = self.house()?.clone();
        let market = house.now();
        if let Some(check) = &mut house.setup.lock().check {
            check.told.push((told, SystemClock.now(), market));
        }
        house.changed(ViewName::Meters);
        self.setup_now(&house).await
    }

    /// Ends the check and lets go of the line.
    pub async fn end_check(&self) -> Result<SetupView, Refusal> {
        let house = self.house()?.clone();
        house.setup.lock().check = None;
        house.changed(ViewName::Meters);
        self.setup_now(&house).await
    }
}

impl House {
    /// Notes that a check begins, and returns what tells it from others.
    fn begin_check(&self, number: u32, find: &Find, cancel: CancellationToken) -> u64 {
        let mut under_way = self.setup.lock();
        let id = under_way.check.as_ref().map_or(0, |check| check.id) + 1;
        under_way.check = Some(Check {
            id,
            number,
            find: find.clone(),
            readings: Readings::default(),
            good: 0,
            failed: 0,
            trouble: None,
            told: Vec::new(),
            resolution: find.observation.resolution(Energy::ZERO),
            cancel,
        });
        id
    }
}

async fn read_on(house: &House, id: u64, find: Find) {
    // A port has one reader, and many devices serve one connection.
    let _held = house.lines.hold(Hold::Places(vec![find.endpoint.name()])).await;
    let meter = Meter::open(find.endpoint.clone(), &find.profile, find.settings);
    while take(house, id, meter.read().await) {
        house.changed(ViewName::Meters);
        tokio::time::sleep(EVERY).await;
    }
    meter.close().await;
}

/// Takes in a reading; returns whether the check goes on.
fn take(house: &House, id: u64, outcome: Result<Observation, ReadError>) -> bool {
    let mut under_way = house.setup.lock();
    let Some(check) = under_way.check.as_mut().filter(|check| check.id == id) else { return false };
    match outcome {
        Ok(observation) => {
            let sample = observation.sample(house.time_of(observation.taken));
            check.resolution = observation.resolution(sample.import.unwrap_or(Energy::ZERO));
            check.readings.push(SystemClock.now() - observation.taken.elapsed(), sample);
            check.good += 1;
            check.trouble = None;
        }
        Err(error) => {
            check.failed += 1;
            check.trouble = Some(Trouble::from(&error));
        }
    }
    true
}
