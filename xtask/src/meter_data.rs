//! `cargo xtask meter-data DIR`: every recording of a folder against the values that another program decoded.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use crate::shell::{cargo, root, run, say};

#[derive(Args)]
pub struct MeterDataArguments {
    /// A folder with `dsmr/` and `sml/`, each with recordings and an `expected.json`.
    dir: PathBuf,
}

pub fn meter_data(arguments: &MeterDataArguments) -> Result<()> {
    let dir = std::path::absolute(&arguments.dir)?;
    ensure!(dir.is_dir(), "there is no folder {}", dir.display());
    check(&dir)
}

/// Checks the recordings that lie beside the checkout. They are not ours to hand on, so a checkout alone
/// does not have them.
pub fn beside_the_checkout() -> Result<()> {
    let dir = root().join("../shared/metering/data");
    if !dir.is_dir() {
        say("Skipping the recordings of real meters: there is no ../shared/metering/data");
        return Ok(());
    }
    say("Decoding the recordings of real meters");
    check(&dir)
}

fn check(dir: &Path) -> Result<()> {
    run(cargo().args(["run", "--quiet", "--package", "metering", "--example", "meter_data", "--"]).arg(dir))
}
