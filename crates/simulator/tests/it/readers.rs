//! The meters as the house's own drivers read them: over TCP and over the serial line.

use std::sync::Arc;
use std::time::Duration;

use drivers::{Bus, BusSettings, Code, Device, DeviceSettings, Endpoint, Line};
use metering::{Orientation, Profile, Sample};
use simulator::house::{House, plan_street};
use simulator::meter::{BATTERY_UNIT, Fault, GRID_UNIT, Meters, SOLAR_UNIT, SerialMeter, TcpMeter};
use simulator::world::UtcDay;
use tokio_util::sync::CancellationToken;
use units::{Energy, ManualClock, Power, Timestamp};

fn noon() -> Timestamp {
    "2026-06-01T11:00:00Z".parse().unwrap()
}

fn meters(number: usize) -> (Arc<House>, Meters) {
    let plan = plan_street(7, 6).remove(number - 1);
    let house = Arc::new(House::new(plan, 7, UtcDay::containing(noon())));
    (Arc::clone(&house), Meters::new(house, Arc::new(ManualClock::at(noon()))))
}

fn profile() -> &'static Profile {
    metering::profile("eastron-sdm630").unwrap()
}

/// Impatient, so that the tests of silence are quick.
fn settings() -> DeviceSettings {
    let timeout = Duration::from_millis(150);
    DeviceSettings {
        gap: Duration::ZERO,
        timeout,
        patience: Duration::from_secs(1),
        ..DeviceSettings::of(profile())
    }
}

async fn sample(device: &Device) -> Sample {
    let reading = device.read(&profile().reads()).await.unwrap();
    profile().decode(&reading.registers, noon(), Orientation::default())
}

fn near(shown: Option<Power>, meant: Power) -> bool {
    shown.is_some_and(|shown| (shown - meant).abs() <= Power::from_milliwatts(2))
}

/// A float holds about seven digits of a counter.
fn counts(shown: Option<Energy>, meant: Energy) -> bool {
    shown.is_some_and(|shown| (shown - meant).abs() <= Energy::from_milliwatt_hours(500))
}

#[tokio::test]
async fn over_tcp_all_three_units_read_as_the_house_is() {
    let (house, meters) = meters(3);
    let server = TcpMeter::bind(meters).await.unwrap();
    let endpoint = Endpoint::tcp(&server.address().unwrap().to_string()).unwrap();
    let end = CancellationToken::new();
    tokio::spawn(server.serve(end.clone()));
    let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
    check_units(&house, &bus, &[GRID_UNIT, SOLAR_UNIT, BATTERY_UNIT]).await;
    bus.close().await;
    end.cancel();
}

#[tokio::test]
async fn over_the_serial_line_it_reads_the_same() {
    let (house, meters) = meters(5);
    let dir = tempfile::tempdir().unwrap();
    let server = SerialMeter::open(meters, &dir.path().join("meter.tty")).unwrap();
    let endpoint = Endpoint::serial(server.path(), Line::default());
    let end = CancellationToken::new();
    let served = tokio::spawn(server.serve(end.clone()));
    // Twice, since a port that was closed must open again.
    for _ in 0..2 {
        let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
        check_units(&house, &bus, &[GRID_UNIT, SOLAR_UNIT]).await;
        bus.close().await;
    }
    end.cancel();
    served.await.unwrap();
}

async fn check_units(house: &House, bus: &Bus, units: &[u8]) {
    let (powers, counters) = (house.powers(noon()), house.counters(noon()));
    for unit in units {
        let sample = sample(&bus.device(*unit, settings())).await;
        let (power, import, export) = match *unit {
            GRID_UNIT => (powers.grid, counters.import, counters.export),
            SOLAR_UNIT => (powers.sun, counters.produced, Energy::ZERO),
            _ => (powers.battery, counters.discharged, counters.charged),
        };
        assert!(near(sample.power, power), "unit {unit}: {:?} for {power}", sample.power);
        assert!(counts(sample.import, import) && counts(sample.export, export), "unit {unit}: {sample:?}");
        let phases: Power = sample.phase_power.clone().unwrap().into_iter().sum();
        assert!((phases - power).abs() < Power::from_watts(1), "unit {unit}: {sample:?}");
    }
}

#[tokio::test]
async fn each_fault_is_told_by_its_own_name() {
    let (_, meters) = meters(2);
    let server = TcpMeter::bind(meters.clone()).await.unwrap();
    let endpoint = Endpoint::tcp(&server.address().unwrap().to_string()).unwrap();
    tokio::spawn(server.serve(CancellationToken::new()));
    for (fault, code) in [(Fault::Silent, Code::Timeout), (Fault::WrongUnit, Code::WrongUnit)] {
        let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
        let device = bus.device(GRID_UNIT, settings());
        meters.faults().set(fault);
        let error = device.read(&profile().reads()).await.unwrap_err();
        assert_eq!(error.trouble.code(), code, "{fault:?}: {error}");
        meters.faults().set(Fault::None);
        bus.close().await;
    }
    let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
    let device = bus.device(GRID_UNIT, settings());
    meters.faults().set(Fault::Slow(Duration::from_millis(20)));
    assert!(device.read(&profile().reads()).await.is_ok());
    bus.close().await;
}
