//! `cargo xtask run`: the app in a living street, or the street alone.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::provision::{Needs, provision};
use crate::shell::{cargo, command, npm, run as run_command, say, target_dir};

/// Where the window's street begins unless told otherwise: a June forenoon, with half a month behind it.
const WINDOW_START: &str = "2026-06-16T08:00:00Z";
/// A slot of a quarter hour passes in a quarter minute: fast enough to watch, slow enough to read.
const WINDOW_SPEED: f64 = 60.0;

#[derive(Args)]
pub struct RunArguments {
    /// No window: the whole street in the terminal.
    #[arg(long)]
    headless: bool,
    /// Opens the app alone, for one's own meter.
    #[arg(long, conflicts_with = "headless")]
    own: bool,
    /// Market seconds in a real second, at most 450.
    #[arg(long)]
    speed: Option<f64>,
    #[arg(long, default_value_t = 6)]
    houses: u32,
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Market time at the start, such as 2026-06-01T00:00:00Z.
    #[arg(long)]
    start: Option<String>,
    /// How long to run in market time, such as 24h; without it until interrupted.
    #[arg(long = "for")]
    duration: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Keeps the street's files in this folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Installs what is missing without asking.
    #[arg(long)]
    yes: bool,
}

pub fn run(arguments: &RunArguments) -> Result<()> {
    if arguments.headless {
        return headless(arguments);
    }
    if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() {
        bail!(
            "There is no display to open a window on. Run `cargo xtask run --headless` for the street in the terminal, \
             or start this from a desktop."
        );
    }
    provision(Needs::Window, arguments.yes)?;
    build_window()?;
    let binaries = target_dir()?.join("debug");
    if arguments.own {
        let mut app = command(binaries.join("wattle-app"));
        if let Some(data) = &arguments.data {
            app.arg("--data").arg(data);
        }
        return run_command(&mut app);
    }
    in_a_street(arguments, &binaries)
}

/// Builds the UI and then the window that carries it.
pub fn build_window() -> Result<()> {
    say("Building the UI");
    run_command(&mut npm(&["run", "build", "--silent"]))?;
    say("Building the app and the street (the first build takes some minutes)");
    run_command(cargo().args(["build", "--package", "wattle-app", "--package", "simulator"]))
}

fn headless(arguments: &RunArguments) -> Result<()> {
    provision(Needs::Headless, arguments.yes)?;
    say("Building the street");
    run_command(cargo().args(["build", "--quiet", "--package", "simulator"]))?;
    let mut street = command(target_dir()?.join("debug/wattle-street"));
    pass_on(arguments, &mut street);
    if arguments.json {
        street.arg("--json");
    }
    let status = street.status().context("starting the street")?;
    // The street has said why; its exit status is the answer.
    std::process::exit(status.code().unwrap_or(1));
}

fn pass_on(arguments: &RunArguments, street: &mut Command) {
    street.args(["--houses", &arguments.houses.to_string(), "--seed", &arguments.seed.to_string()]);
    if let Some(speed) = arguments.speed {
        street.args(["--speed", &speed.to_string()]);
    }
    if let Some(start) = &arguments.start {
        street.args(["--start", start]);
    }
    if let Some(duration) = &arguments.duration {
        street.args(["--for", duration]);
    }
    if let Some(data) = &arguments.data {
        street.arg("--data").arg(data);
    }
}

fn in_a_street(arguments: &RunArguments, binaries: &std::path::Path) -> Result<()> {
    say("Starting the street");
    let mut command_line = command(binaries.join("wattle-street"));
    pass_on(arguments, &mut command_line);
    if arguments.speed.is_none() {
        command_line.args(["--speed", &WINDOW_SPEED.to_string()]);
    }
    if arguments.start.is_none() {
        command_line.args(["--start", WINDOW_START]);
    }
    command_line.args(["--app-house", "1", "--past-days", "30", "--sleepy", "--json"]);
    let mut street = Street::start(&mut command_line)?;
    let home = street.ready()?;
    say("Opening the window. Closing it leaves the household running in the tray; Quit there ends it");
    let status = command(binaries.join("wattle-app"))
        .arg("--data")
        .arg(&home)
        .arg("--passphrase-file")
        .arg(home.join("passphrase"))
        .status()
        .context("starting the app")?;
    street.end()?;
    if !status.success() {
        bail!("The app ended with {status}.");
    }
    Ok(())
}

/// The street's process. It ends when its standard input closes, so it never outlives us.
struct Street {
    child: Child,
    input: Option<ChildStdin>,
}

impl Street {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting the street")?;
        let input = child.stdin.take();
        Ok(Self { child, input })
    }

    /// Waits for the line that tells where the app's home lies; later lines are drained.
    fn ready(&mut self) -> Result<PathBuf> {
        let output = self.child.stdout.take().context("the street has no output")?;
        let mut lines = BufReader::new(output).lines();
        for line in lines.by_ref() {
            let event: serde_json::Value =
                serde_json::from_str(&line?).context("the street printed no JSON")?;
            if event["event"] == "ready" {
                let home = event["home"].as_str().context("the street names no home")?.into();
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(home);
            }
        }
        bail!("The street ended before it was ready; it says why above.")
    }

    fn end(&mut self) -> Result<()> {
        drop(self.input.take());
        self.child.wait().context("waiting for the street to end")?;
        Ok(())
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        drop(self.input.take());
        // Already waited for in the good case; in a bad one the closed input ends it.
        let _ = self.child.wait();
    }
}
