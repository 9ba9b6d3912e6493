//! `cargo xtask test`: everything, in the order in which it fails soonest.

use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use crate::meter_data;
use crate::provision::{self, Needs};
use crate::run::build_window;
use crate::shell::{cargo, npm, run, say, target_dir};

#[derive(Args)]
pub struct TestArguments {
    /// Installs what is missing without asking.
    #[arg(long)]
    yes: bool,
    /// Runs only these steps, by name.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// One step: its name and what it does.
struct Step {
    name: &'static str,
    does: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", does: format },
    Step { name: "ui", does: ui },
    Step { name: "lint", does: lint },
    Step { name: "rust", does: rust },
    Step { name: "meters", does: meter_data::beside_the_checkout },
    Step { name: "browser", does: browser },
    Step { name: "operator", does: operator },
    Step { name: "window", does: window },
];

pub fn test(arguments: &TestArguments) -> Result<()> {
    provision::provision(Needs::Everything, arguments.yes)?;
    let chosen =
        |step: &&Step| arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name);
    let started = Instant::now();
    let mut passed = 0;
    for step in STEPS.iter().filter(chosen) {
        let began = Instant::now();
        (step.does)().with_context(|| format!("the step \"{}\" failed", step.name))?;
        passed += 1;
        say(&format!("{} passed in {} s", step.name, began.elapsed().as_secs()));
    }
    anyhow::ensure!(passed > 0, "no step has such a name; there are: {}", names());
    say(&format!("Everything passed in {} min", started.elapsed().as_secs().div_ceil(60)));
    println!("steps: {passed} passed, 0 failed");
    Ok(())
}

fn names() -> String {
    STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
}

fn format() -> Result<()> {
    say("Checking the format");
    run(cargo().args(["fmt", "--all", "--check"]))
}

fn ui() -> Result<()> {
    say("Checking, testing and building the UI");
    run(&mut npm(&["run", "lint", "--silent"]))?;
    run(&mut npm(&["run", "check", "--silent"]))?;
    run(&mut npm(&["run", "test", "--silent"]))?;
    run(&mut npm(&["run", "build", "--silent"]))
}

fn lint() -> Result<()> {
    say("Linting the Rust code");
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))
}

fn rust() -> Result<()> {
    say("Testing the Rust code");
    run(cargo().args(["test", "--workspace", "--quiet"]).env("WATTLE_PYTHON", provision::python()?))
}

fn browser() -> Result<()> {
    say("Testing the UI in a real browser");
    run(&mut npm(&["run", "test:browser", "--silent"]))
}

fn operator() -> Result<()> {
    say("Testing the operator's page of the exchange in a real browser");
    let made = ["--bin", "wattle-exchange", "--example", "operator_market"];
    run(cargo().args(["build", "--quiet", "--package", "exchange"]).args(made))?;
    let pictures = target_dir()?.join("operator");
    std::fs::create_dir_all(&pictures)?;
    run(npm(&["run", "test:operator", "--silent", "--"])
        .arg(&pictures)
        .env("WATTLE_BINARIES", target_dir()?.join("debug")))?;
    say(&format!("Pictures of the page are in {}", pictures.display()));
    Ok(())
}

fn window() -> Result<()> {
    build_window()?;
    crate::window::test()
}
