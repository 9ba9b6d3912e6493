//! `wattle-exchange`: makes a market, serves it, and does the operator's errands.

mod command;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .init();
    let json = arguments.json;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome =
        runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(command::run(arguments)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            report(&error, json);
            ExitCode::from(2)
        }
    }
}

/// Prints the chain of causes once.
fn report(error: &anyhow::Error, json: bool) {
    if json {
        let hint = error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        let line = serde_json::json!({
            "error": { "code": command::code(error), "message": error.to_string(), "hint": hint }
        });
        eprintln!("{line}");
    } else {
        eprintln!("wattle-exchange: {error:#}");
    }
}
