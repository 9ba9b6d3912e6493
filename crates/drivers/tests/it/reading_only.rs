//! Nothing is ever written to a meter: whatever is asked for, and wherever bytes could go out.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drivers::{Bus, BusSettings, Code, Endpoint};
use metering::Read;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::proxy::{Fault, Proxy, crc};
use crate::truth::{quick, read, read_true, rtu_server, tcp_server};

#[tokio::test]
async fn of_all_functions_that_there_are_only_3_and_4_go_out() {
    let proxy = Proxy::serial(rtu_server()).await.unwrap();
    let device = Bus::open(proxy.endpoint.clone(), BusSettings::of(&proxy.endpoint)).device(1, quick());
    for function in 0..=255 {
        let asked = device.read(&[Read { function, ..read(0, 2) }]).await;
        assert_eq!(asked.is_ok(), matches!(function, 3 | 4), "function {function}");
    }
    let functions: Vec<u8> = proxy.requests().iter().map(|(_, request)| request[1]).collect();
    assert_eq!(functions, [3, 4]);
}

/// Bytes leave at one place, which takes frames from one place, which knows two functions.
#[test]
fn no_code_could_write_to_a_meter() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lines_with = |part: &str| lines_with(&source, part);
    assert_eq!(lines_with("write_all("), ["link.rs"], "bytes go out in one place");
    assert_eq!(lines_with(".send(&frame"), ["exchange.rs"], "which is called in one place");
    assert_eq!(lines_with(".rtu().to_vec()"), ["exchange.rs"], "with frames of a request that reads");
    assert_eq!(lines_with(".tcp(self.transaction)"), ["exchange.rs"]);
    let frame = std::fs::read_to_string(source.join("frame.rs")).unwrap();
    let codes = frame.split("pub const fn code(self)").nth(1).unwrap().split("\n    }\n").next().unwrap();
    let arms: Vec<&str> = codes.lines().filter(|line| line.contains("=>")).map(str::trim).collect();
    assert_eq!(arms, ["Self::HoldingRegisters => 3,", "Self::InputRegisters => 4,"]);
}

/// Other crates reach a serial line through this one only.
#[test]
fn no_other_crate_opens_a_serial_port() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut owners = Vec::new();
    for folder in std::fs::read_dir(workspace.join("crates")).unwrap() {
        let folder = folder.unwrap();
        let manifest = std::fs::read_to_string(folder.path().join("Cargo.toml")).unwrap_or_default();
        let opens = |line: &str| line.starts_with("tokio-serial") || line.starts_with("serialport");
        if manifest.lines().any(opens) || manifest.contains("modbus.workspace") {
            owners.push(folder.file_name().into_string().unwrap());
        }
    }
    assert_eq!(owners, ["drivers"]);
}

#[tokio::test]
async fn a_request_is_repeated_twice_at_most() {
    let proxy = Proxy::serial(rtu_server()).await.unwrap();
    proxy.always(Some(Fault::Flipped));
    let device = Bus::open(proxy.endpoint.clone(), BusSettings::of(&proxy.endpoint)).device(1, quick());
    let error = device.read(&[read(0, 10)]).await.unwrap_err();
    assert_eq!(error.code(), Code::Crc, "{error}");
    assert!(proxy.requests().len() <= 3, "{} requests", proxy.requests().len());
    assert_eq!(device.tally().trouble.get(&Code::Crc), Some(&3), "each is counted");
}

/// Takes connections, keeps what comes over each, and never answers.
async fn deaf() -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let kept = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            // It ends with the connection.
            drop(stream.read_to_end(&mut bytes).await);
            kept.lock().unwrap().push(bytes);
        }
    });
    (address, heard)
}

/// What the laxest server of Modbus TCP would do: it takes any protocol, and waits for as many bytes as are told.
fn done_by_a_lax_server(mut bytes: &[u8]) -> Vec<u8> {
    let mut functions = Vec::new();
    while let [_, _, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (Some(pdu), true) = (rest.get(1..length), length > 1) else { break };
        functions.push(pdu[0]);
        bytes = &rest[length..];
    }
    functions
}

/// What the laxest device on a line would do: it looks for a right checksum at every place.
fn done_by_a_lax_device(bytes: &[u8]) -> Vec<u8> {
    let holds = |part: &[u8]| crc(&part[..part.len() - 2]).to_le_bytes() == part[part.len() - 2..];
    let parts =
        (0..bytes.len()).flat_map(|start| (start + 8..=bytes.len()).map(move |end| &bytes[start..end]));
    parts.filter(|part| holds(part)).map(|part| part[1]).collect()
}

/// Serial frames to a server of Modbus TCP, and the reverse: neither does anything but read, however lax it is.
#[tokio::test]
async fn what_is_asked_in_the_wrong_frames_is_no_write_to_anyone() {
    for serial in [true, false] {
        let (address, heard) = deaf().await;
        let endpoint = match serial {
            true => Endpoint::rtu_over_tcp(&address).unwrap(),
            false => Endpoint::tcp(&address).unwrap(),
        };
        let settings =
            BusSettings { tries_other_frames: false, settle: Duration::ZERO, ..BusSettings::of(&endpoint) };
        let bus = Bus::open(endpoint, settings);
        let hasty = drivers::DeviceSettings {
            timeout: Duration::from_millis(3),
            patience: Duration::from_millis(30),
            ..quick()
        };
        for unit in [1, 2, 3, 5, 6, 15, 16] {
            let device = bus.device(unit, hasty.clone());
            for (address, count) in [(0, 2), (0, 80), (1, 1), (52, 2), (342, 6), (40_000, 125)] {
                device.read(&[read(address, count)]).await.unwrap_err();
            }
        }
        bus.close().await;
        let heard = heard.lock().unwrap();
        assert!(heard.len() > 20, "{} connections", heard.len());
        for bytes in heard.iter() {
            let done = if serial { done_by_a_lax_server(bytes) } else { done_by_a_lax_device(bytes) };
            // One byte is no write: each takes at least five.
            let writes =
                done.iter().filter(|function| matches!(function, 5 | 6 | 15 | 16 | 21 | 22 | 23)).count();
            assert!(writes == 0 || serial && bytes.len() <= 8, "{bytes:02x?}");
        }
    }
}

#[tokio::test]
async fn r27_an_address_that_was_set_up_with_the_wrong_frames_is_read_and_says_so() {
    let mistaken = [Endpoint::rtu_over_tcp(&tcp_server()).unwrap(), Endpoint::tcp(&rtu_server()).unwrap()];
    for endpoint in mistaken {
        let settings = BusSettings { settle: Duration::from_millis(50), ..BusSettings::of(&endpoint) };
        let device = Bus::open(endpoint.clone(), settings).device(1, quick());
        read_true(&device, &[read(0, 10), read(100, 2)]).await.unwrap();
        assert!(device.tally().other_frames, "{endpoint}");
        // It is known from then on.
        let before = device.tally().trouble.len();
        read_true(&device, &[read(20, 10)]).await.unwrap();
        assert_eq!(device.tally().trouble.len(), before, "{endpoint}");
    }
}

#[tokio::test]
async fn r27_a_silent_device_is_not_said_to_be_set_up_wrongly() {
    let endpoint = Endpoint::rtu_over_tcp(&rtu_server()).unwrap();
    let bus =
        Bus::open(endpoint.clone(), BusSettings { settle: Duration::ZERO, ..BusSettings::of(&endpoint) });
    let nobody = bus.device(77, quick());
    assert_eq!(nobody.read(&[read(0, 2)]).await.unwrap_err().code(), Code::Timeout);
    let device = bus.device(1, quick());
    read_true(&device, &[read(0, 10)]).await.unwrap();
    assert!(!device.tally().other_frames && !nobody.tally().other_frames);
}

/// Returns the files that have a line with a text, once for each line.
fn lines_with(folder: &Path, part: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(lines_with(&path, part));
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with("_tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(text.lines().filter(|line| line.contains(part)).map(|_| name.clone()));
    }
    found
}
