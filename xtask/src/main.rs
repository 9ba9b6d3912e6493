//! The project's errands: `cargo xtask run | test | bindings | meter-data | meter-faults | openapi | bench | power-cut | screenshots
//! | dist`.

mod bench;
mod bindings;
mod dist;
mod failures;
mod graph;
mod meter_data;
mod meter_faults;
mod openapi;
mod power_cut;
mod provision;
mod run;
mod shell;
mod test;
mod window;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's errands")]
struct Arguments {
    #[command(subcommand)]
    errand: Errand,
}

#[derive(Subcommand)]
enum Errand {
    /// Brings up the app in a living street; `--own` opens it alone, for one's own meter.
    Run(run::RunArguments),
    /// Runs everything: unit, property, integration, browser and end-to-end tests.
    Test(test::TestArguments),
    /// Writes the UI's bindings to the commands of the window.
    Bindings(bindings::BindingsArguments),
    /// Holds a folder of recorded telegrams against their expected values.
    MeterData(meter_data::MeterDataArguments),
    /// Reads real Modbus servers through mixed faults: no wrong value, and values again in time.
    MeterFaults(meter_faults::MeterFaultsArguments),
    /// Writes the exchange's OpenAPI document.
    Openapi(openapi::OpenapiArguments),
    /// Measures the figures that the project promises.
    Bench(bench::BenchArguments),
    /// Cuts the power and kills the exchange under load, thousands of times.
    PowerCut(power_cut::PowerCutArguments),
    /// Takes the README's pictures from the real window.
    Screenshots(window::ScreenshotsArguments),
    /// Makes the packages, and tries them on a clean root file system.
    Dist(dist::DistArguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().errand {
        Errand::Run(arguments) => run::run(&arguments),
        Errand::Test(arguments) => test::test(&arguments),
        Errand::Bindings(arguments) => bindings::bindings(&arguments),
        Errand::MeterData(arguments) => meter_data::meter_data(&arguments),
        Errand::MeterFaults(arguments) => meter_faults::meter_faults(&arguments),
        Errand::Openapi(arguments) => openapi::openapi(&arguments),
        Errand::Bench(arguments) => bench::bench(&arguments),
        Errand::PowerCut(arguments) => power_cut::power_cut(&arguments),
        Errand::Screenshots(arguments) => window::screenshots(&arguments),
        Errand::Dist(arguments) => dist::dist(&arguments),
    }
}
