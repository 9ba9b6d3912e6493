//! The servers that this project did not write, each in a process of its own and told the same things.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use metering::{Golden, Profile};
use serde_json::{Map, Value, json};

use crate::golden;
use crate::peer::python;

/// Where the servers' sources lie.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers");

/// A program that serves Modbus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stack {
    Pymodbus,
    /// It serves one connection and one unit, and on TCP it does not look at the unit.
    Libmodbus,
    ModbusSerial,
}

impl Stack {
    pub const ALL: [Self; 3] = [Self::Pymodbus, Self::Libmodbus, Self::ModbusSerial];
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pymodbus => "pymodbus",
            Self::Libmodbus => "libmodbus",
            Self::ModbusSerial => "modbus-serial",
        })
    }
}

/// Where it serves. A port of 0 is chosen.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    Tcp(u16),
    Serial(&'a Path),
}

/// What it serves as each of some units.
#[derive(Clone, Copy, Debug)]
pub enum Shows<'a> {
    /// Words that change each second, see [`word_at`].
    Clock,
    Frame(&'a Profile, &'a Golden),
}

/// Returns the word that a register shows in a second of the clock: another in the next second, and in any
/// other register, so that an old value and another's are both seen to be wrong.
pub fn word_at(second: u64, unit: u8, function: u8, address: u16) -> u16 {
    let sum = (second as u32)
        .wrapping_mul(2_654_435_761)
        .wrapping_add(u32::from(address) * 40_503)
        .wrapping_add(u32::from(unit) * 4099)
        .wrapping_add(u32::from(function) * 257);
    let mixed = (sum ^ (sum >> 15)).wrapping_mul(2_246_822_519);
    (mixed ^ (mixed >> 13)) as u16
}

/// A running server. It ends when it is dropped.
pub struct Server {
    process: Child,
    said: String,
}

impl Server {
    /// Starts a server; its log, if any, has the function code of each request.
    pub fn start(stack: Stack, way: Way, units: &[(u8, Shows)], log: Option<&Path>) -> Result<Self> {
        let mut command = match stack {
            Stack::Libmodbus => libmodbus(way, units, log)?,
            Stack::Pymodbus => {
                let mut command = Command::new(python()?);
                command.arg(format!("{PEERS}/pymodbus_server.py"));
                told_as_json(command, way, units, log)
            }
            Stack::ModbusSerial => {
                ensure!(
                    Path::new(PEERS).join("node_modules/modbus-serial").exists(),
                    "modbus-serial is not installed: run `cargo xtask test`, which installs it, or \
                     `npm ci` in tests/peers"
                );
                let mut command = Command::new("node");
                command.arg(format!("{PEERS}/modbus_serial_server.mjs"));
                told_as_json(command, way, units, log)
            }
        };
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {stack}"))?;
        let mut said = String::new();
        let output = process.stdout.take().context("its output")?;
        ensure!(BufReader::new(output).read_line(&mut said)? > 0, "{stack} ended before it served");
        Ok(Self { process, said: said.trim().to_owned() })
    }

    pub fn port(&self) -> u16 {
        self.said.parse().expect("a server on TCP says its port first")
    }

    /// Returns where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn told_as_json(mut command: Command, way: Way, units: &[(u8, Shows)], log: Option<&Path>) -> Command {
    match way {
        Way::Tcp(port) => command.args(["--tcp", &port.to_string()]),
        Way::Serial(path) => command.arg("--serial").arg(path),
    };
    if let Some(log) = log {
        command.arg("--log").arg(log);
    }
    let shown = units.iter().map(|(unit, shows)| {
        let shown = match shows {
            Shows::Clock => json!({ "clock": true }),
            Shows::Frame(profile, golden) => golden::unit(profile, golden),
        };
        (unit.to_string(), shown)
    });
    command.arg(Value::Object(shown.collect::<Map<_, _>>()).to_string());
    command
}

fn libmodbus(way: Way, units: &[(u8, Shows)], log: Option<&Path>) -> Result<Command> {
    let [(unit, shows)] = units else { anyhow::bail!("libmodbus serves one unit") };
    let mut command = Command::new(libmodbus_program()?);
    match way {
        Way::Tcp(port) => command.arg(format!("tcp:{port}")),
        Way::Serial(path) => command.arg(path),
    };
    command.arg(unit.to_string());
    if let Some(log) = log {
        command.arg(format!("log:{}", log.display()));
    }
    match shows {
        Shows::Clock => drop(command.arg("clock")),
        Shows::Frame(_, golden) => {
            for block in &golden.registers {
                let words = block.words.split_whitespace().map(|word| u16::from_str_radix(word, 16));
                let words: Vec<String> =
                    words.map(|word| word.map(|word| word.to_string())).collect::<Result<_, _>>()?;
                command.arg(format!("{}:{}:{}", block.function, block.address, words.join(",")));
            }
        }
    }
    Ok(command)
}

/// Returns the server in C, compiled once by the system's compiler.
fn libmodbus_program() -> Result<&'static Path> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        // Beside this program, which lies in cargo's target folder. Two that compile it at once do not meet.
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = program.with_file_name("libmodbus_server");
        let compiling = program.with_extension(std::process::id().to_string());
        let compiled = Command::new("cc")
            .args(["-O1", "-I/usr/include/modbus", "-o"])
            .arg(&compiling)
            .args([&format!("{PEERS}/libmodbus_server.c"), "-lmodbus", "-lpthread"])
            .output()
            .map_err(|error| format!("no C compiler: {error}"))?;
        if compiled.status.success() {
            std::fs::rename(&compiling, &program).map_err(|error| error.to_string())?;
            Ok(program)
        } else {
            Err(format!(
                "this needs libmodbus-dev, which `cargo xtask test` installs: {}",
                String::from_utf8_lossy(&compiled.stderr)
            ))
        }
    });
    program.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}
