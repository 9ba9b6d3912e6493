//! What a household costs: time to the first live value, memory, bytes a day.
//!
//! Runs the programs as they are shipped, which `cargo xtask bench household` builds. Each figure stands
//! beside something simpler that is measured in the same run. With `--json` a line of JSON a figure.

#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its house has failed")]

mod day;
#[path = "../shared/figure.rs"]
mod figure;
#[path = "../shared/process.rs"]
#[allow(dead_code, reason = "the bench of the app uses more of it")]
mod process;

use std::time::{Duration, Instant};

use figure::Figure;
use process::{House, Program};

/// How long a program settles before its memory is read.
const SETTLED: Duration = Duration::from_secs(20);
const STARTS: usize = 5;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let tell = |figure: Figure| figure.tell(json);
    let folder = tempfile::tempdir_in(process::target_dir()).unwrap();

    let house = House::new(&folder.path().join("street"));
    let (start_ms, bare_ms) = first_value(&house);
    tell(Figure::new("household/first-value", start_ms, "ms").against("wattle meter read", bare_ms));
    let (household_mb, watch_mb) = memory(&house);
    tell(Figure::new("household/memory", household_mb, "MB").against("wattle meter watch", watch_mb));
    drop(house);

    let cost = day::of_history(folder.path());
    let naive = day::of_json_lines(folder.path());
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    tell(
        Figure::new("household/database/day", megabytes(cost.size), "MB")
            .against("the same samples as JSON lines", megabytes(naive.size)),
    );
    tell(
        Figure::new("household/written/day", megabytes(cost.written), "MB")
            .against("JSON lines, synced at each reading", megabytes(naive.written)),
    );
}

/// Measures the time from the start of the process to the first live value, and a bare reading of the same
/// meter: a process that starts, asks once and prints. The median of some starts.
fn first_value(house: &House) -> (f64, f64) {
    let mut times = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut running = Program::start("wattle", &house.run_arguments());
        running.event("first_sample");
        times.0.push(began.elapsed());
        running.end();
        let began = Instant::now();
        let mut bare = Program::start("wattle", &house.meter_arguments("read"));
        bare.line();
        times.1.push(began.elapsed());
    }
    (median_ms(times.0), median_ms(times.1))
}

/// Measures the resident memory of the household and of a program that only watches its grid meter.
fn memory(house: &House) -> (f64, f64) {
    let mut running = Program::start("wattle", &house.run_arguments());
    let mut watching = Program::start("wattle", &house.meter_arguments("watch"));
    running.event("first_sample");
    watching.line();
    std::thread::sleep(SETTLED);
    let memory = (running.resident_mb(), watching.resident_mb());
    running.end();
    memory
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
