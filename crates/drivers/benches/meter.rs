//! What reading meters costs: of the line, beside what the line itself takes; of the processor.
//! Prints a line a figure; with `--json` as JSON.

#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its meters has failed")]
#![allow(dead_code, unused_imports, reason = "the tests use more of the rig than this does")]

#[path = "../../../tests/system/benches/shared/figure.rs"]
mod figure;
#[path = "../tests/it/golden.rs"]
mod golden;
#[path = "../tests/it/mixed/mod.rs"]
mod mixed;
#[path = "../tests/it/peer.rs"]
mod peer;
#[path = "../tests/it/proxy.rs"]
mod proxy;
#[path = "../tests/it/servers.rs"]
mod servers;
#[path = "../tests/it/terminal.rs"]
mod terminal;

use std::hint::black_box;
use std::time::{Duration, Instant};

use drivers::{Bus, BusSettings, Device, DeviceSettings, Endpoint, Line, Meter, MeterSettings};
use figure::Figure;
use metering::{Orientation, Profile, profile};
use mixed::wire::Wire;
use servers::{Server, Shows, Stack, Way};
use units::Timestamp;

const SCANS: u32 = 40;

/// What a reader may cost while it can read nothing, in hundredths of a core.
const MOST_IDLE: f64 = 2.0;

const METERS: u8 = 20;
const WATCHED: Duration = Duration::from_secs(30);

/// So many decodes take half a second, which is long beside the clock's step.
const DECODES: u32 = 500_000;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let meter = profile("eastron-sdm630").unwrap();
    decode(json, meter);
    runtime.block_on(scan(json, meter));
    runtime.block_on(watch(json, meter));
    runtime.block_on(unplugged(json, meter));
    runtime.block_on(dead_hosts(json, meter));
}

/// All values of an SDM630 over a line of 9600 baud. The line's own time is that of the bytes, of the
/// meter's pause before each request, and of the server's turn-round as the wire saw it in this run.
async fn scan(json: bool, meter: &Profile) {
    let wire = Wire::serial().unwrap();
    let far = wire.far.clone().unwrap();
    let shows = [(1, Shows::Frame(meter, &meter.golden[0]))];
    let server = Server::start(Stack::Libmodbus, Way::Serial(&far), &shows, None).unwrap();
    let reader = Meter::open(wire.endpoint.clone(), meter, MeterSettings::of(meter));
    // The first one connects.
    reader.read().await.unwrap();
    wire.state().traffic = Some(Vec::new());
    let began = Instant::now();
    for _ in 0..SCANS {
        black_box(reader.read().await.unwrap().sample(Timestamp::default()));
    }
    let took = began.elapsed() / SCANS;
    let traffic = wire.state().traffic.take().unwrap();
    assert_eq!(traffic.len(), SCANS as usize * meter.reads().len(), "nothing was asked twice");
    let line = Line::default();
    let pause = meter.limits.gap.max(line.silence());
    let needed: Duration = traffic
        .iter()
        .map(|exchange| pause + line.time_of(exchange.request + exchange.answer) + exchange.turnaround)
        .sum();
    let needed = needed / SCANS;
    drop(server);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    Figure::new("meter/sdm630-9600", milliseconds(took), "ms")
        .against("the line itself", milliseconds(needed))
        .tell(json);
}

/// Twenty meters, each over a connection of its own, read each second: the processor's time of this process.
async fn watch(json: bool, meter: &'static Profile) {
    let units: Vec<(u8, Shows)> =
        (1..=METERS).map(|unit| (unit, Shows::Frame(meter, &meter.golden[0]))).collect();
    let server = Server::start(Stack::Pymodbus, Way::Tcp(0), &units, None).unwrap();
    let endpoint = Endpoint::tcp(&server.address()).unwrap();
    let open =
        |unit| Meter::open(endpoint.clone(), meter, MeterSettings { unit, ..MeterSettings::of(meter) });
    let meters: Vec<Meter> = (1..=METERS).map(open).collect();
    for meter in &meters {
        meter.read().await.unwrap();
    }
    let (began, used) = (Instant::now(), processor_time());
    let watchers: Vec<_> =
        meters
            .into_iter()
            .map(|meter| {
                tokio::spawn(async move {
                    let mut ticks = tokio::time::interval(Duration::from_secs(1));
                    let mut good = 0;
                    while began.elapsed() < WATCHED {
                        ticks.tick().await;
                        good +=
                            u64::from(meter.read().await.is_ok_and(|said| {
                                black_box(said.sample(Timestamp::default())).power.is_some()
                            }));
                    }
                    good
                })
            })
            .collect();
    let mut good = 0;
    for watcher in watchers {
        good += watcher.await.unwrap();
    }
    let (wall, used) = (began.elapsed(), processor_time() - used);
    let polls = u64::from(METERS) * WATCHED.as_secs();
    assert!(good >= polls * 95 / 100, "{good} of {polls} polls gave values");
    let share = used.as_secs_f64() / wall.as_secs_f64() * 100.0;
    Figure::new("meter/20-at-1hz", share, "% of a core").against("the whole core", 100.0).tell(json);
}

/// An adapter that was pulled out, and a reader that goes on asking as soon as it was told so.
async fn unplugged(json: bool, meter: &Profile) {
    let mut wire = Wire::serial().unwrap();
    let far = wire.far.clone().unwrap();
    let shows = [(1, Shows::Frame(meter, &meter.golden[0]))];
    let server = Server::start(Stack::Libmodbus, Way::Serial(&far), &shows, None).unwrap();
    let settings = BusSettings { adapters: wire.adapters.clone(), ..BusSettings::of(&wire.endpoint) };
    let bus = Bus::open(wire.endpoint.clone(), settings);
    let device = bus.device(1, DeviceSettings::of(meter));
    device.read(&meter.reads()).await.unwrap();
    wire.unplug().await.unwrap();
    drop(server);
    let share = share_of_a_core(ask_in_vain(device, meter)).await;
    Figure::new("meter/unplugged", share, "% of a core").against("what is allowed", MOST_IDLE).tell(json);
}

/// A host that refuses, and one that takes connections and never answers.
async fn dead_hosts(json: bool, meter: &Profile) {
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (name, address) in
        [("meter/host-refuses", refusing), ("meter/host-is-deaf", deaf.local_addr().unwrap())]
    {
        let endpoint = Endpoint::tcp(&address.to_string()).unwrap();
        let device =
            Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(1, DeviceSettings::of(meter));
        let share = share_of_a_core(ask_in_vain(device, meter)).await;
        Figure::new(name, share, "% of a core").against("what is allowed", MOST_IDLE).tell(json);
    }
}

/// Asks each second, as a reader of the shortest period does.
async fn ask_in_vain(device: Device, meter: &Profile) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        assert!(device.read(&meter.reads()).await.is_err(), "nobody is there");
    }
}

/// Returns the share of a core that this process takes while something goes on.
async fn share_of_a_core(what: impl Future<Output = ()>) -> f64 {
    let (began, used) = (Instant::now(), processor_time());
    drop(tokio::time::timeout(WATCHED, what).await);
    let (wall, used) = (began.elapsed(), processor_time() - used);
    used.as_secs_f64() / wall.as_secs_f64() * 100.0
}

/// From registers to a sample, beside hashing the same bytes as a map would.
fn decode(json: bool, meter: &Profile) {
    let registers = meter.golden[0].image();
    let bytes: Vec<u8> = meter
        .reads()
        .iter()
        .flat_map(|read| (read.address..read.address + read.count).map(|at| (read.function, at)))
        .flat_map(|(function, address)| registers.get(function, address).unwrap_or(0).to_be_bytes())
        .collect();
    let per_second = |work: &mut dyn FnMut()| {
        // The best of five is the least disturbed by what else the machine does.
        let runs = (0..5).map(|_| {
            let began = Instant::now();
            (0..DECODES).for_each(|_| work());
            f64::from(DECODES) / began.elapsed().as_secs_f64() / 1e6
        });
        runs.fold(0.0, f64::max)
    };
    let decoded = per_second(&mut || {
        let at = Timestamp::default();
        black_box(meter.decode(black_box(&registers), at, Orientation::AsMeter));
    });
    let hashed = per_second(&mut || {
        use std::hash::{DefaultHasher, Hasher};
        let mut hasher = DefaultHasher::new();
        hasher.write(black_box(&bytes));
        black_box(hasher.finish());
    });
    Figure::new("meter/decode", decoded, "million/s").against("hashing the same bytes", hashed).tell(json);
}

/// Returns the processor's time of this process, its own and the system's for it.
fn processor_time() -> Duration {
    // SAFETY: the system fills what is passed, which any bytes are a value of.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0);
        usage
    };
    let time = |part: libc::timeval| {
        Duration::from_secs(part.tv_sec as u64) + Duration::from_micros(part.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}
