//! One run: a server, a line, a master, and episode after episode of trouble.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use drivers::{Bus, BusSettings, Device, DeviceSettings, Endpoint, LineState, Place, Reading};
use metering::{Profile, Read, profile};
use tempfile::TempDir;
use tokio::time::timeout;

use super::figures::Figures;
use super::random::Random;
use super::wire::{Wire, name, random_fault};
use crate::proxy::Framing;
use crate::servers::{Server, Shows, Stack, Way, word_at};

/// The unit that is read.
const UNIT: u8 = 1;

/// So long is waited for an answer here, so that one that is 700 ms late is late.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A device remembers which reads were refused, and chance refuses all sooner or later. It starts anew so
/// often, as it does with the program.
const REMEMBERS: Duration = Duration::from_secs(60);

/// So long after a failure is the next poll.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// After so long without values the run ends.
const HOPELESS: Duration = Duration::from_secs(120);

/// A scan goes on to other ways of asking, which take long.
const SCAN: Duration = Duration::from_secs(60);

/// The clock of a process may be read a moment before that of another shows the same second.
const CLOCK_SLACK: Duration = Duration::from_millis(5);

/// Which server, over which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination {
    pub stack: Stack,
    pub serial: bool,
}

impl Combination {
    pub fn all() -> impl Iterator<Item = Self> {
        let both = |stack| [false, true].map(|serial| Self { stack, serial });
        Stack::ALL.into_iter().flat_map(both)
    }

    pub fn line(&self) -> &'static str {
        if self.serial { "serial" } else { "tcp" }
    }

    fn framing(&self) -> Framing {
        if self.serial { Framing::Rtu } else { Framing::Tcp }
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Run {
    pub combination: Combination,
    pub lasts: Duration,
    pub seed: u64,
    /// Whether faults are mixed in; otherwise it is read each second.
    pub faults: bool,
}

impl Run {
    pub async fn run(&self) -> Result<Figures> {
        let mut bench = Bench::new(self).await?;
        let ends = Instant::now() + self.lasts;
        bench.recover("start", Instant::now()).await?;
        if self.faults {
            while Instant::now() < ends {
                bench.episode().await?;
            }
        } else {
            bench.scan().await?;
            while Instant::now() < ends {
                let next = Instant::now() + Duration::from_secs(1);
                bench.poll().await;
                tokio::time::sleep_until(next.into()).await;
            }
        }
        bench.finish().await
    }
}

/// A running bench: everything between the server and the values.
struct Bench {
    combination: Combination,
    wire: Wire,
    server: Option<Server>,
    port: u16,
    folder: TempDir,
    bus: Bus,
    device: Device,
    device_since: Instant,
    profile: &'static Profile,
    random: Random,
    turn: u16,
    figures: Figures,
}

impl Bench {
    async fn new(run: &Run) -> Result<Self> {
        let combination = run.combination;
        let folder = TempDir::new()?;
        let (wire, server) = if combination.serial {
            let wire = Wire::serial()?;
            let server = serve(combination.stack, 0, wire.far.clone(), log_of(&folder)).await?;
            (wire, server)
        } else {
            let server = serve(combination.stack, 0, None, log_of(&folder)).await?;
            (Wire::tcp(server.port()).await?, server)
        };
        let port = if combination.serial { 0 } else { server.port() };
        let settings = BusSettings { adapters: wire.adapters.clone(), ..BusSettings::of(&wire.endpoint) };
        let bus = Bus::open(wire.endpoint.clone(), settings);
        let profile = profile("eastron-sdm630").context("the profile is compiled in")?;
        let mut figures = Figures::new(combination, run.seed);
        // A server on a line does not log what is for other units, as a scan's requests are.
        figures.lossy = run.faults || combination.serial;
        Ok(Self {
            combination,
            device: device(&bus, profile),
            device_since: Instant::now(),
            wire,
            server: Some(server),
            port,
            folder,
            bus,
            profile,
            random: Random::new(run.seed),
            turn: 0,
            figures,
        })
    }

    /// One kind of trouble, and the time until it is over.
    async fn episode(&mut self) -> Result<()> {
        if self.device_since.elapsed() > REMEMBERS {
            self.renew();
        }
        match self.random.below(100) {
            0..60 => self.one_fault().await,
            60..70 => self.storm().await,
            70..80 => self.short_reads().await,
            80..86 => {
                for _ in 0..3 {
                    self.poll().await;
                }
                Ok(())
            }
            86..93 => self.restart().await,
            _ if self.combination.serial => self.replug().await,
            _ => self.occupy().await,
        }
    }

    fn name(&self) -> String {
        format!("{} over {}", self.combination.stack, self.combination.line())
    }

    fn renew(&mut self) {
        (self.device, self.device_since) = (device(&self.bus, self.profile), Instant::now());
    }

    /// One to three answers meet the same fault.
    async fn one_fault(&mut self) -> Result<()> {
        let fault = random_fault(&mut self.random, self.combination.framing());
        let times = 1 + self.random.below(3) as usize;
        self.wire.state().faults.extend(vec![fault.clone(); times]);
        while !self.wire.state().faults.is_empty() {
            self.poll().await;
        }
        let last = self.wire.state().last;
        self.recover(name(&fault), last).await
    }

    /// For some seconds two answers in five meet a fault.
    async fn storm(&mut self) -> Result<()> {
        let ends = Instant::now() + Duration::from_millis(2000 + self.random.below(10_000));
        let random = Random::new(self.random.below(u64::MAX));
        self.wire.state().storm = Some((random, 40));
        while Instant::now() < ends {
            self.poll().await;
        }
        self.wire.state().clear();
        self.wire.state().note("storm");
        // What was thrown last may be anything, so what is promised of the slowest is promised.
        self.recover("late", Instant::now()).await
    }

    /// The device takes short reads only.
    async fn short_reads(&mut self) -> Result<()> {
        self.renew();
        let longest = *self.random.choose(&[10, 50]);
        self.wire.state().longest = longest;
        self.wire.state().note(if longest == 10 { "at most 10 registers" } else { "at most 50 registers" });
        let began = Instant::now();
        let reads = self.profile.reads();
        let mut polls = 1;
        while !self.read(&reads).await {
            polls += 1;
            let troubles = self.device.take_troubles();
            anyhow::ensure!(
                polls < 50,
                "no values from {} that takes {longest} registers: {troubles:?}",
                self.name()
            );
        }
        self.figures.came_back("short reads", polls, began.elapsed());
        self.wire.state().clear();
        self.renew();
        Ok(())
    }

    /// The server ends and starts again, seen through the wire in three ways.
    async fn restart(&mut self) -> Result<()> {
        let way = if self.combination.serial { 3 } else { self.random.below(3) };
        let kind = match way {
            0 => {
                self.wire.hang_up(false);
                "restart"
            }
            1 => {
                self.wire.hang_up(true);
                "restart of a gateway"
            }
            2 => {
                self.wire.forget();
                "power cut of a gateway"
            }
            _ => "restart",
        };
        self.wire.state().note(kind);
        self.wire.state().away = true;
        self.server = None;
        let back = Instant::now() + Duration::from_millis(300 + self.random.below(2000));
        while Instant::now() < back {
            self.poll().await;
        }
        let far = self.wire.far.clone();
        let server = serve(self.combination.stack, self.port, far, log_of(&self.folder)).await?;
        self.server = Some(server);
        self.wire.state().clear();
        self.recover(kind, Instant::now()).await
    }

    /// The adapter is pulled out, and comes back under another name.
    async fn replug(&mut self) -> Result<()> {
        self.wire.state().note("unplugged");
        let mut state = self.bus.state();
        let pulled = Instant::now();
        self.wire.unplug().await?;
        let missed = state.wait_for(|state| *state == LineState::Disconnected);
        timeout(Duration::from_secs(10), missed).await.context("nobody misses the adapter")??;
        self.figures.came_back("missed", 0, pulled.elapsed());
        let back = Instant::now() + Duration::from_millis(300 + self.random.below(2000));
        while Instant::now() < back {
            self.poll().await;
        }
        self.wire.plug()?;
        self.recover("replugged", Instant::now()).await
    }

    /// Another program takes the only connection that the device has.
    async fn occupy(&mut self) -> Result<()> {
        self.wire.state().note("occupied");
        self.wire.state().occupied = true;
        self.wire.hang_up(true);
        let back = Instant::now() + Duration::from_millis(500 + self.random.below(4000));
        while Instant::now() < back {
            self.poll().await;
        }
        self.wire.state().clear();
        self.recover("occupied", Instant::now()).await
    }

    /// Looks for devices, as someone does who adds a meter. There are none among words of chance.
    async fn scan(&mut self) -> Result<()> {
        // A port is for one program at a time.
        self.bus.close().await;
        let place = match &self.wire.endpoint {
            Endpoint::Serial { path, .. } => Place::Serial(path.clone()),
            endpoint => Place::host(&endpoint.name())?,
        };
        drop(timeout(SCAN, drivers::scan(&place, |_| {})).await);
        let settings =
            BusSettings { adapters: self.wire.adapters.clone(), ..BusSettings::of(&self.wire.endpoint) };
        self.bus = Bus::open(self.wire.endpoint.clone(), settings);
        self.renew();
        Ok(())
    }

    /// Polls until all values are there again.
    async fn recover(&mut self, after: &'static str, since: Instant) -> Result<()> {
        let mut polls = 1;
        while !self.poll().await {
            polls += 1;
            let waited = since.elapsed();
            anyhow::ensure!(waited < HOPELESS, "no values from {} for {waited:?} after {after}", self.name());
        }
        self.figures.came_back(after, polls, since.elapsed());
        Ok(())
    }

    /// Reads once: now what the profile reads, now as many registers as before in another place, whose
    /// answer looks alike. Returns whether all values came.
    async fn poll(&mut self) -> bool {
        self.turn = self.turn.wrapping_add(1);
        let reads = match self.turn % 4 {
            0 => self.profile.reads(),
            turn => {
                let function = if turn == 3 { 3 } else { 4 };
                let address = 10 * (self.turn % 20);
                vec![Read { function, address, count: 10, optional: false }]
            }
        };
        self.read(&reads).await
    }

    async fn read(&mut self, reads: &[Read]) -> bool {
        self.figures.polls += 1;
        let Ok(reading) = self.device.read(reads).await else {
            // While a line is given a rest, it is said so at once.
            tokio::time::sleep(AFTER_FAILURE).await;
            return false;
        };
        let all = self.check(reads, &reading);
        self.figures.good += u64::from(all);
        all
    }

    /// Compares each value with what it was at any time while it was read.
    fn check(&mut self, reads: &[Read], reading: &Reading) -> bool {
        let half = reading.took / 2 + CLOCK_SLACK;
        let (now, clock) = (Instant::now(), SystemTime::now());
        let second = |at: Instant| {
            let at = clock - now.saturating_duration_since(at);
            at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
        };
        let seconds = second(reading.taken - half)..=second(reading.taken + half);
        let mut all = true;
        for read in reads {
            for address in read.address..read.address + read.count {
                let Some(word) = reading.registers.get(read.function, address) else {
                    all = false;
                    continue;
                };
                self.figures.values += 1;
                let is_true = |second: u64| word_at(second, UNIT, read.function, address) == word;
                if !seconds.clone().any(is_true) {
                    self.figures.wrong.push(format!(
                        "register {address} of function {} is {word:04x} and was that in none of the seconds \
                         {seconds:?}, poll {}",
                        read.function, self.figures.polls
                    ));
                }
            }
        }
        all
    }

    async fn finish(mut self) -> Result<Figures> {
        self.bus.close().await;
        drop(self.server.take());
        let state = self.wire.state();
        self.figures.faults = state.happened.clone();
        self.figures.functions = state.functions.clone();
        self.figures.strays = state.strays.clone();
        drop(state);
        self.figures.logged = logged(&log_of(&self.folder))?;
        Ok(self.figures)
    }
}

fn device(bus: &Bus, profile: &Profile) -> Device {
    let mut settings = DeviceSettings::of(profile);
    settings.patience = settings.patience - 3 * settings.timeout + 3 * TIMEOUT;
    settings.timeout = TIMEOUT;
    // Every register counts here, also those between the profile's values, which a cut would leave out.
    settings.values = Vec::new();
    bus.device(UNIT, settings)
}

fn log_of(folder: &TempDir) -> PathBuf {
    folder.path().join("functions")
}

async fn serve(stack: Stack, port: u16, far: Option<PathBuf>, log: PathBuf) -> Result<Server> {
    let start = move || {
        let way = far.as_deref().map_or(Way::Tcp(port), Way::Serial);
        Server::start(stack, way, &[(UNIT, Shows::Clock)], Some(&log))
    };
    tokio::task::spawn_blocking(start).await?
}

/// Counts the function codes in a server's log.
fn logged(log: &Path) -> Result<BTreeMap<u8, u64>> {
    let mut functions = BTreeMap::new();
    for line in std::fs::read_to_string(log).context("the server's log")?.lines() {
        *functions.entry(line.trim().parse()?).or_default() += 1;
    }
    Ok(functions)
}
