//! `cargo xtask meter-faults`: real Modbus servers with mixed faults between them and the drivers.

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::provision::{self, Needs};
use crate::shell::{cargo, run, say};

#[derive(Args)]
pub struct MeterFaultsArguments {
    /// How long, such as `90s`, `10m` or `1h`; all combinations run at once.
    #[arg(long = "for", default_value = "10m", value_parser = seconds)]
    lasts: u64,
    /// The same seed makes the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this server: pymodbus, libmodbus or modbus-serial.
    #[arg(long)]
    server: Option<String>,
    /// Only this line: tcp or serial.
    #[arg(long)]
    line: Option<String>,
    /// No faults: a scan, then a poll each second, and the function codes of the servers' own logs.
    #[arg(long)]
    wire_log: bool,
    /// No faults: each profile once from each server over each line, with its own pauses.
    #[arg(long, conflicts_with = "wire_log")]
    profiles: bool,
    /// Installs what is missing without asking.
    #[arg(long)]
    yes: bool,
}

pub fn meter_faults(arguments: &MeterFaultsArguments) -> Result<()> {
    provision::provision(Needs::Peers, arguments.yes)?;
    say(&match arguments.profiles {
        true => "Reading each profile from each server".to_owned(),
        false => format!("Reading through faults for {} s", arguments.lasts),
    });
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--package", "drivers", "--example", "meter_faults", "--"])
        .args(["--for", &arguments.lasts.to_string(), "--seed", &arguments.seed.to_string()])
        .env("WATTLE_PYTHON", provision::python()?);
    for (name, value) in [("--server", &arguments.server), ("--line", &arguments.line)] {
        command.args(value.iter().flat_map(|value| [name, value]));
    }
    if arguments.wire_log {
        command.arg("--wire-log");
    }
    if arguments.profiles {
        command.arg("--profiles");
    }
    run(&mut command)
}

/// Reads a time such as `90s`, `10m` or `1h`.
fn seconds(text: &str) -> Result<u64> {
    let (number, unit) = match text.find(|letter: char| !letter.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let number: u64 = number.parse().with_context(|| format!("{text} is no time such as 10m"))?;
    match unit {
        "s" => Ok(number),
        "m" => Ok(number * 60),
        "h" => Ok(number * 3600),
        _ => bail!("{text} is no time such as 90s, 10m or 1h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [("90s", 90), ("10m", 600), ("1h", 3600), ("5", 5)] {
            assert_eq!(seconds(text).ok(), Some(expected), "{text}");
        }
        for text in ["", "m", "10x", "-1s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
