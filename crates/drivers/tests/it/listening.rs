//! Meters that speak by themselves, over a socket and a pseudo-terminal.

use std::time::{Duration, Instant};

use drivers::{Code, Endpoint, Line, LineState, Listener, Meter, MeterSettings, Tongue, Trouble};
use metering::{Orientation, profile};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use units::{Power, Timestamp};

use crate::golden;
use crate::terminal::pseudo_terminal;

/// Returns the golden telegram of P1 as it comes over the wire.
pub fn p1() -> Vec<u8> {
    let lines = profile("p1").unwrap().golden[0].telegram.as_deref().unwrap();
    lines.lines().map(|line| format!("{line}\r\n")).collect::<String>().into_bytes()
}

pub fn sml() -> Vec<u8> {
    let digits = profile("sml").unwrap().golden[0].bytes.as_deref().unwrap();
    digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// A bridge on the loopback, and a meter behind it.
async fn bridge() -> (TcpListener, Endpoint) {
    let bridge = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::tcp(&bridge.local_addr().unwrap().to_string()).unwrap();
    (bridge, endpoint)
}

fn open(endpoint: &Endpoint, name: &str) -> Meter {
    let profile = profile(name).unwrap();
    Meter::open(endpoint.clone(), profile, MeterSettings::of(profile))
}

async fn accept(bridge: &TcpListener) -> TcpStream {
    bridge.accept().await.unwrap().0
}

#[tokio::test]
async fn telegrams_over_tcp_are_heard_in_pieces_and_amid_noise() {
    for (name, telegram) in [("p1", p1()), ("sml", sml())] {
        let (bridge, endpoint) = bridge().await;
        let meter = open(&endpoint, name);
        let mut stream = accept(&bridge).await;
        let wire = [&telegram[telegram.len() / 3..], b"\x00\xFF\x1B", &telegram].concat();
        let speak = async {
            for piece in wire.chunks(7) {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (heard, ()) = tokio::join!(meter.read(), speak);
        let golden = &profile(name).unwrap().golden[0];
        golden::check(name, golden, &heard.unwrap().sample(Timestamp::default()));
        assert_eq!((meter.tally().polls, meter.tally().good), (1, 1));
        assert_eq!(*meter.state().borrow(), LineState::Connected);
    }
}

#[tokio::test]
async fn a_telegram_is_heard_on_a_serial_line() {
    let (mut line, path) = pseudo_terminal().unwrap();
    let meter = open(&Endpoint::serial(path, Line::default()), "sml");
    let mut state = meter.state();
    state.wait_for(|state| *state == LineState::Connected).await.unwrap();
    line.write_all(&sml()).await.unwrap();
    let sample = meter.read().await.unwrap().sample(Timestamp::default());
    golden::check("sml", &profile("sml").unwrap().golden[0], &sample);
}

#[tokio::test]
async fn each_telegram_is_handed_out_once_and_only_the_newest() {
    let (bridge, endpoint) = bridge().await;
    let listener = Listener::open(endpoint, Tongue::P1).with_patience(Duration::from_millis(300));
    let mut stream = accept(&bridge).await;
    stream.write_all(&[p1(), p1(), p1()].concat()).await.unwrap();
    let before = Instant::now();
    let heard = listener.next().await.unwrap();
    assert!(heard.came <= Instant::now() && heard.came >= before - Duration::from_secs(1));
    let error = listener.next().await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Mute { .. }), "{error}");
    assert_eq!((listener.tally().polls, listener.tally().good), (2, 1));
}

#[tokio::test]
async fn a_damaged_telegram_gives_no_value_and_is_counted() {
    let (bridge, endpoint) = bridge().await;
    let listener = Listener::open(endpoint, Tongue::P1).with_patience(Duration::from_millis(400));
    let mut stream = accept(&bridge).await;
    let mut damaged = p1();
    let digit = damaged.windows(6).position(|window| window == b"001234").unwrap();
    damaged[digit + 5] = b'5';
    stream.write_all(&damaged).await.unwrap();
    let error = listener.next().await.unwrap_err();
    assert_eq!(error.code(), Code::Crc, "{error}");
    let codes: Vec<Code> = listener.take_troubles().iter().map(|error| error.code()).collect();
    assert_eq!(codes, [Code::Crc], "it is told once");
    stream.write_all(&p1()).await.unwrap();
    listener.next().await.unwrap();
}

#[tokio::test]
async fn bytes_without_a_telegram_are_told_apart_from_silence() {
    let (bridge, endpoint) = bridge().await;
    let listener = Listener::open(endpoint, Tongue::Sml).with_patience(Duration::from_millis(300));
    let mut stream = accept(&bridge).await;
    assert_eq!(listener.next().await.unwrap_err().code(), Code::Timeout);
    stream.write_all(&[0x55; 5000]).await.unwrap();
    let error = listener.next().await.unwrap_err();
    assert_eq!(error.code(), Code::Garbage, "{error}");
}

#[tokio::test]
async fn a_bridge_that_restarts_is_connected_again_by_itself() {
    let (bridge, endpoint) = bridge().await;
    let meter = open(&endpoint, "p1");
    let mut stream = accept(&bridge).await;
    stream.write_all(&p1()).await.unwrap();
    meter.read().await.unwrap();
    drop(stream);
    let restarted = Instant::now();
    let speak = async {
        let mut stream = accept(&bridge).await;
        stream.write_all(&p1()).await.unwrap();
        stream
    };
    let (heard, _stream) = tokio::join!(meter.read(), speak);
    heard.unwrap();
    assert!(restarted.elapsed() < Duration::from_secs(3));
    let troubles = meter.take_troubles();
    assert_eq!(troubles[0].trouble, Trouble::HungUp, "{troubles:?}");
}

#[tokio::test]
async fn a_closed_port_and_an_absent_adapter_are_told_soon() {
    let (bridge, endpoint) = bridge().await;
    drop(bridge);
    let meter = open(&endpoint, "p1");
    let error = meter.read().await.unwrap_err();
    assert!(error.message().contains("passes no telegrams on"), "{error}");
    assert_eq!(error.trouble, Trouble::Refused);
    let absent = open(&Endpoint::serial("/dev/no-such-port", Line::default()), "sml");
    assert_eq!(absent.read().await.unwrap_err().trouble, Trouble::Absent);
}

#[tokio::test]
async fn a_meter_that_looks_the_other_way_is_turned() {
    let (bridge, endpoint) = bridge().await;
    let profile = profile("p1").unwrap();
    let settings = MeterSettings { orientation: Orientation::Inverted, ..MeterSettings::of(profile) };
    let meter = Meter::open(endpoint, profile, settings);
    accept(&bridge).await.write_all(&p1()).await.unwrap();
    let sample = meter.read().await.unwrap().sample(Timestamp::default());
    assert_eq!(sample.power, Some(Power::from_watts(1193)));
    assert_eq!(sample.phase_power, Some(vec![Power::from_watts(1193)]));
    assert_eq!(sample.export, Some(units::Energy::from_watt_hours(2_000_000)));
    assert_eq!(sample.import, Some(units::Energy::from_watt_hours(300_003)));
    assert_eq!(sample.current.unwrap()[0].as_f64(), 5.0);
}
