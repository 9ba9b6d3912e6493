//! `cargo xtask bindings`: the UI's types and calls, generated from the window's commands.

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, run, say};

#[derive(Args)]
pub struct BindingsArguments {
    /// Only tells whether the committed file is fresh.
    #[arg(long)]
    check: bool,
}

pub fn bindings(arguments: &BindingsArguments) -> Result<()> {
    say("Generating the UI's bindings");
    let mut command = cargo();
    command.args(["test", "--quiet", "--package", "wattle-app", "bindings_are_fresh"]);
    if !arguments.check {
        command.env("WATTLE_WRITE_BINDINGS", "1");
    }
    run(&mut command)
}
