//! Meters are found without a register, an address or a line speed, and nothing is found where nothing is.

use drivers::{Find, Lines, MeterSettings, Place, scan};
use metering::{Kind, profile};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use units::Timestamp;

use crate::golden;
use crate::listening;
use crate::peer::Peer;
use crate::proxy::connect_terminals;
use crate::servers::{Server, Shows, Stack, Way};
use crate::terminal::pseudo_terminal;

/// Returns units that show a profile's first golden frame each.
fn serving(units: &[(u8, &str)]) -> Value {
    let unit = |(number, name): &(u8, &str)| {
        let profile = profile(name).unwrap();
        (number.to_string(), golden::unit(profile, &profile.golden[0]))
    };
    Value::Object(units.iter().map(unit).collect::<Map<_, _>>())
}

async fn finds(place: &Place) -> Vec<Find> {
    let mut finds = Vec::new();
    let count = scan(place, |find| finds.push(find.clone())).await.unwrap();
    assert_eq!(count, finds.len());
    finds
}

fn profiles(finds: &[Find]) -> Vec<(u8, &str)> {
    finds.iter().map(|find| (find.settings.unit, find.profile.name.as_str())).collect()
}

#[tokio::test]
async fn units_behind_a_host_are_found_with_their_profiles() {
    let units = [
        (1, "eastron-sdm630"),
        (2, "carlo-gavazzi-em340"),
        (3, "sma-native"),
        (4, "abb-b23"),
        (5, "huawei-sun2000"),
        (6, "growatt-max"),
        (7, "shelly-pro-3em"),
        (126, "sunspec-inverter"),
        (200, "sunspec-meter"),
    ];
    let peer = Peer::tcp(0, &serving(&units)).unwrap();
    let place = Place::host(&peer.address()).unwrap();
    let finds = finds(&place).await;
    assert_eq!(profiles(&finds), units);
    for find in &finds {
        let sample = find.observation.sample(Timestamp::default());
        golden::check(&find.profile.name, &find.profile.golden[0], &sample);
        assert!((0.5..=1.0).contains(&find.confidence));
    }
    let device = finds[8].device();
    assert_eq!(device, format!("--profile sunspec-meter --tcp {} --unit 200", peer.address()));
}

/// Returns a unit that shows a device with a part of it.
fn hybrid(name: &str) -> Value {
    let profile = profile(name).unwrap();
    let part = &profile.parts()[0];
    let shown = [golden::unit(profile, &profile.golden[0]), golden::unit(part, &part.golden[0])];
    let all: Vec<Value> = shown.iter().flat_map(|shown| shown["only"].as_array().unwrap().clone()).collect();
    json!({ "only": all })
}

#[tokio::test]
async fn the_roof_of_a_hybrid_inverter_is_found_with_its_grid_meter_and_read_over_one_connection() {
    let peer = Peer::tcp(0, &json!({ "1": hybrid("huawei-sun2000") })).unwrap();
    let finds = finds(&Place::host(&peer.address()).unwrap()).await;
    let kinds: Vec<_> = finds.iter().map(|find| (find.profile.name.as_str(), find.profile.kind)).collect();
    assert_eq!(kinds, [("huawei-sun2000", Kind::Grid), ("huawei-sun2000", Kind::Solar)]);
    assert!(finds[1].device().ends_with("--unit 1 --kind solar"), "{}", finds[1].device());

    let mut lines = Lines::default();
    let meters: Vec<_> = finds
        .iter()
        .map(|find| {
            let mut hasty = (*find.profile).clone();
            hasty.limits.connect_delay = std::time::Duration::ZERO;
            let settings = MeterSettings { gap: Some(std::time::Duration::ZERO), ..find.settings };
            (lines.meter(find.endpoint.clone(), &hasty, settings), find.profile.golden[0].clone())
        })
        .collect();
    let (grid, solar) = tokio::join!(meters[0].0.read(), meters[1].0.read());
    for ((meter, frame), said) in meters.iter().zip([grid, solar]) {
        golden::check(&meter.profile().name, frame, &said.unwrap().sample(Timestamp::default()));
    }
    assert_eq!((meters[0].0.connections(), meters[1].0.connections()), (Some(1), Some(1)));
}

#[tokio::test]
async fn two_meters_that_show_the_same_are_two() {
    let peer =
        Peer::tcp(0, &serving(&[(1, "eastron-sdm630"), (2, "eastron-sdm630"), (255, "eastron-sdm630")]));
    let peer = peer.unwrap();
    let finds = finds(&Place::host(&peer.address()).unwrap()).await;
    assert_eq!(profiles(&finds), [(1, "eastron-sdm630"), (2, "eastron-sdm630")]);
}

#[tokio::test]
async fn a_device_that_answers_to_any_address_is_one() {
    let profile = profile("carlo-gavazzi-em340").unwrap();
    let shows = [(1, Shows::Frame(profile, &profile.golden[0]))];
    let server = Server::start(Stack::Libmodbus, Way::Tcp(0), &shows, None).unwrap();
    let finds = finds(&Place::host(&server.address()).unwrap()).await;
    assert_eq!(profiles(&finds), [(1, "carlo-gavazzi-em340")]);
}

#[tokio::test]
async fn a_gateway_of_serial_frames_is_found() {
    let peer = Peer::rtu_over_tcp(0, &serving(&[(2, "eastron-sdm630")])).unwrap();
    let finds = finds(&Place::host(&peer.address()).unwrap()).await;
    assert_eq!(profiles(&finds), [(2, "eastron-sdm630")]);
    assert!(finds[0].device().contains("--rtu-over-tcp"), "{}", finds[0].device());
}

#[tokio::test]
async fn meters_on_a_serial_line_are_found() {
    let ((one, near), (other, far)) = (pseudo_terminal().unwrap(), pseudo_terminal().unwrap());
    let carrier = connect_terminals(one, other);
    let served = serving(&[(1, "eastron-sdm630"), (3, "schneider-iem3155")]);
    let peer = tokio::task::spawn_blocking(move || Peer::serial(&far, &served)).await.unwrap().unwrap();
    let finds = finds(&Place::Serial(near.clone())).await;
    assert_eq!(profiles(&finds), [(1, "eastron-sdm630"), (3, "schneider-iem3155")]);
    let options = "--baud 9600 --parity none --stop-bits 1 --unit 1";
    assert_eq!(finds[0].device(), format!("--profile eastron-sdm630 --serial {} {options}", near.display()));
    drop(peer);
    carrier.abort();
}

#[tokio::test]
async fn a_meter_that_speaks_by_itself_is_found_by_listening() {
    let bridge = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Place::host(&bridge.local_addr().unwrap().to_string()).unwrap();
    let speak = async {
        let mut stream = bridge.accept().await.unwrap().0;
        stream.write_all(&listening::sml()).await.unwrap();
        stream
    };
    let (finds, _stream) = tokio::join!(finds(&place), speak);
    assert_eq!(finds[0].profile.name, "sml");
    assert!(!finds[0].device().contains("--unit"));
}

#[tokio::test]
async fn registers_that_no_meter_shows_are_no_find() {
    let junk: Vec<u16> = (0..900_u16).map(|address| address.wrapping_mul(40_503)).collect();
    let peer = Peer::tcp(0, &json!({ "1": { "only": [[3, 0, junk], [4, 0, junk]] }, "2": {} })).unwrap();
    let place = Place::host(&peer.address()).unwrap();
    let probes = scan(&place, |find| panic!("found {}", find.device()));
    // It goes on to other ways of asking, which take long; the units were asked before.
    drop(tokio::time::timeout(std::time::Duration::from_secs(4), probes).await);
}

#[tokio::test]
async fn a_place_that_is_not_there_is_an_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = scan(&Place::host(&free).unwrap(), |_| {}).await.unwrap_err();
    assert!(error.message().contains("Nothing listens"), "{error}");
    let error = scan(&Place::Serial("/dev/no-such-port".into()), |_| {}).await.unwrap_err();
    assert!(error.message().contains("no serial port"), "{error}");
}
