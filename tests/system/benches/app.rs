//! What the whole app costs in memory and processor: the window with its household, beside the household
//! without a window.
//!
//! Runs `wattle-app` as it is shipped, on a display without a screen. With `--json` a line of JSON a figure.

#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its house has failed")]

#[path = "shared/figure.rs"]
mod figure;
#[path = "shared/process.rs"]
#[allow(dead_code, reason = "the bench of the household uses more of it")]
mod process;

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use figure::Figure;
use process::{House, Program, resident_mb, target_dir};

/// How long a program settles before its memory is read.
const SETTLED: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(10);
/// What the display costs is not the app's.
const DISPLAY: [&str; 2] = ["Xvfb", "xvfb-run"];

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let folder = tempfile::tempdir_in(target_dir()).unwrap();
    let house = House::new(&folder.path().join("street"));

    let mut household = Program::start("wattle", &house.run_arguments());
    household.event("first_sample");
    std::thread::sleep(SETTLED);
    let alone = Usage::of(&[household.id()]);
    household.end();

    let app = target_dir().join("release/wattle-app");
    let mut command = Command::new("xvfb-run");
    command.args(["--auto-servernum", "--server-args=-screen 0 1440x1000x24"]).arg(app);
    command.args(["--data", house.dir(), "--passphrase-file", &format!("{}/passphrase", house.dir())]);
    let display = Program::of(command);
    std::thread::sleep(SETTLED);
    let processes = processes_of(display.id());
    assert!(
        processes.iter().any(|process| process.name.starts_with("WebKitWebProc")),
        "there is no window: {processes:?}"
    );
    let whole = Usage::of(&processes.iter().map(|process| process.id).collect::<Vec<_>>());
    for process in processes.iter().filter(|process| process.name == "wattle-app") {
        Command::new("kill").args(["-TERM", &process.id.to_string()]).status().unwrap();
    }
    // The display goes when the window has gone.
    display.wait();
    Figure::new("app/memory", whole.memory_mb, "MB").against("wattle run", alone.memory_mb).tell(json);
    Figure::new("app/processor", whole.processor, "%").against("wattle run", alone.processor).tell(json);
}

/// What processes use at rest.
struct Usage {
    memory_mb: f64,
    /// Of one core.
    processor: f64,
}

impl Usage {
    fn of(processes: &[u32]) -> Self {
        let seconds = || processes.iter().filter_map(|&process| processor_seconds(process)).sum::<f64>();
        let before = seconds();
        std::thread::sleep(MEASURED);
        let processor = (seconds() - before) / MEASURED.as_secs_f64() * 100.0;
        Self { memory_mb: processes.iter().filter_map(|&process| resident_mb(process)).sum(), processor }
    }
}

/// Linux counts time in hundredths of a second, whatever the machine.
const TICKS_A_SECOND: f64 = 100.0;

/// Returns how long a process has used a core so far.
fn processor_seconds(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may hold anything, a parenthesis too, so the fields are counted from its end.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_A_SECOND)
}

#[derive(Debug)]
struct Process {
    id: u32,
    parent: u32,
    name: String,
}

/// Returns the processes below one, the display's left out.
fn processes_of(root: u32) -> Vec<Process> {
    let all: Vec<Process> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| read(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let mut family = HashSet::from([root]);
    // Children may be listed before their parents.
    while let Some(child) = all.iter().find(|it| family.contains(&it.parent) && !family.contains(&it.id)) {
        family.insert(child.id);
    }
    all.into_iter().filter(|it| family.contains(&it.id) && !DISPLAY.contains(&it.name.as_str())).collect()
}

fn read(id: u32) -> Option<Process> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let field = |name: &str| Some(status.lines().find_map(|line| line.strip_prefix(name))?.trim().to_owned());
    Some(Process { id, parent: field("PPid:")?.parse().ok()?, name: field("Name:")? })
}
