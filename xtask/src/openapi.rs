//! `cargo xtask openapi`: the OpenAPI document of the exchange, generated from the types of the wire.

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, run, say};

#[derive(Args)]
pub struct OpenapiArguments {
    /// Only tells whether the committed file is fresh.
    #[arg(long)]
    check: bool,
}

pub fn openapi(arguments: &OpenapiArguments) -> Result<()> {
    say("Generating the OpenAPI document");
    let mut command = cargo();
    command.args([
        "test",
        "--quiet",
        "--package",
        "exchange",
        "--test",
        "it",
        "the_openapi_document_is_fresh",
    ]);
    if !arguments.check {
        command.env("WATTLE_WRITE_OPENAPI", "1");
    }
    run(&mut command)
}
