//! Programs as they are shipped, and a house for them to run in.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use home::config::HomeConfig;
use serde_json::Value;

/// A program that runs; it is ended with this value.
pub struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Returns where cargo puts what it builds: a bench lies in `release/deps`.
pub fn target_dir() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}

impl Program {
    /// Starts a program of this project.
    pub fn start(name: &str, arguments: &[String]) -> Self {
        let path = target_dir().join("release").join(name);
        assert!(path.exists(), "{} is missing; `cargo xtask bench` builds it", path.display());
        let mut command = Command::new(path);
        command.args(arguments);
        Self::of(command)
    }

    pub fn of(mut command: Command) -> Self {
        let mut process = command
            // A house of a street keeps its key in a file; nothing is looked for in anyone's keyring.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    pub fn line(&mut self) -> Value {
        let line = self.lines.next().expect("the program goes on").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub fn event(&mut self, name: &str) -> Value {
        loop {
            let line = self.line();
            if line["event"] == name {
                return line;
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn resident_mb(&self) -> f64 {
        resident_mb(self.id()).expect("it runs")
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) {
        self.process.wait().unwrap();
    }

    /// Asks it to end and waits until it has.
    pub fn end(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success() && self.process.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns how much memory of a process is resident, which counts pages that it shares in full.
pub fn resident_mb(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// A house of a street of two that runs at the pace of the real world.
pub struct House {
    dir: String,
    meter: String,
    _street: Program,
}

impl House {
    pub fn new(data: &Path) -> Self {
        let data = data.to_str().unwrap();
        // The first house has a serial line, which one program at a time can use.
        let options = "--app-house 2 --houses 2 --speed 1 --past-days 0 --json --data";
        let arguments: Vec<String> = options.split(' ').chain([data]).map(str::to_owned).collect();
        let mut street = Program::start("wattle-street", &arguments);
        let dir = street.event("ready")["home"].as_str().unwrap().to_owned();
        let config = HomeConfig::load(Path::new(&dir)).unwrap();
        let meter = config.meters[0].tcp.clone().expect("the second house has its meters on TCP");
        Self { dir, meter, _street: street }
    }

    pub fn run_arguments(&self) -> Vec<String> {
        let passphrase = format!("{}/passphrase", self.dir);
        words(&["run", "--json", "--data", &self.dir, "--passphrase-file", &passphrase])
    }

    pub fn dir(&self) -> &str {
        &self.dir
    }

    pub fn meter_arguments(&self, command: &str) -> Vec<String> {
        words(&[
            "meter",
            command,
            "--json",
            "--profile",
            "eastron-sdm630",
            "--unit",
            "1",
            "--tcp",
            &self.meter,
        ])
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
