//! "Look around on a simulated street": the street's program, started as a process of its own.
//!
//! It lies beside the window's program. It ends when its input closes, so it never outlives the window, and takes
//! its files with it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use home::{HomeOptions, SecretSource};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const PROGRAM: &str = "wattle-street";
/// A June forenoon with a month behind it, on which a quarter hour passes in a quarter minute.
const ARGUMENTS: [&str; 11] = [
    "--app-house",
    "1",
    "--past-days",
    "30",
    "--speed",
    "60",
    "--start",
    "2026-06-16T08:00:00Z",
    "--houses",
    "6",
    "--json",
];
/// A month of six houses is written in some seconds; a small computer takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Its last slots are settled and every statement is verified before it goes.
const FAREWELL: Duration = Duration::from_secs(30);

/// A street that runs, and the home in it that is left to the window.
#[derive(Debug)]
pub struct Street {
    child: Child,
    home: PathBuf,
}

/// Returns the street's program, if this installation has it.
pub fn program() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok()?.with_file_name(PROGRAM);
    beside.is_file().then_some(beside)
}

impl Street {
    pub async fn start() -> anyhow::Result<Self> {
        let program = program().context("This installation has no simulated street.")?;
        let mut child = Command::new(program)
            .args(ARGUMENTS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("The street's program does not start")?;
        let output = child.stdout.take().context("The street's program has no output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = tokio::time::timeout(PATIENCE, ready(&mut lines)).await;
        let home = ready.context("The street was not ready in two minutes")??;
        // What it says of each slot is for a terminal; unread it would stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, home })
    }

    /// Returns how the home in it is opened. Its key lies in the street's own folder, not in the keyring.
    pub fn home(&self, own: &HomeOptions) -> HomeOptions {
        HomeOptions {
            dir: self.home.clone(),
            secrets: SecretSource::PassphraseFile(self.home.join("passphrase")),
            create: false,
            ..own.clone()
        }
    }

    /// Lets the street end in order, and with it its files.
    pub async fn end(mut self) {
        drop(self.child.stdin.take());
        match tokio::time::timeout(FAREWELL, self.child.wait()).await {
            Ok(Ok(status)) => tracing::info!(%status, "the street has ended"),
            Ok(Err(error)) => tracing::warn!(%error, "the street cannot be waited for"),
            Err(_) => tracing::warn!("the street did not end in time, so it is killed"),
        }
    }
}

/// Waits for the line that tells where the window's home lies.
async fn ready(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<PathBuf> {
    while let Some(line) = lines.next_line().await.context("The street cannot be heard")? {
        let event: serde_json::Value = serde_json::from_str(&line).context("The street printed no JSON")?;
        if event["event"] == "ready" {
            return event["home"].as_str().map(PathBuf::from).context("The street names no home");
        }
    }
    bail!("The street ended before it was ready.")
}
