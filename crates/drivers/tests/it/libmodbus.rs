//! Profiles against a second server that this project did not write, libmodbus in C.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use drivers::{Endpoint, Line, Meter, MeterSettings};
use metering::{Golden, Profile, Protocol, profile, profiles};
use units::Timestamp;

use crate::golden;
use crate::proxy::{connect_terminals, pseudo_terminal};

/// The server, compiled once by the system's C compiler.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/libmodbus_server.c");
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libmodbus_server");
    let compiled = Command::new("cc")
        .args(["-O1", "-I/usr/include/modbus", "-o"])
        .arg(&program)
        .args([source, "-lmodbus", "-lpthread"])
        .output();
    let compiled =
        compiled.expect("these tests need a C compiler: run `cargo xtask test`, which installs it");
    assert!(
        compiled.status.success(),
        "these tests need libmodbus-dev, which `cargo xtask test` installs: {}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    program
});

/// A running server. It serves one connection at a time, and on TCP it does not look at the unit.
pub struct Server {
    process: Child,
    said: String,
}

impl Server {
    pub fn start(way: &str, unit: u8, golden: &Golden) -> Result<Self> {
        let blocks = golden.registers.iter().map(|block| {
            let words = block.words.split_whitespace().map(|word| u16::from_str_radix(word, 16));
            let words: Result<Vec<String>, _> = words.map(|word| word.map(|word| word.to_string())).collect();
            Ok(format!("{}:{}:{}", block.function, block.address, words?.join(",")))
        });
        let mut process = Command::new(&*PROGRAM)
            .args([way, &unit.to_string()])
            .args(blocks.collect::<Result<Vec<_>>>()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        let output = process.stdout.take().context("its output")?;
        ensure!(BufReader::new(output).read_line(&mut said)? > 0, "the server ended");
        Ok(Self { process, said: said.trim().to_owned() })
    }

    /// Returns where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn check(endpoint: &Endpoint, profile: &Profile, golden: &Golden) {
    let mut hasty = profile.clone();
    hasty.limits.connect_delay = Duration::ZERO;
    let settings = MeterSettings { unit: 1, gap: Some(Duration::ZERO), ..MeterSettings::of(profile) };
    let meter = Meter::open(endpoint.clone(), &hasty, settings);
    let observation = meter.read().await.unwrap_or_else(|error| panic!("{}: {error}", profile.name));
    golden::check(&profile.name, golden, &observation.sample(Timestamp::default()));
    meter.close().await;
}

#[tokio::test]
async fn each_profile_reads_its_first_golden_frame_from_libmodbus() {
    let asked = |profile: &&Profile| matches!(profile.protocol, Protocol::Modbus | Protocol::Sunspec);
    for profile in profiles().iter().filter(asked) {
        // What this server was not told is zero, so only a frame that has all values can be checked.
        let golden = &profile.golden[0];
        let image = golden.image();
        let told = |value: &metering::Read| image.get(value.function, value.address).is_some();
        if !profile.values().iter().all(told) {
            continue;
        }
        let server = Server::start("tcp", 1, golden).unwrap();
        let endpoint = Endpoint::tcp(&server.address()).unwrap();
        check(&endpoint, profile, golden).await;
    }
}

#[tokio::test]
async fn meters_are_read_from_libmodbus_over_a_serial_line() {
    for name in ["eastron-sdm630", "carlo-gavazzi-em340", "abb-b23"] {
        let profile = profile(name).unwrap();
        let ((one, near), (other, far)) = (pseudo_terminal().unwrap(), pseudo_terminal().unwrap());
        let carrier = connect_terminals(one, other);
        let server = Server::start(&far.to_string_lossy(), 1, &profile.golden[0]).unwrap();
        check(&Endpoint::serial(near, Line::default()), profile, &profile.golden[0]).await;
        drop(server);
        carrier.abort();
    }
}
