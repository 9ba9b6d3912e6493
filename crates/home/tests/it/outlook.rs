//! Prices and weather from the sources that the owner chose, and what is foretold with them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use history::SlotRow;
use home::view::outlook::{OutlookView, PriceKindView};
use home::{Home, HomeOptions, SecretSource};
use metering::{Borders, Method, Quality, SlotEnergy};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use units::{Clock, Energy, LocalDay, MeterId, Slot, SystemClock, Timestamp, zone};

const HEAD: &str = r#"name = "Home"
zone = "Europe/Berlin"
currency = "EUR"
fuse_w = 17000

[[contract]]
valid_from = "2020-01-01"
retail = { spot = "100 %", price = "0.100 EUR/kWh" }
feed_in = "0.080 EUR/kWh"
"#;

const RULES: &str =
    "[[rule]]\nname = \"Sun\"\nside = \"sell\"\nlimit = { at = \"0.120 EUR/kWh\" }\nkeep = \"KEEP\"\n";

fn now() -> Timestamp {
    SystemClock.now()
}

fn today() -> LocalDay {
    LocalDay::containing(now(), zone("Europe/Brussels").unwrap())
}

/// A server on loopback that gives one answer to everybody and counts who asked.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn with(body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 8192];
                let length = stream.read(&mut request).await.unwrap_or(0);
                noted.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { address, asked, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Today's and tomorrow's prices in EUR/MWh, as Energy-Charts names them: they dip at noon.
fn published() -> String {
    let (from, until) = (today().start().seconds(), today().next().end().seconds());
    let seconds: Vec<i64> = (from..until).step_by(3600).collect();
    let price = |second: &i64| {
        let hour = (second - from) / 3600 % 24;
        if (10..15).contains(&hour) { 20 } else { 100 }
    };
    let prices: Vec<i64> = seconds.iter().map(price).collect();
    serde_json::json!({ "unix_seconds": seconds, "price": prices, "unit": "EUR / MWh" }).to_string()
}

/// The weather of five days, as Open-Meteo names it: bright from six to eighteen.
fn weather() -> String {
    let from = today().start().seconds() - 2 * 86_400;
    let hours: Vec<i64> = (0..5 * 24).map(|hour| from + hour * 3600).collect();
    let bright = |second: &i64| if (6..18).contains(&((second - from) / 3600 % 24)) { 300.0 } else { 0.0 };
    let light: Vec<f64> = hours.iter().map(bright).collect();
    let diffuse: Vec<f64> = light.iter().map(|light| light / 2.0).collect();
    let warmth = vec![8.0; hours.len()];
    serde_json::json!({ "hourly": {
        "time": hours, "shortwave_radiation": light, "diffuse_radiation": diffuse, "temperature_2m": warmth,
    }})
    .to_string()
}

fn meters() -> String {
    ["grid", "solar"]
        .map(|role| {
            format!("\n[[meter]]\nid = \"{role}\"\nrole = \"{role}\"\nprofile = \"eastron-sdm630\"\ntcp = \"127.0.0.1:1\"\n")
        })
        .concat()
}

fn write(folder: &TempDir, more: &str, keep: &str) {
    std::fs::write(folder.path().join("home.toml"), format!("{HEAD}{more}{}", meters())).unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES.replace("KEEP", keep)).unwrap();
    std::fs::write(folder.path().join("passphrase"), "correct horse battery staple").unwrap();
}

fn open(folder: &TempDir) -> Home {
    Home::open(HomeOptions {
        dir: folder.path().to_owned(),
        secrets: SecretSource::PassphraseFile(folder.path().join("passphrase")),
        program: "test".to_owned(),
        create: false,
    })
    .unwrap()
}

/// Books some weeks of a house that always uses 100 Wh a quarter hour under a roof that makes 600 at noon.
fn book_weeks(home: &Home) {
    let berlin = zone("Europe/Berlin").unwrap();
    let running = Slot::containing(now());
    let row = |slot: Slot, import: i64, export: i64| SlotRow {
        local_day: LocalDay::containing(slot.start(), berlin).key(),
        energy: SlotEnergy {
            start: slot.start(),
            seconds: 900,
            import: Some(Energy::from_watt_hours(import)),
            export: Some(Energy::from_watt_hours(export)),
            borders: Borders::default(),
            quality: Quality::Measured,
            method: Method::Counter,
        },
    };
    let made = |slot: Slot| {
        let minute = units::WallTime::at(slot, berlin).minute;
        if (9 * 60..15 * 60).contains(&minute) { 600 } else { 0 }
    };
    let slots: Vec<Slot> = Slot::range(running.offset(-21 * 96)..running).collect();
    let meter = |name: &str| name.parse::<MeterId>().unwrap();
    let grid: Vec<SlotRow> =
        slots.iter().map(|slot| row(*slot, (100 - made(*slot)).max(0), (made(*slot) - 100).max(0))).collect();
    let solar: Vec<SlotRow> = slots.iter().map(|slot| row(*slot, made(*slot), 0)).collect();
    let history = home.history().unwrap();
    history.record_slots(&meter("grid"), &grid, now()).unwrap();
    history.record_slots(&meter("solar"), &solar, now()).unwrap();
}

/// Runs a home until its outlook is as wished, and returns that.
async fn run_until(home: &Home, wished: impl Fn(&OutlookView) -> bool) -> OutlookView {
    let stop = CancellationToken::new();
    let mut changes = home.changes();
    let running = tokio::spawn({
        let (home, stop) = (home.clone(), stop.clone());
        async move { home.run(stop).await }
    });
    let seen = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let view = home.outlook().unwrap();
            if wished(&view) {
                return view;
            }
            let _ = changes.recv().await;
        }
    })
    .await;
    stop.cancel();
    running.await.unwrap();
    seen.expect("the outlook comes within seconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_source_prices_a_dynamic_contract_and_says_its_age() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::with(published()).await);
    let source = format!(
        "[prices]\nsource = \"energy-charts\"\nbidding_zone = \"DE-LU\"\naddress = \"{}\"\n",
        server.address
    );
    write(&folder, &source, "1 kWh");
    let home = open(&folder);
    assert_eq!(home.outlook().unwrap().slots[0].price_kind, PriceKindView::Unknown);
    let came = |view: &OutlookView| view.price_source.as_ref().is_some_and(|it| it.fetched_at.is_some());
    let view = run_until(&home, came).await;
    assert_eq!(view.slots[0].price_kind, PriceKindView::Published);
    let retails: Vec<i64> =
        view.slots[..90].iter().filter_map(|slot| slot.retail_micros_per_kwh.map(|it| it.get())).collect();
    assert!(retails.contains(&200_000) && retails.contains(&120_000), "{retails:?}");
    assert_eq!(view.price_source.unwrap().trouble, None);
    assert!(server.asked.lock().unwrap()[0].contains("bzn=DE-LU"));
    // What is known outlives the program, and the internet.
    drop(server);
    drop(home);
    let home = open(&folder);
    assert_eq!(home.outlook().unwrap().slots[0].price_kind, PriceKindView::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_may_come_from_a_file_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices.csv");
    let rows: String = (0..48)
        .map(|hour| {
            let at = Timestamp::from_seconds(today().start().seconds() + hour * 3600);
            format!("{at},0.050\n")
        })
        .collect();
    std::fs::write(&file, format!("time,price_per_kwh\n{rows}")).unwrap();
    write(&folder, &format!("[prices]\nsource = \"file\"\npath = \"{}\"\n", file.display()), "1 kWh");
    let home = open(&folder);
    let view = run_until(&home, |view| view.slots[0].price_kind == PriceKindView::Published).await;
    assert_eq!(view.slots[0].retail_micros_per_kwh.map(|it| it.get()), Some(150_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_named_and_the_home_works_on() {
    let folder = tempfile::tempdir().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    write(&folder, &format!("[prices]\nsource = \"url\"\naddress = \"http://{gone}/prices\"\n"), "1 kWh");
    let home = open(&folder);
    book_weeks(&home);
    let failed = |view: &OutlookView| {
        view.price_source.as_ref().is_some_and(|source| source.trouble.is_some()) && view.house.is_some()
    };
    let view = run_until(&home, failed).await;
    assert!(view.price_source.unwrap().trouble.unwrap().contains("cannot be reached"));
    assert_eq!(view.slots[0].price_kind, PriceKindView::Unknown, "unknown is not cheap");
    assert_eq!(view.slots[0].sell_limit_micros_per_kwh, None);
    assert!(view.slots[0].surplus_wh.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_source_nobody_is_asked() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::with(weather()).await);
    write(&folder, "[place]\nlatitude_deg = 52.5\nlongitude_deg = 13.4\n", "1 kWh");
    let home = open(&folder);
    book_weeks(&home);
    let view = run_until(&home, |view| view.house.is_some()).await;
    assert_eq!((view.price_source, view.weather_source), (None, None));
    assert!(view.needs_price_source);
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn roof_and_house_are_foretold_with_the_weather_and_the_rule_keeps_what_it_says() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::with(weather()).await);
    let csv = folder.path().join("prices.csv");
    let rows: String = (0..48)
        .map(|hour| format!("{},0.050\n", Timestamp::from_seconds(today().start().seconds() + hour * 3600)))
        .collect();
    std::fs::write(&csv, format!("time,price_per_kwh\n{rows}")).unwrap();
    let more = format!(
        "[prices]\nsource = \"file\"\npath = \"{}\"\n[weather]\nsource = \"open-meteo\"\naddress = \"{}\"\n\
         [place]\nlatitude_deg = 52.5123\nlongitude_deg = 13.4\n\
         [roof]\n[[roof.plane]]\npeak_w = 9000\ntilt_deg = 30\nazimuth_deg = 180\n",
        csv.display(),
        server.address
    );
    write(&folder, &more, "2 kWh");
    let home = open(&folder);
    book_weeks(&home);
    let ready = |view: &OutlookView| {
        view.roof.as_ref().is_some_and(|roof| roof.with_weather)
            && view.slots[0].price_kind == PriceKindView::Published
    };
    let view = run_until(&home, ready).await;
    assert!(server.asked.lock().unwrap()[0].contains("latitude=52.51&"), "the place is rounded");
    assert!(view.weather_source.unwrap().known_until.is_some());
    let berlin = zone("Europe/Berlin").unwrap();
    let at = |slot: &home::view::outlook::OutlookSlot| {
        let slot: Slot = serde_json::from_value(serde_json::to_value(&slot.slot).unwrap()).unwrap();
        (slot, units::WallTime::at(slot, berlin))
    };
    let tomorrow = LocalDay::containing(now(), berlin).next().key();
    let of_tomorrow: Vec<_> = view.slots.iter().filter(|slot| at(slot).1.day == tomorrow).collect();
    let surplus = |minute: u32| {
        let slot = of_tomorrow.iter().find(|slot| at(slot).1.minute == minute).unwrap();
        slot.surplus_wh.unwrap()
    };
    assert!(surplus(12 * 60).middle.get() > 100, "{:?}", surplus(12 * 60));
    assert!(surplus(12 * 60).low.get() <= surplus(12 * 60).middle.get());
    assert_eq!(surplus(23 * 60).high.get(), 0);
    // In the morning all of the day's surplus lies ahead, which is more than is kept; in the evening none does.
    let limit = |minute: u32| {
        let slot = of_tomorrow.iter().find(|slot| at(slot).1.minute == minute).unwrap();
        slot.sell_limit_micros_per_kwh.map(|it| it.get())
    };
    assert_eq!((limit(6 * 60), limit(20 * 60)), (Some(120_000), None));
}

#[test]
fn a_source_that_needs_a_token_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "[prices]\nsource = \"tibber\"\n", "1 kWh");
    let error = home::config::HomeConfig::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("Tibber asks for a token"), "{error}");
}
