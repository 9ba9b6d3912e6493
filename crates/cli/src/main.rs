//! The program `wattle`: the household without a window, and its tools.
//!
//! Each command is one file that parses its options and calls a crate. Standard output carries the answer
//! and nothing else; logs and errors go to standard error. Exit status: 0 done and the answer is yes, 1 the
//! answer is no, 2 wrong usage or an unusable input file.

mod backtest;
mod backup;
mod contracts;
mod deals;
mod duration;
mod failure;
mod household;
mod input;
mod join;
mod keys;
mod market;
mod meter;
mod orders;
mod output;
mod rules;
mod run;
mod statement;
mod stop;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use failure::Failure;
use output::Output;

#[derive(Parser)]
#[command(name = "wattle", version, about = "Sell your rooftop surplus to your neighbours, and buy theirs.")]
struct Cli {
    /// Print JSON: one object, or one object a line where a command streams
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Run the household without a window: read the meters, trade by the rules, keep the history
    Run(run::RunOptions),
    /// Stop trading and withdraw every open order, also while another program trades
    Stop(stop::StopOptions),
    /// Let the rules trade again
    Resume(stop::StopOptions),
    /// Show a market's terms and join it
    Join(join::JoinOptions),
    /// Show the key by which the market knows this device
    Keys(keys::KeysOptions),
    /// What this home asks of the market: list, place, cancel
    #[command(subcommand)]
    Orders(orders::Command),
    /// Direct deals with a neighbour: list, propose, accept, end
    #[command(subcommand)]
    Deals(deals::Command),
    /// What the utility charges and pays, from which day on: list, add, check
    #[command(subcommand)]
    Contracts(contracts::Command),
    /// Check rules, and try them on this home's past
    #[command(subcommand)]
    Rules(rules::Command),
    /// Make a month's statement
    #[command(subcommand)]
    Statement(statement::Command),
    /// Verify a statement from its own evidence; no server is asked
    Verify(verify::VerifyOptions),
    /// Copy the history to a file, also while a program trades
    Backup(backup::BackupOptions),
    /// Put a backup in the place of the history
    Restore(backup::RestoreOptions),
    /// Try a meter: list profiles, read once, watch
    #[command(subcommand)]
    Meter(meter::Command),
    /// Clear, verify, explain and settle a slot from files
    #[command(subcommand)]
    Market(market::Command),
}

/// Whether what was asked is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    No,
}

fn main() -> ExitCode {
    log_to_standard_error();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(cli.json);
    let outcome = match cli.command {
        Command::Run(options) => run::run(options, output),
        Command::Stop(options) => on_runtime(stop::stop(options, output)),
        Command::Resume(options) => on_runtime(stop::resume(options, output)),
        Command::Join(options) => on_runtime(join::join(options, output)),
        Command::Keys(options) => keys::keys(&options, output),
        Command::Orders(command) => on_runtime(orders::run(command, output)),
        Command::Deals(command) => on_runtime(deals::run(command, output)),
        Command::Contracts(command) => on_runtime(contracts::run(command, output)),
        Command::Rules(command) => rules::run(command, output),
        Command::Statement(command) => on_runtime(statement::run(command, output)),
        Command::Verify(options) => verify::verify(&options, output),
        Command::Backup(options) => backup::backup(&options, output),
        Command::Restore(options) => backup::restore(&options, output),
        Command::Meter(command) => meter::run(command, output),
        Command::Market(command) => market::run(command, output),
    };
    match outcome {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Err(failure) => failure.report(cli.json),
    }
}

/// Runs until the command is done. One thread is enough for one question.
fn on_runtime(command: impl Future<Output = Result<Verdict, Failure>>) -> Result<Verdict, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system(format!("The runtime did not start: {error}.")))?
        .block_on(command)
}

/// Prints what is wrong with the command line, or the help that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    // Where standard error is closed, nobody is told.
    drop(error.print());
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--json") {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Failure::usage(first, "See `wattle --help`.").report(true);
    }
    ExitCode::from(2)
}

/// Logs warnings, or what `WATTLE_LOG` says, such as `drivers=debug`.
fn log_to_standard_error() {
    let filter = EnvFilter::try_from_env("WATTLE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
