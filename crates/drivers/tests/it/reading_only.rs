//! Nothing is ever written to a meter: whatever is asked for, and wherever bytes could go out.

use std::path::Path;

use drivers::{Bus, BusSettings, Code};
use metering::Read;

use crate::proxy::{Fault, Proxy};
use crate::truth::{quick, read, rtu_server};

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
