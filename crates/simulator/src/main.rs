//! `wattle-street`: a simulated street as a program, for `cargo xtask run` and for looking on.

mod options;
mod program;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::options::Options;

/// The answer is no: something does not add up.
const NO: u8 = 1;
/// Wrong usage, or a street that cannot be built.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::try_from_env("WATTLE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let json = options.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tell(json, &error.into()),
    };
    match runtime.block_on(program::run(options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NO),
        Err(error) => tell(json, &error),
    }
}

/// Prints the chain of causes once, as a sentence or as the last line of JSON.
fn tell(json: bool, error: &anyhow::Error) -> ExitCode {
    let message = format!("{error:#}");
    if json {
        let hint = "wattle-street --help lists the options";
        let line = serde_json::json!({ "error": { "code": "street", "message": message, "hint": hint } });
        eprintln!("{line}");
    } else {
        eprintln!("{message}");
    }
    ExitCode::from(WRONG)
}
