//! `cargo xtask bench`: the figures that the project promises, each beside something measured in the same run.

use anyhow::{Result, bail};
use clap::Args;

use crate::shell::{cargo, run, say};

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
}

const BENCHES: &[Bench] =
    &[Bench { name: "clear", package: "market" }, Bench { name: "household", package: "system-tests" }];

pub fn bench(arguments: &BenchArguments) -> Result<()> {
    let chosen =
        |bench: &&Bench| arguments.names.is_empty() || arguments.names.iter().any(|name| name == bench.name);
    if !BENCHES.iter().any(|bench| chosen(&bench)) {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("No bench has such a name; there are: {}.", names.join(", "));
    }
    if BENCHES.iter().any(|bench| chosen(&bench) && bench.name == "household") {
        say("Building the programs as they are shipped");
        run(cargo().args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "wattle-cli",
            "--package",
            "simulator",
        ]))?;
    }
    for bench in BENCHES.iter().filter(chosen) {
        say(&format!("Measuring {}", bench.name));
        let mut command = cargo();
        command.args(["bench", "--quiet", "--package", bench.package, "--bench", bench.name, "--"]);
        if arguments.json {
            command.arg("--json");
        }
        run(&mut command)?;
    }
    Ok(())
}
