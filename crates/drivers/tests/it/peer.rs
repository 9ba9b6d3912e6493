//! The other side: pymodbus in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A running server. It ends when it is dropped.
pub struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    said: String,
}

impl Peer {
    pub fn tcp(port: u16, units: &Value) -> Result<Self> {
        Self::start(&["--tcp", &port.to_string()], units)
    }

    pub fn rtu_over_tcp(port: u16, units: &Value) -> Result<Self> {
        Self::start(&["--rtu-over-tcp", &port.to_string()], units)
    }

    pub fn serial(path: &Path, units: &Value) -> Result<Self> {
        Self::start(&["--serial", &path.to_string_lossy()], units)
    }

    /// Returns where it listens.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    pub fn port(&self) -> u16 {
        self.said.trim().parse().expect("a server on TCP says its port first")
    }

    /// Changes what is served.
    pub fn serve(&mut self, units: &Value) -> Result<()> {
        writeln!(self.input, "{units}")?;
        let answer = self.line()?;
        ensure!(answer == "ok", "the server said {answer:?}");
        Ok(())
    }

    fn start(way: &[&str], units: &Value) -> Result<Self> {
        let python = python()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/pymodbus_server.py");
        let mut process = Command::new(python)
            .arg(script)
            .args(way)
            .arg(units.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the server")?;
        let input = process.stdin.take().context("its input")?;
        let output = BufReader::new(process.stdout.take().context("its output")?);
        let mut peer = Self { process, input, output, said: String::new() };
        peer.said = peer.line()?;
        Ok(peer)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.output.read_line(&mut line)? > 0, "the server ended");
        Ok(line.trim().to_owned())
    }
}

/// Returns a Python that has pymodbus; looked for once, since that takes as long as to start a server.
pub fn python() -> Result<String> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    let python = std::env::var("WATTLE_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = FOUND.get_or_init(|| {
        let output = Command::new(&python).args(["-c", "import pymodbus, serial"]).output();
        output.is_ok_and(|output| output.status.success()).then(|| python.clone())
    });
    found.clone().with_context(|| {
        format!(
            "{python} has no pymodbus, which these tests talk to: run `cargo xtask test`, which installs it, \
             or set WATTLE_PYTHON to a Python that has tests/requirements.txt"
        )
    })
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
