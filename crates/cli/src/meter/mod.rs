//! `wattle meter`: tries a meter.

mod book;
mod decode;
mod device;
mod known;
mod profiles;
mod read;
mod sample;
mod scan;
mod watch;

pub use sample::Thousandths;

use crate::failure::Failure;
use crate::output::Output;
use crate::{Verdict, duration, on_runtime};

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the devices that are known
    Profiles(known::ProfilesOptions),
    /// Read a meter once
    Read(device::DeviceOptions),
    /// Read a meter again and again, and tell what happens
    Watch(WatchOptions),
    /// Find meters on a serial port or behind a host
    Scan(scan::ScanOptions),
    /// Say what a recording of a P1 or SML meter holds
    Decode(decode::DecodeOptions),
    /// Say what a sequence of counter readings is worth
    Book(book::BookOptions),
}

#[derive(clap::Args)]
pub struct WatchOptions {
    #[command(flatten)]
    device: device::DeviceOptions,
    /// How often to read
    #[arg(long, default_value = "1s", value_parser = duration::parse)]
    every: std::time::Duration,
    /// When to stop; for ever without it
    #[arg(long = "for", value_parser = duration::parse)]
    lasts: Option<std::time::Duration>,
    /// The length of a slot: 900s, or shorter for diagnosis
    #[arg(long, default_value = "900s", value_parser = duration::parse)]
    slot: std::time::Duration,
    /// What the house's fuses let through; a counter that rises faster is not believed
    #[arg(long, default_value_t = THREE_PHASES_OF_63_AMPERES_W)]
    fuse_w: u32,
}

/// The largest connection that a house usually has: 3 x 63 A x 230 V.
const THREE_PHASES_OF_63_AMPERES_W: u32 = 43_470;

pub fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    match command {
        Command::Profiles(options) => profiles::list(&options, output),
        Command::Read(options) => on_runtime(read::read(options, output)),
        Command::Watch(options) => on_runtime(watch::watch(options, output)),
        Command::Scan(options) => on_runtime(scan::scan(options, output)),
        Command::Decode(options) => decode::decode(&options, output),
        Command::Book(options) => book::book(&options, output),
    }
}

/// Reads an energy as people type it: watt-hours, with decimals if need be, above zero.
fn watt_hours(text: &str) -> Result<units::Energy, String> {
    let energy = text.parse().ok().and_then(units::Energy::from_f64);
    energy
        .filter(|energy| energy.milliwatt_hours() > 0)
        .ok_or_else(|| format!("\"{text}\" is no energy: write watt-hours above 0, such as 10 or 0.1"))
}
