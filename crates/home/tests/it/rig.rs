//! A home that runs against meters that this process serves over Modbus TCP.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use home::view::frame::MeterStateView;
use home::view::meters::setup::{AddMeterAsk, MeterCheckView, SearchAsk, SearchState, SearchView};
use home::view::meters::{MeterView, NettingView, RoleView};
use home::{Home, HomeOptions, SecretSource, ViewName};
use metering::{Kind, Profile, Sample, profile};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use units::{Current, Energy, Frequency, Power, Voltage};

/// A machine that is busy with other tests is given this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sixty market seconds in one, so that a meter is read six times a second.
const HOME: &str = r#"
name = "Acacia Street 4"
zone = "Europe/Berlin"
currency = "EUR"
fuse_w = 17000

[simulation]
speed = 60.0
market_origin = "2026-06-01T10:00:00Z"
real_origin = "REAL"
"#;

/// A device of a profile at unit 1; every other address is nobody's.
#[derive(Clone)]
pub struct Served {
    profile: Arc<Profile>,
    /// What it shows at each place that it measures.
    shown: Arc<Mutex<Vec<(Kind, Sample)>>>,
    /// Connections that are open.
    connections: Arc<AtomicUsize>,
}

impl Served {
    pub async fn start(name: &str) -> (Self, String) {
        let profile = Arc::new(profile(name).unwrap().clone());
        let places = std::iter::once(&profile).chain(profile.parts()).map(|part| {
            let sample = Sample {
                voltage: Some(vec![Voltage::from_volts(230); 3]),
                frequency: Some(Frequency::from_hertz(50)),
                ..Sample::default()
            };
            (part.kind, sample)
        });
        let shown = Arc::new(Mutex::new(places.collect()));
        let served = Self { profile, shown, connections: Arc::default() };
        served.show(300, 7_000_000, 1_000_000);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let device = served.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let device = device.clone();
                tokio::spawn(async move {
                    device.connections.fetch_add(1, Ordering::Relaxed);
                    drop(device.serve(stream).await);
                    device.connections.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        (served, address)
    }

    /// Shows at the place that the device is for.
    pub fn show(&self, watts: i64, import_wh: i64, export_wh: i64) {
        self.show_at(self.profile.kind, watts, import_wh, export_wh);
    }

    pub fn show_at(&self, kind: Kind, watts: i64, import_wh: i64, export_wh: i64) {
        let mut shown = self.shown.lock().unwrap();
        let (_, sample) = shown.iter_mut().find(|(place, _)| *place == kind).unwrap();
        sample.power = Some(Power::from_watts(watts));
        let third = Power::from_milliwatts(watts * 1000 / 3);
        sample.phase_power = Some(vec![third; 3]);
        sample.current = Some(vec![Current::from_milliamperes(watts.abs() * 1000 / 690); 3]);
        sample.import = Some(Energy::from_watt_hours(import_wh));
        sample.export = Some(Energy::from_watt_hours(export_wh));
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let mut request = [0_u8; 12];
            stream.read_exact(&mut request).await?;
            let (unit, function) = (request[6], request[7]);
            let address = u16::from_be_bytes([request[8], request[9]]);
            let count = u16::from_be_bytes([request[10], request[11]]);
            let words = self.words();
            let asked = address..address.saturating_add(count);
            let there: Option<Vec<u16>> = asked.map(|at| words.get(&(function, at)).copied()).collect();
            let pdu = match (unit, there) {
                (1, Some(words)) => {
                    let bytes = words.iter().flat_map(|word| word.to_be_bytes());
                    [function, (count * 2) as u8].into_iter().chain(bytes).collect()
                }
                (1, None) => vec![function | 0x80, 2],
                _ => vec![function | 0x80, 11],
            };
            let mut answer = request[..4].to_vec();
            answer.extend((pdu.len() as u16 + 1).to_be_bytes());
            answer.push(unit);
            answer.extend(pdu);
            stream.write_all(&answer).await?;
        }
    }

    /// Returns its registers: what it shows, and zeros between. What one place shows may lie between what
    /// another does.
    fn words(&self) -> BTreeMap<(u8, u16), u16> {
        let mut words = BTreeMap::new();
        for (kind, sample) in self.shown.lock().unwrap().iter() {
            let part = self.profile.standing_at(*kind);
            for (function, address, shown) in part.encode(sample) {
                words.extend((address..).zip(shown).map(|(at, word)| ((function, at), word)));
            }
            for read in part.reads() {
                for at in read.address..read.address + read.count {
                    words.entry((read.function, at)).or_insert(0);
                }
            }
        }
        words
    }
}

/// A home that runs.
pub struct Running {
    pub home: Home,
    pub folder: TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn open(folder: &Path) -> Home {
    Home::open(HomeOptions {
        dir: folder.to_owned(),
        secrets: SecretSource::PassphraseFile(folder.join("passphrase")),
        program: "test".to_owned(),
        create: false,
    })
    .unwrap()
}

impl Running {
    /// Starts a home without a meter.
    pub fn start() -> Self {
        Self::start_with("", |_| {})
    }

    /// Starts a home with more lines in its file, and with a past.
    pub fn start_with(lines: &str, past: impl FnOnce(&Home)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = units::Clock::now(&units::SystemClock).to_string();
        let file = format!("{}\n{lines}", HOME.replace("REAL", &real));
        std::fs::write(folder.path().join("home.toml"), file).unwrap();
        std::fs::write(folder.path().join("passphrase"), "correct horse battery staple").unwrap();
        let home = open(folder.path());
        past(&home);
        Self::run(home, folder)
    }

    fn run(home: Home, folder: TempDir) -> Self {
        let stop = CancellationToken::new();
        let (running, ends) = (home.clone(), stop.clone());
        let task = tokio::spawn(async move { running.run(ends).await });
        Self { home, folder, stop, task }
    }

    /// Ends it, and starts it again with what it wrote.
    pub async fn restart(self, between: impl FnOnce()) -> Self {
        let Self { home, folder, stop, task } = self;
        stop.cancel();
        task.await.unwrap();
        drop(home);
        between();
        Self::run(open(folder.path()), folder)
    }

    /// Looks whenever the meters have changed, until it is so.
    pub async fn until<T>(&self, mut look: impl FnMut(&Home) -> Option<T>) -> T {
        let mut changes = self.home.changes();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(seen) = look(&self.home) {
                    return seen;
                }
                while !matches!(changes.recv().await, Ok(ViewName::Meters) | Err(_)) {}
            }
        });
        waited.await.expect("it never came to be so")
    }

    pub async fn search(&self, address: &str) -> SearchView {
        let ask = SearchAsk { hosts: vec![address.to_owned()], ..SearchAsk::default() };
        self.home.start_search(&ask).await.unwrap();
        self.until(|home| {
            let search = home.meter_setup().unwrap().search.unwrap();
            (search.state == SearchState::Done).then_some(search)
        })
        .await
    }

    pub async fn check(&self, so: impl Fn(&MeterCheckView) -> bool) -> MeterCheckView {
        self.until(|home| home.meter_setup().unwrap().check.filter(|check| so(check))).await
    }

    pub async fn meter(&self, so: impl Fn(&MeterView) -> bool) -> MeterView {
        self.until(|home| home.meters().unwrap().meters.into_iter().find(|meter| so(meter))).await
    }

    pub async fn add(&self, address: &str) -> MeterView {
        self.search(address).await;
        self.home.add_meter(&ask(RoleView::Grid)).await.unwrap();
        self.meter(|meter| meter.state == MeterStateView::Fresh).await
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub fn ask(role: RoleView) -> AddMeterAsk {
    AddMeterAsk { find: 0, role, inverted: false, netting: NettingView::Meter, confirmed: false }
}

pub fn watts(meter: &MeterView) -> Option<i64> {
    Some(meter.values.as_ref()?.power_milliwatts?.get() / 1000)
}
