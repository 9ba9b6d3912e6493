//! Real Modbus servers with faults between them and the drivers, for as long as one likes:
//! `cargo run -p drivers --example meter_faults -- [--for 600] [--seed N] [--server NAME] [--line tcp|serial]
//! [--wire-log | --profiles]`; `cargo xtask meter-faults` installs what it needs first.
//!
//! Each server is read over each line, all at once since most of it is waiting. Prints a line of JSON a
//! combination. With `--wire-log` there are no faults: each second is a poll, after a scan, and what the
//! server's own log says must be what went over the wire. With `--profiles` each profile is read once from each
//! server over each line, with its own pauses.

#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its wire has failed")]
#![allow(dead_code, reason = "the tests use more of the bench than this does")]

#[path = "../tests/it/every_profile.rs"]
mod every_profile;
#[path = "../tests/it/golden.rs"]
mod golden;
#[path = "../tests/it/mixed/mod.rs"]
mod mixed;
#[path = "../tests/it/peer.rs"]
mod peer;
#[path = "../tests/it/proxy.rs"]
mod proxy;
#[path = "../tests/it/servers.rs"]
mod servers;
#[path = "../tests/it/terminal.rs"]
mod terminal;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mixed::{Combination, Run};

struct Arguments {
    lasts: Duration,
    seed: u64,
    server: Option<String>,
    line: Option<String>,
    wire_log: bool,
    profiles: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let chosen = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let combinations: Vec<Combination> = Combination::all()
        .filter(|combination| {
            chosen(&arguments.server, &combination.stack.to_string())
                && chosen(&arguments.line, combination.line())
        })
        .collect();
    if combinations.is_empty() {
        bail!("no such server or line: there are pymodbus, libmodbus and modbus-serial, tcp and serial");
    }
    if arguments.profiles {
        let runs: Vec<_> = combinations
            .into_iter()
            .map(|combination| tokio::spawn(every_profile::read(combination, |_| true)))
            .collect();
        for run in runs {
            println!("{}", run.await??.line());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let runs: Vec<_> = combinations
        .into_iter()
        .map(|combination| Run {
            combination,
            lasts: arguments.lasts,
            seed: arguments.seed,
            faults: !arguments.wire_log,
        })
        .map(|run| tokio::spawn(async move { run.run().await }))
        .collect();
    let mut failed = false;
    for run in runs {
        let figures = run.await??;
        println!("{}", figures.line());
        for complaint in figures.complaints() {
            eprintln!("{} over {}: {complaint}", figures.combination.stack, figures.combination.line());
            failed = true;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            lasts: Duration::from_secs(600),
            seed: 1,
            server: None,
            line: None,
            wire_log: false,
            profiles: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--wire-log" => arguments.wire_log = true,
                "--profiles" => arguments.profiles = true,
                _ => arguments.take(&word, words.next())?,
            }
        }
        Ok(arguments)
    }

    fn take(&mut self, word: &str, value: Option<String>) -> Result<()> {
        let value = value.with_context(|| format!("{word} takes a value"))?;
        match word {
            "--for" => self.lasts = Duration::from_secs(value.parse().context("--for seconds")?),
            "--seed" => self.seed = value.parse().context("--seed number")?,
            "--server" => self.server = Some(value),
            "--line" => self.line = Some(value),
            _ => bail!("unknown option {word}"),
        }
        Ok(())
    }
}
