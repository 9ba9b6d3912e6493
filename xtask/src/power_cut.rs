//! `cargo xtask power-cut`: cuts the power and kills the exchange under load, far more often than the tests do.

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, run, say};

#[derive(Args)]
pub struct PowerCutArguments {
    /// How many disks to make of one recording, each as a power cut may have left it.
    #[arg(long, default_value_t = 3000)]
    images: u32,
    /// How often to kill a served exchange.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// The same seed tears the same writes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn power_cut(arguments: &PowerCutArguments) -> Result<()> {
    let PowerCutArguments { images, kills, seed } = arguments;
    say(&format!("Cutting the power {images} times, killing the exchange {kills} times"));
    let mut command = cargo();
    command
        .args(["test", "--quiet", "--package", "exchange", "--test", "it", "--"])
        .args(["--nocapture", "--test-threads", "1", "power_cut::", "kills::"])
        .env("WATTLE_POWER_CUT_IMAGES", images.to_string())
        .env("WATTLE_POWER_CUT_SEED", seed.to_string())
        .env("WATTLE_KILLS", kills.to_string());
    run(&mut command)
}
