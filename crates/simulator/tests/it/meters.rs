//! The meters on the wire, spoken to byte by byte.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use simulator::house::{House, plan_street};
use simulator::meter::{Fault, Meters, SerialMeter, TcpMeter};
use simulator::world::UtcDay;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use units::{ManualClock, Timestamp};

/// A noon of the street, at which every roof works.
fn noon() -> Timestamp {
    "2026-06-01T11:00:00Z".parse().unwrap()
}

fn house(number: usize) -> Arc<House> {
    let plan = plan_street(7, 6).remove(number - 1);
    Arc::new(House::new(plan, 7, UtcDay::containing(noon())))
}

struct Running {
    meters: Meters,
    clock: Arc<ManualClock>,
    house: Arc<House>,
    address: SocketAddr,
    end: CancellationToken,
}

/// Serves a house over TCP at a clock that stands at noon.
async fn serve(number: usize) -> Running {
    let (house, clock) = (house(number), Arc::new(ManualClock::at(noon())));
    let meters = Meters::new(Arc::clone(&house), clock.clone());
    let server = TcpMeter::bind(meters.clone()).await.unwrap();
    let (address, end) = (server.address().unwrap(), CancellationToken::new());
    tokio::spawn(server.serve(end.clone()));
    Running { meters, clock, house, address, end }
}

fn request(unit: u8, function: u8, address: u16, count: u16) -> Vec<u8> {
    let mut frame = vec![0xAB, 0xCD, 0, 0, 0, 6, unit, function];
    frame.extend(address.to_be_bytes());
    frame.extend(count.to_be_bytes());
    frame
}

/// Sends a request and returns unit and PDU of the answer, whose header must mirror the request's.
async fn ask(stream: &mut TcpStream, frame: &[u8]) -> (u8, Vec<u8>) {
    stream.write_all(frame).await.unwrap();
    let mut header = [0; 7];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(header[..4], frame[..4]);
    let mut pdu = vec![0; usize::from(u16::from_be_bytes([header[4], header[5]])) - 1];
    stream.read_exact(&mut pdu).await.unwrap();
    (header[6], pdu)
}

/// Returns the floats of an answer with values.
fn floats(pdu: &[u8]) -> Vec<f32> {
    assert_eq!((pdu[0], usize::from(pdu[1])), (4, pdu.len() - 2), "{pdu:02X?}");
    pdu[2..].chunks_exact(4).map(|word| f32::from_be_bytes(word.try_into().unwrap())).collect()
}

async fn one(address: SocketAddr, unit: u8, register: u16) -> f32 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    floats(&ask(&mut stream, &request(unit, 4, register, 2)).await.1)[0]
}

#[tokio::test]
async fn each_unit_shows_what_the_house_does() {
    let street = serve(3).await;
    let (powers, counters) = (street.house.powers(noon()), street.house.counters(noon()));
    assert!(powers.sun.as_f64() > 300.0, "the test wants a house that works: {powers:?}");
    let near = |shown: f32, meant: f64| {
        assert!((f64::from(shown) - meant).abs() <= meant.abs() * 1e-6 + 1e-3, "{shown} for {meant}");
    };
    near(one(street.address, 1, 0x34).await, powers.grid.as_f64());
    near(one(street.address, 2, 0x34).await, powers.sun.as_f64());
    near(one(street.address, 3, 0x34).await, powers.battery.as_f64());
    near(one(street.address, 1, 0x48).await, counters.import.as_f64() / 1000.0);
    near(one(street.address, 1, 0x4A).await, counters.export.as_f64() / 1000.0);
    near(one(street.address, 2, 0x48).await, counters.produced.as_f64() / 1000.0);
    near(one(street.address, 3, 0x4A).await, counters.charged.as_f64() / 1000.0);
}

#[tokio::test]
async fn phases_add_up_to_the_total_and_volts_are_volts() {
    let street = serve(3).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    let values = floats(&ask(&mut stream, &request(1, 4, 0, 80)).await.1);
    assert!(values[..3].iter().all(|volts| (215.0..245.0).contains(volts)), "{values:?}");
    let total: f32 = values[6..9].iter().sum();
    assert!((total - values[0x34 / 2]).abs() < 0.01, "{total} {values:?}");
    assert!((49.9..50.1).contains(&values[0x46 / 2]));
}

#[tokio::test]
async fn what_the_device_refuses_is_refused_with_its_exception() {
    let street = serve(1).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    for (function, address, count, exception) in [
        (3, 0, 2, 1),
        (6, 0, 2, 1),
        (16, 0, 2, 1),
        (4, 0, 1, 3),
        (4, 0, 0, 3),
        (4, 0, 82, 3),
        (4, 1, 2, 2),
        (4, 0x180, 4, 2),
        (4, 0xFFFE, 2, 2),
        (4, 0x1000, 2, 2),
    ] {
        let (unit, pdu) = ask(&mut stream, &request(1, function, address, count)).await;
        assert_eq!((unit, pdu), (1, vec![function | 0x80, exception]), "{function} {address:#x} {count}");
    }
    assert_eq!(ask(&mut stream, &request(1, 4, 0x180, 2)).await.1.len(), 6);
}

#[tokio::test]
async fn several_clients_read_at_the_same_time() {
    let street = serve(1).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(TcpStream::connect(street.address).await.unwrap());
    }
    for client in &mut clients {
        ask(client, &request(1, 4, 0x34, 2)).await;
    }
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let street = serve(1).await;
    let mut good = TcpStream::connect(street.address).await.unwrap();
    let mut bad = TcpStream::connect(street.address).await.unwrap();
    bad.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(bad.read(&mut [0; 16]).await.map_err(|error| error.kind()).unwrap_or(0), 0);
    ask(&mut good, &request(1, 4, 0x34, 2)).await;
}

#[tokio::test]
async fn the_counter_moves_with_the_market_clock() {
    let street = serve(2).await;
    let before = one(street.address, 1, 0x48).await;
    street.clock.advance(Duration::from_secs(7200));
    let counted = street.house.counters(noon() + Duration::from_secs(7200)).import.as_f64() / 1000.0;
    assert!(one(street.address, 1, 0x48).await > before);
    assert!((f64::from(one(street.address, 1, 0x48).await) - counted).abs() < 1e-3);
}

#[tokio::test]
async fn faults_come_and_go_by_a_switch() {
    let street = serve(1).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    street.meters.faults().set(Fault::WrongUnit);
    assert_eq!(ask(&mut stream, &request(1, 4, 0x34, 2)).await.0, 2);
    street.meters.faults().set(Fault::Silent);
    stream.write_all(&request(1, 4, 0x34, 2)).await.unwrap();
    // The silent question is thrown away: the next answer belongs to the next question.
    tokio::task::yield_now().await;
    let mut other = TcpStream::connect(street.address).await.unwrap();
    other.write_all(&request(1, 4, 0x34, 2)).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), other.read_u8()).await.is_err());
    street.meters.faults().set(Fault::None);
    let mut answered = TcpStream::connect(street.address).await.unwrap();
    assert_eq!(ask(&mut answered, &request(1, 4, 0x34, 2)).await.0, 1);
}

#[tokio::test]
async fn a_restart_drops_the_line_and_counts_from_zero() {
    let street = serve(2).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    ask(&mut stream, &request(1, 4, 0x48, 2)).await;
    street.meters.restart();
    assert_eq!(stream.read(&mut [0; 16]).await.map_err(|error| error.kind()).unwrap_or(0), 0);
    assert_eq!(one(street.address, 1, 0x48).await, 0.0);
    street.clock.advance(Duration::from_secs(3600));
    let counted = one(street.address, 1, 0x48).await;
    assert!(counted > 0.0 && counted < 20.0, "{counted}");
}

#[tokio::test]
async fn an_ended_server_lets_go_of_its_port() {
    let street = serve(2).await;
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    ask(&mut stream, &request(1, 4, 0x48, 2)).await;
    street.end.cancel();
    assert_eq!(stream.read(&mut [0; 16]).await.map_err(|error| error.kind()).unwrap_or(0), 0);
    while TcpStream::connect(street.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_serial_line_answers_frames_with_a_right_checksum_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("meter.tty");
    let meters = Meters::new(house(5), Arc::new(ManualClock::at(noon())));
    let meter = SerialMeter::open(meters.clone(), &path).unwrap();
    let end = CancellationToken::new();
    let server = tokio::spawn(meter.serve(end.clone()));

    // Unit 1, function 4, register 0x34, two of them; sums by the catalogue's CRC-16/MODBUS.
    let good = [0x01, 0x04, 0x00, 0x34, 0x00, 0x02, 0x30, 0x05];
    for _reopened in 0..2 {
        let answer = exchange(&path, &[&good[..7], &[0xFF]].concat(), 0).await;
        assert!(answer.is_empty());
        let answer = exchange(&path, &good, 9).await;
        assert_eq!(answer[..3], [1, 4, 4]);
        assert_eq!(meters_power(&answer), house(5).powers(noon()).grid.as_f64() as f32);
    }
    end.cancel();
    server.await.unwrap();
    assert_eq!(std::fs::symlink_metadata(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

fn meters_power(answer: &[u8]) -> f32 {
    f32::from_be_bytes(answer[3..7].try_into().unwrap())
}

/// Opens the line, sends bytes, and returns the answer; where none is expected it waits a little for one.
async fn exchange(path: &Path, sent: &[u8], expected: usize) -> Vec<u8> {
    let (path, sent) = (path.to_owned(), sent.to_vec());
    tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::OpenOptionsExt;
        let mut line = std::fs::OpenOptions::new();
        let mut line = line.read(true).write(true).custom_flags(libc::O_NOCTTY).open(path).unwrap();
        line.write_all(&sent).unwrap();
        let mut answer = vec![0; expected];
        if expected == 0 {
            let mut poll = libc::pollfd { fd: line.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one live pollfd of an open file.
            assert_eq!(unsafe { libc::poll(&mut poll, 1, 60) }, 0, "an answer nobody expected");
        }
        line.read_exact(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap()
}
