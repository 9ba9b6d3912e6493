//! The three ways to a meter, without faults: values come, ports are shared and told apart.

use std::time::{Duration, Instant};

use drivers::{Bus, BusSettings, Code, Endpoint, Line, LineState, Trouble};

use crate::peer::Peer;
use crate::proxy::{Framing, Proxy, connect_terminals};
use crate::terminal::pseudo_terminal;
use crate::truth::{check, quick, read, read_true, rtu_server, tcp_server, units};

#[tokio::test]
async fn a_server_on_tcp_gives_its_values() {
    let endpoint = Endpoint::tcp(&tcp_server()).unwrap();
    let device = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(1, quick());
    let reads = [read(0, 80), read(150, 2)];
    read_true(&device, &reads).await.unwrap();
    assert_eq!((device.tally().polls, device.tally().good), (1, 1));
    assert_eq!(*device.bus().state().borrow(), LineState::Connected);
}

#[tokio::test]
async fn a_server_on_a_serial_line_gives_its_values() {
    let ((one, near), (other, far)) = (pseudo_terminal().unwrap(), pseudo_terminal().unwrap());
    let carrier = connect_terminals(one, other);
    let peer =
        tokio::task::spawn_blocking(move || Peer::serial(&far, &units(&[1, 2]))).await.unwrap().unwrap();
    let endpoint = Endpoint::serial(near, Line::default());
    let bus = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
    for unit in [1, 2] {
        let device = bus.device(unit, drivers::DeviceSettings { timeout: Duration::from_secs(1), ..quick() });
        read_true(&device, &[read(0, 60), read(100, 2)]).await.unwrap();
    }
    drop(peer);
    carrier.abort();
}

#[tokio::test]
async fn serial_frames_over_tcp_give_values() {
    let endpoint = Endpoint::rtu_over_tcp(&rtu_server()).unwrap();
    let device = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(1, quick());
    read_true(&device, &[read(0, 80)]).await.unwrap();
}

#[tokio::test]
async fn units_share_one_connection() {
    let proxy = Proxy::tcp(Framing::Tcp, tcp_server()).await.unwrap();
    let bus = Bus::open(proxy.endpoint.clone(), BusSettings::of(&proxy.endpoint));
    let reads = [read(0, 20)];
    let readers = (1..=3).map(|unit| {
        let device = bus.device(unit, quick());
        tokio::spawn(async move {
            for _ in 0..5 {
                check(&device, &[read(0, 20)], &device.read(&[read(0, 20)]).await.unwrap());
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    assert_eq!((proxy.connections(), proxy.requests().len()), (1, 15 * reads.len()));
}

#[tokio::test]
async fn gaps_are_kept_on_the_wire_and_are_longer_when_the_unit_changes() {
    let proxy = Proxy::serial(rtu_server()).await.unwrap();
    let bus = Bus::open(proxy.endpoint.clone(), BusSettings::of(&proxy.endpoint));
    let gap = Duration::from_millis(30);
    for unit in [1, 1, 2] {
        let device = bus.device(unit, drivers::DeviceSettings { gap, ..quick() });
        read_true(&device, &[read(0, 2), read(50, 2)]).await.unwrap();
    }
    let (requests, answers) = (proxy.requests(), proxy.answers());
    let gaps: Vec<Duration> = (1..requests.len()).map(|n| requests[n].0 - answers[n - 1]).collect();
    assert_eq!(gaps.len(), 5);
    assert!(gaps.iter().all(|found| *found >= gap), "{gaps:?}");
    assert!(gaps[3] >= gap + Duration::from_millis(50), "{gaps:?}");
}

#[tokio::test]
async fn a_closed_port_a_silent_unit_and_a_gateway_without_the_device_are_told_apart() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let closed = Endpoint::tcp(&free).unwrap();
    let settings = drivers::DeviceSettings { patience: Duration::from_millis(400), ..quick() };
    let device = Bus::open(closed.clone(), BusSettings::of(&closed)).device(1, settings.clone());
    assert_eq!(device.read(&[read(0, 2)]).await.unwrap_err().trouble, Trouble::Refused);

    let endpoint = Endpoint::tcp(&tcp_server()).unwrap();
    let device = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(9, settings.clone());
    assert_eq!(device.read(&[read(0, 2)]).await.unwrap_err().trouble, Trouble::Exception(11));

    let endpoint = Endpoint::rtu_over_tcp(&rtu_server()).unwrap();
    let device = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(9, settings);
    let error = device.read(&[read(0, 2)]).await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Silent { .. }), "{error}");
}

#[tokio::test]
async fn a_serial_port_is_for_one_program_only_and_is_free_after_it() {
    let (_master, path) = pseudo_terminal().unwrap();
    let endpoint = Endpoint::serial(path, Line::default());
    let settings = drivers::DeviceSettings { patience: Duration::from_millis(300), ..quick() };
    let first = Bus::open(endpoint.clone(), BusSettings::of(&endpoint));
    let silent = first.device(1, settings.clone()).read(&[read(0, 2)]).await.unwrap_err();
    assert_eq!(silent.code(), Code::Timeout);

    let second = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(1, settings);
    let busy = second.read(&[read(0, 2)]).await.unwrap_err();
    assert_eq!(busy.trouble, Trouble::PortBusy, "{busy}");

    first.close().await;
    // It is tried again by itself, and then the line is there, as silent as before.
    while second.read(&[read(0, 2)]).await.unwrap_err().trouble == Trouble::PortBusy {}
    assert_eq!(second.read(&[read(0, 2)]).await.unwrap_err().code(), Code::Timeout);
}

#[tokio::test]
async fn what_only_a_person_can_change_is_told_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let endpoint = Endpoint::serial(file.path(), Line::default());
    let patient = drivers::DeviceSettings { patience: Duration::from_secs(60), ..quick() };
    let device = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(1, patient);
    for _ in 0..2 {
        let began = Instant::now();
        let error = device.read(&[read(0, 2)]).await.unwrap_err();
        assert!(matches!(error.trouble, Trouble::Unusable(_)) && began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn an_adapter_that_is_pulled_out_is_missed_at_once_and_found_when_it_is_back() {
    let dev = tempfile::tempdir().unwrap();
    let path = dev.path().join("ttyUSB0");
    let plug = async || {
        let proxy = Proxy::serial(rtu_server()).await.unwrap();
        let Endpoint::Serial { path: node, line } = proxy.endpoint.clone() else { unreachable!() };
        std::os::unix::fs::symlink(node, &path).unwrap();
        (proxy, Endpoint::serial(&path, line))
    };
    let (adapter, endpoint) = plug().await;
    let device = Bus::open(endpoint.clone(), BusSettings::of(&endpoint)).device(1, quick());
    read_true(&device, &[read(0, 10)]).await.unwrap();

    // Nobody reads: the line itself notices.
    let mut state = device.bus().state();
    std::fs::remove_file(&path).unwrap();
    drop(adapter);
    let missed = state.wait_for(|state| *state == LineState::Disconnected);
    tokio::time::timeout(Duration::from_secs(2), missed).await.unwrap().unwrap();
    let impatient = drivers::DeviceSettings { patience: Duration::from_millis(300), ..quick() };
    let error = device.bus().device(1, impatient).read(&[read(0, 10)]).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Absent, "{error}");

    let (_adapter, _) = plug().await;
    let replugged = Instant::now();
    while read_true(&device, &[read(0, 10)]).await.is_err() {}
    assert!(replugged.elapsed() < Duration::from_secs(5), "{:?}", replugged.elapsed());
}

#[tokio::test]
async fn a_device_that_needs_a_pause_after_the_connection_gets_it_once() {
    let proxy = Proxy::tcp(Framing::Tcp, tcp_server()).await.unwrap();
    let connect_delay = Duration::from_millis(200);
    let settings = drivers::DeviceSettings { connect_delay, ..quick() };
    let device = Bus::open(proxy.endpoint.clone(), BusSettings::of(&proxy.endpoint)).device(1, settings);
    let began = Instant::now();
    for _ in 0..3 {
        read_true(&device, &[read(0, 2)]).await.unwrap();
    }
    let asked = proxy.requests();
    assert!(asked[0].0 - began >= connect_delay && asked[2].0 - asked[0].0 < connect_delay);
}

#[tokio::test]
async fn a_connection_that_serves_one_program_only_is_released_between_polls() {
    let proxy = Proxy::tcp(Framing::Tcp, tcp_server()).await.unwrap();
    let release_after = Some(Duration::from_millis(20));
    let settings = BusSettings { release_after, ..BusSettings::of(&proxy.endpoint) };
    let device = Bus::open(proxy.endpoint.clone(), settings).device(1, quick());
    for _ in 0..2 {
        read_true(&device, &[read(0, 2)]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(proxy.connections(), 2);
    assert_eq!(device.tally().trouble.len(), 0);
}
