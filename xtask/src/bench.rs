//! `cargo xtask bench`: the figures that the project promises, each beside something measured in the same run.

use anyhow::{Result, bail};
use clap::Args;

use crate::provision::{Needs, provision, python};
use crate::shell::{cargo, run, say, target_dir};

#[derive(Args)]
pub struct BenchArguments {
    /// Which benches; all without a name.
    names: Vec<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A bench is a program of the crate it measures; it prints a line a figure.
struct Bench {
    name: &'static str,
    package: &'static str,
    /// The packages whose programs it runs as they are shipped.
    programs: &'static [&'static str],
}

const HOUSEHOLD: &[&str] = &["wattle-cli", "simulator"];

const BENCHES: &[Bench] = &[
    Bench { name: "clear", package: "market", programs: &[] },
    Bench { name: "settle", package: "settlement", programs: &[] },
    Bench { name: "backtest", package: "rules", programs: &[] },
    Bench { name: METER, package: "drivers", programs: &[] },
    Bench { name: "household", package: "system-tests", programs: HOUSEHOLD },
    Bench { name: "app", package: "system-tests", programs: HOUSEHOLD },
];

/// It reads Modbus servers that we did not write.
const METER: &str = "meter";

/// Building the window takes minutes and needs its libraries, so it is measured where it has been built.
const WINDOW: &str = "release/wattle-app";

pub fn bench(arguments: &BenchArguments) -> Result<()> {
    if let Some(name) = arguments.names.iter().find(|name| !BENCHES.iter().any(|bench| bench.name == **name))
    {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("No bench is called {name}; there are: {}.", names.join(", "));
    }
    let mut chosen: Vec<&Bench> = BENCHES
        .iter()
        .filter(|bench| arguments.names.is_empty() || arguments.names.iter().any(|name| name == bench.name))
        .collect();
    if !target_dir()?.join(WINDOW).exists() {
        let why = "The window is not built: cargo build --release --package wattle-app";
        if arguments.names.iter().any(|name| name == "app") {
            bail!("{why}.");
        }
        say(&format!("Leaving out app. {why}"));
        chosen.retain(|bench| bench.name != "app");
    }
    if chosen.iter().any(|bench| bench.name == METER) {
        provision(Needs::Peers, false)?;
    }
    build(&chosen)?;
    for bench in chosen {
        say(&format!("Measuring {}", bench.name));
        let mut command = cargo();
        command.args(["bench", "--quiet", "--package", bench.package, "--bench", bench.name, "--"]);
        command.env("WATTLE_PYTHON", python()?);
        if arguments.json {
            command.arg("--json");
        }
        run(&mut command)?;
    }
    Ok(())
}

/// Builds the programs that the benches run.
fn build(benches: &[&Bench]) -> Result<()> {
    let mut programs: Vec<&str> = benches.iter().flat_map(|bench| bench.programs).copied().collect();
    programs.sort_unstable();
    programs.dedup();
    if programs.is_empty() {
        return Ok(());
    }
    say("Building the programs as they are shipped");
    let mut command = cargo();
    command.args(["build", "--release", "--quiet"]);
    for program in programs {
        command.args(["--package", program]);
    }
    run(&mut command)
}
