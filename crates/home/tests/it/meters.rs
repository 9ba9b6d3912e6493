//! Meters: found, checked, added, replaced and turned round while the house runs, against a Modbus server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use home::view::frame::MeterStateView;
use home::view::meters::journal::JournalKind;
use home::view::meters::setup::{
    AddMeterAsk, InvertMeterAsk, MeterCheckView, ReplaceMeterAsk, SearchAsk, SearchState, SearchView,
    SignView, Told,
};
use home::view::meters::{MeterView, NettingView, RoleView};
use home::{Home, HomeOptions, SecretSource, ViewName};
use metering::{Sample, profile};
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

/// An SDM630 behind a gateway: unit 1, every other address is nobody's.
#[derive(Clone)]
struct Sdm(Arc<Mutex<Sample>>);

impl Sdm {
    async fn start() -> (Self, String) {
        let sdm = Self(Arc::new(Mutex::new(Sample {
            voltage: Some(vec![Voltage::from_volts(230); 3]),
            frequency: Some(Frequency::from_hertz(50)),
            ..Sample::default()
        })));
        sdm.show(300, 7_000_000, 1_000_000);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = sdm.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                tokio::spawn(async move { drop(served.serve(stream).await) });
            }
        });
        (sdm, address)
    }

    fn show(&self, watts: i64, import_wh: i64, export_wh: i64) {
        let mut sample = self.0.lock().unwrap();
        sample.power = Some(Power::from_watts(watts));
        let third = Power::from_milliwatts(watts * 1000 / 3);
        sample.phase_power = Some(vec![third; 3]);
        sample.current = Some(vec![Current::from_milliamperes(watts.abs() * 1000 / 690); 3]);
        sample.import = Some(Energy::from_watt_hours(import_wh));
        sample.export = Some(Energy::from_watt_hours(export_wh));
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let mut request = [0_u8; 12];
            stream.read_exact(&mut request).await?;
            let (unit, function) = (request[6], request[7]);
            let address = u16::from_be_bytes([request[8], request[9]]);
            let count = u16::from_be_bytes([request[10], request[11]]);
            let pdu = match (unit, function) {
                (1, 4) if u32::from(address) + u32::from(count) <= 0x180 => {
                    let words = self.words();
                    let bytes = (address..address + count)
                        .flat_map(|at| words.get(&at).copied().unwrap_or(0).to_be_bytes());
                    let mut pdu = vec![4, (count * 2) as u8];
                    pdu.extend(bytes);
                    pdu
                }
                (1, function) => vec![function | 0x80, 2],
                (_, function) => vec![function | 0x80, 11],
            };
            let mut answer = request[..4].to_vec();
            answer.extend((pdu.len() as u16 + 1).to_be_bytes());
            answer.push(unit);
            answer.extend(pdu);
            stream.write_all(&answer).await?;
        }
    }

    fn words(&self) -> HashMap<u16, u16> {
        let shown = profile("eastron-sdm630").unwrap().encode(&self.0.lock().unwrap());
        shown.into_iter().flat_map(|(_, address, words)| (address..).zip(words).collect::<Vec<_>>()).collect()
    }
}

/// A home that runs, without a meter at first.
struct Running {
    home: Home,
    folder: TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = units::Clock::now(&units::SystemClock).to_string();
        std::fs::write(folder.path().join("home.toml"), HOME.replace("REAL", &real)).unwrap();
        std::fs::write(folder.path().join("passphrase"), "correct horse battery staple").unwrap();
        let home = Home::open(HomeOptions {
            dir: folder.path().to_owned(),
            secrets: SecretSource::PassphraseFile(folder.path().join("passphrase")),
            program: "test".to_owned(),
            create: false,
        })
        .unwrap();
        let stop = CancellationToken::new();
        let (running, ends) = (home.clone(), stop.clone());
        let task = tokio::spawn(async move { running.run(ends).await });
        Self { home, folder, stop, task }
    }

    /// Looks whenever the meters have changed, until it is so.
    async fn until<T>(&self, mut look: impl FnMut(&Home) -> Option<T>) -> T {
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

    async fn search(&self, address: &str) -> SearchView {
        let ask = SearchAsk { hosts: vec![address.to_owned()], ..SearchAsk::default() };
        self.home.start_search(&ask).await.unwrap();
        self.until(|home| {
            let search = home.meter_setup().unwrap().search.unwrap();
            (search.state == SearchState::Done).then_some(search)
        })
        .await
    }

    async fn check(&self, so: impl Fn(&MeterCheckView) -> bool) -> MeterCheckView {
        self.until(|home| home.meter_setup().unwrap().check.filter(|check| so(check))).await
    }

    async fn meter(&self, so: impl Fn(&MeterView) -> bool) -> MeterView {
        self.until(|home| home.meters().unwrap().meters.into_iter().find(|meter| so(meter))).await
    }

    async fn add(&self, address: &str) -> MeterView {
        self.search(address).await;
        self.home.add_meter(&ask(RoleView::Grid)).await.unwrap();
        self.meter(|meter| meter.state == MeterStateView::Fresh).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn ask(role: RoleView) -> AddMeterAsk {
    AddMeterAsk { find: 0, role, inverted: false, netting: NettingView::Meter, confirmed: false }
}

fn watts(meter: &MeterView) -> Option<i64> {
    Some(meter.values.as_ref()?.power_milliwatts?.get() / 1000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r30_a_home_without_a_meter_finds_one_checks_it_and_reads_it() {
    let (sdm, address) = Sdm::start().await;
    let house = Running::start();
    let search = house.search(&address).await;
    assert_eq!(search.finds.len(), 1, "{search:?}");
    assert_eq!(search.finds[0].device.profile, "eastron-sdm630");
    assert_eq!(search.done, search.total);

    house.home.start_check(0).await.unwrap();
    house.check(|check| check.readings.get() >= 2).await;
    // Something is switched on.
    house.home.tell_check(Told::SwitchedOn).await.unwrap();
    sdm.show(2300, 7_000_000, 1_000_000);
    let check = house.check(|check| check.sign != SignView::Watching).await;
    assert_eq!(check.sign, SignView::Right, "{:?}", check.evidence);

    // R-31: in the wrong place only with a word.
    let refused = house.home.add_meter(&ask(RoleView::Battery)).await.unwrap_err();
    assert_eq!(refused.code, "wrong_kind");
    // R-16: what the evidence contradicts is asked about, too.
    let reversed = AddMeterAsk { inverted: true, ..ask(RoleView::Grid) };
    assert_eq!(house.home.add_meter(&reversed).await.unwrap_err().code, "sign_reversed");

    house.home.add_meter(&ask(RoleView::Grid)).await.unwrap();
    let meter = house.meter(|meter| meter.state == MeterStateView::Fresh).await;
    assert_eq!((meter.id.as_str(), watts(&meter)), ("grid", Some(2300)));
    assert_eq!(house.home.add_meter(&ask(RoleView::Grid)).await.unwrap_err().code, "role_taken");
    // The raw registers say what the dashboard says.
    let registers = house.home.meter_registers("grid").unwrap();
    let power = registers.rows.iter().find(|row| row.name.as_deref() == Some("power")).unwrap();
    assert_eq!((power.place.as_str(), power.value.map(|value| value.get())), ("4:0x0034", Some(2_300_000)));
    // Nothing of it was typed, and it is kept.
    let kept = std::fs::read_to_string(house.folder.path().join("home.toml")).unwrap();
    assert!(kept.contains(&format!("tcp = \"{address}\"")), "{kept}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_a_replaced_meter_goes_on_in_one_series() {
    let (sdm, address) = Sdm::start().await;
    let house = Running::start();
    house.add(&address).await;

    // The old one ends 2 kWh off its end by a slip of the pen.
    let whole = |wh: i64| serde_json::from_value(wh.into()).ok();
    let wrong = ReplaceMeterAsk {
        meter: "grid".to_owned(),
        find: None,
        inverted: false,
        netting: NettingView::Meter,
        at: None,
        old_import_wh: whole(9_000_000),
        old_export_wh: whole(1_000_000),
        new_import_wh: whole(5_000),
        new_export_wh: whole(0),
        serial: Some("A-2".to_owned()),
        confirmed: false,
    };
    assert_eq!(house.home.replace_meter(&wrong).await.unwrap_err().code, "final_reading");

    sdm.show(500, 5_000, 0);
    let right = ReplaceMeterAsk { old_import_wh: whole(7_000_002), ..wrong };
    house.home.replace_meter(&right).await.unwrap();
    let read = |meter: &MeterView| {
        meter.values.as_ref().and_then(|values| values.import_milliwatt_hours).map(|energy| energy.get())
    };
    house.meter(|meter| read(meter) == Some(5_000_000) && watts(meter) == Some(500)).await;

    let journal = house.home.meter_journal("grid").unwrap();
    let replaced = journal.entries.iter().find(|entry| entry.kind == JournalKind::Replaced).unwrap();
    assert_eq!(replaced.serial.as_deref(), Some("A-2"));
    let counters: Vec<_> =
        journal.entries.iter().filter(|entry| entry.kind == JournalKind::OtherMeter).collect();
    assert_eq!(counters.len(), 2, "{journal:?}");
    // Nothing is held, glitched or booked twice, and what the exchange sees goes on.
    assert!(journal.entries.iter().all(|entry| entry.kind != JournalKind::JumpHeld));
    let series = house.home.history().unwrap().setting("series:grid").unwrap().unwrap();
    assert!(series.contains("\"import_wh\":6995002") && series.contains("\"export_wh\":1000000"), "{series}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_a_meter_is_turned_round_from_a_moment_on_and_loses_nothing() {
    let (_sdm, address) = Sdm::start().await;
    let house = Running::start();
    house.add(&address).await;
    let invert = InvertMeterAsk { meter: "grid".to_owned(), since: None };
    let view = house.home.invert_meter(&invert).await.unwrap();
    assert!(view.meters[0].inverted);
    let meter = house.meter(|meter| watts(meter) == Some(-300)).await;
    let values = meter.values.unwrap();
    assert_eq!(values.import_milliwatt_hours.map(|energy| energy.get()), Some(1_000_000_000));
    let journal = house.home.meter_journal("grid").unwrap();
    let entry = journal.entries.iter().find(|entry| entry.kind == JournalKind::Inverted).unwrap();
    assert!(entry.reversible && !entry.reversed);
    let undo =
        home::view::meters::journal::JournalAsk { meter: "grid".to_owned(), entry: entry.entry.clone() };
    house.home.reverse_entry(&undo).await.unwrap();
    house.meter(|meter| watts(meter) == Some(300) && !meter.inverted).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_can_be_cancelled_and_a_meter_removed() {
    let (_sdm, address) = Sdm::start().await;
    let house = Running::start();
    house.add(&address).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hosts = vec![silent.local_addr().unwrap().to_string()];
    house.home.start_search(&SearchAsk { hosts, ..SearchAsk::default() }).await.unwrap();
    house.home.cancel_search().unwrap();
    let search = house.home.meter_setup().unwrap().search.unwrap();
    assert_eq!((search.state, search.finds.len()), (SearchState::Cancelled, 0));
    let view = house.home.remove_meter("grid").await.unwrap();
    assert!(view.meters.is_empty());
    assert!(house.home.history().unwrap().latest_sample(&"grid".parse().unwrap()).unwrap().is_some());
    house.end().await;
}
